# SPDX-License-Identifier: Apache-2.0
"""A real Docker Engine of our own, beside whatever else the host runs.

It has its own data root, exec root, socket, bridge and cgroup, and leaves the host's firewall and
forwarding alone: published ports go through docker-proxy.
"""

import contextlib
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import docker

from . import procs, unix_http
from .images import busybox_archive
from .wait import wait_for

PREFIX = "docker-control-e2e."
BRIDGE = "dce2e0"
ADDRESSES = ipaddress.ip_network("10.213.0.0/16")
BRIDGE_ADDRESS = str(ADDRESSES[1])  # the host's, as containers see it
POOL = "10.213.128.0/17"
IMAGES = ("alpine:3", "alpine:latest", "tenstorrent/model:latest", "ghcr.io/tenstorrent/x:1")


class PrivateEngine:
    def __init__(self):
        remove_leftovers()
        base = os.environ.get("TMPDIR", "/var/tmp")
        self.directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self.directory.chmod(0o755)
        (self.directory / "owner").write_text(str(os.getpid()))
        self.socket = self.directory / "docker.sock"
        self.log = self.directory / "dockerd.log"
        self.process = None

    def start(self):
        """Starts dockerd and waits until it answers."""
        _make_bridge()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        wait_for(self._answers_or_died, 60, "the private Engine")

    def stop(self):
        """SIGTERM, as a service manager stops it; running containers end."""
        self._signal(signal.SIGTERM)
        self.process.wait(30)

    def pause(self):
        """dockerd keeps its socket and connections, and answers nothing."""
        self._signal(signal.SIGSTOP)
        wait_for(lambda: procs.status(self.process.pid)["State"][0] == "T", 5, "dockerd to stop")

    def resume(self):
        self._signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        """Ends everything and leaves nothing: processes, mounts, bridge, cgroups, files."""
        if self.process and self.process.poll() is None:
            self.resume()
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        destroy(self.directory)

    @property
    def answering(self):
        return unix_http.answers(self.socket)

    def client(self):
        """The docker SDK's low-level client: the tests' independent witness."""
        return docker.APIClient(base_url=f"unix://{self.socket}", version="auto", timeout=60)

    def load_images(self):
        """Imports the images that the tests use; only their names differ."""
        with contextlib.closing(self.client()) as client:
            for name in IMAGES:
                import_image(client, name)

    def _signal(self, number):
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

    def _answers_or_died(self):
        assert self.process.poll() is None, f"dockerd ended:\n{self.log.read_text()[-3000:]}"
        return self.answering

    def _command(self):
        where = self.directory
        (where / "daemon.json").write_text("{}")
        return [
            shutil.which("dockerd") or "/usr/sbin/dockerd",
            f"--config-file={where}/daemon.json",
            f"--data-root={where}/data",
            f"--exec-root={where}/exec",
            f"--pidfile={where}/dockerd.pid",
            f"--host=unix://{self.socket}",
            "--group=docker",
            f"--bridge={BRIDGE}",
            f"--default-address-pool=base={POOL},size=24",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
            "--ip-masq=false",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--cgroup-parent={_cgroup(where)}",
            "--shutdown-timeout=3",
        ]


def import_image(client, name, marker=b"", programs=None):
    repository, tag = name.rsplit(":", 1)
    archive = busybox_archive(marker or name.encode(), programs)
    client.import_image_from_data(archive, repository=repository, tag=tag, changes=['CMD ["sh"]'])


def remove_leftovers():
    """Cleans up after earlier runs whose process is gone."""
    base = Path(os.environ.get("TMPDIR", "/var/tmp"))
    for directory in base.glob(PREFIX + "*"):
        owner = directory / "owner"
        pid = int(owner.read_text() or 0) if owner.exists() else 0
        if not (pid and procs.alive(pid)):
            destroy(directory)


def destroy(directory):
    """Everything that belongs to an Engine in this directory, dead or alive."""
    procs.kill_and_wait(procs.with_argument(f"{directory}/"))
    procs.kill_and_wait(_cgroup_members(directory))
    for mount in sorted(_mounts_below(directory), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False)
    for link in _our_bridges():
        subprocess.run(["ip", "link", "del", link], check=False)
    for group in sorted(_cgroup_directories(directory), reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(group)
    shutil.rmtree(directory, ignore_errors=True)


def _make_bridge():
    # Not by /sys, which shows the network name space that it was mounted in.
    if subprocess.run(["ip", "link", "show", BRIDGE], capture_output=True, check=False).returncode != 0:
        subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "addr", "replace", f"{BRIDGE_ADDRESS}/24", "dev", BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)


def _our_bridges():
    """The Engine's bridge and those of networks that it made, known by their addresses."""
    shown = subprocess.run(["ip", "-j", "-4", "addr"], capture_output=True, text=True, check=True)
    found = []
    for link in json.loads(shown.stdout):
        addresses = [ipaddress.ip_address(item["local"]) for item in link["addr_info"]]
        bridge = link["ifname"] == BRIDGE or link["ifname"].startswith("br-")
        if bridge and any(address in ADDRESSES for address in addresses):
            found.append(link["ifname"])
    return found


def _cgroup(directory):
    return "/" + Path(directory).name


def _cgroup_directories(directory):
    name = Path(directory).name
    found = []
    for top in Path("/sys/fs/cgroup").glob(f"**/{name}" if _unified() else f"*/{name}"):
        found += [top, *(path for path in top.rglob("*") if path.is_dir())]
    return found


def _unified():
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def _cgroup_members(directory):
    members = set()
    for group in _cgroup_directories(directory):
        with contextlib.suppress(OSError):
            members.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
    return members


def _mounts_below(directory):
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        points = [line.split()[1] for line in mounts]
    return [point for point in points if point.startswith(f"{directory}/")]
