# SPDX-License-Identifier: Apache-2.0
"""An image registry of our own on the loopback address, for pulls."""

import contextlib
import http.client
import shutil
import socket
import subprocess
from pathlib import Path

from .engine import import_image
from .wait import wait_for

CONFIGURATION = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""

# A registry that asks who wants what: the one user that it knows.
USER, PASSWORD = "alice", "wonderland"
HTPASSWD = "alice:$2b$04$Xocfth23.4HwsmVBRTsEiuWrOB1dQU5nJUx0cvEFUq0q2g3BbXmQO\n"
AUTHENTICATION = """\
auth: {{htpasswd: {{realm: tests, path: {path}}}}}
"""


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Registry:
    """Processes are named by their configuration file, so the Engine's clean-up finds a left one."""

    def __init__(self, directory, private=False):
        self.directory = Path(directory) / ("private-registry" if private else "registry")
        self.private = private
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.directory.mkdir()
        configuration = self.directory / "config.yml"
        text = CONFIGURATION.format(storage=self.directory / "storage", port=self.port)
        if self.private:
            (self.directory / "htpasswd").write_text(HTPASSWD)
            text += AUTHENTICATION.format(path=self.directory / "htpasswd")
        configuration.write_text(text)
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                [shutil.which("docker-registry"), "serve", str(configuration)], stdout=log, stderr=log
            )
        wait_for(self._answers_or_died, 20, "the registry")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def publish(self, client, repository, tag):
        """Puts an image into the registry and out of the Engine; returns its reference."""
        name = f"{self.host}/{repository}"
        import_image(client, f"{name}:{tag}")
        login = {"username": USER, "password": PASSWORD} if self.private else None
        for line in client.push(name, tag, stream=True, decode=True, auth_config=login):
            assert "error" not in line, line
        client.remove_image(f"{name}:{tag}", force=True)
        return f"{name}:{tag}"

    def _answers_or_died(self):
        assert self.process.poll() is None, (self.directory / "log").read_text()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/v2/")
            return connection.getresponse().status == (401 if self.private else 200)
        return False
