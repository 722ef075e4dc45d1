# SPDX-License-Identifier: Apache-2.0
"""docker-control itself, started as an administrator starts it."""

import contextlib
import os
import pwd
import secrets
import signal
import subprocess
from pathlib import Path

import requests

from . import policies, procs
from .client import Client, make_token
from .registry import free_port
from .wait import wait_for


class Service:
    """One broker with its keeper and front, in a directory of its own."""

    def __init__(self, directory, programs, docker_socket, policy=None, **options):
        self.directory = Path(directory)
        self.programs = Path(programs)
        self.docker_socket = docker_socket
        self.secret = options.pop("secret", secrets.token_urlsafe(48))
        self.port = options.pop("port", None) or free_port()
        self.listen = options.pop("listen", [f"127.0.0.1:{self.port}"])
        self.environment = options.pop("environment", {})
        self.arguments = options.pop("arguments", None)
        self.wrapper = options.pop("wrapper", [])  # a command that starts the broker's in its place
        self.pass_fds = options.pop("pass_fds", ())
        self.front_policy_check = options.pop("front_policy_check", True)
        self.settings = options.pop("settings", {})
        self.tables = options.pop("tables", "")  # text after the settings, such as [[key]]
        assert not options, options
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = self.directory / "service.log"
        self.policy_file = self.directory / "policy.toml"
        self.audit_file = self.directory / "state" / "audit.jsonl"
        self.process = None
        self._prepare(policies.standard() if policy is None else policy)

    # Life

    def start(self, ready=True):
        log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
                pass_fds=self.pass_fds,
                cwd="/",
            )
        if ready:
            wait_for(lambda: self._ready_or_died(log_start), 20, "the service to be ready")
        return self

    def run_to_end(self, timeout=20):
        """For starts that must fail: (exit code, log)."""
        self.start(ready=False)
        try:
            return self.process.wait(timeout), self.log
        finally:
            self.close()

    def terminate(self, timeout=15):
        """SIGTERM; returns the exit code once all processes are gone."""
        family = self.pids()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        wait_for(lambda: not any(procs.alive(pid) for pid in family), 5, "keeper and front to end")
        return code

    def kill_broker(self):
        """SIGKILL to the broker; returns once keeper and front are gone too."""
        family = self.pids()
        self.process.kill()
        self.process.wait(10)
        wait_for(lambda: not any(procs.alive(pid) for pid in family), 5, "keeper and front to end")

    def reload(self, policy):
        self.policy_file.write_text(policy)
        self.process.send_signal(signal.SIGHUP)

    def hang_up(self, expect="policy reloaded"):
        """SIGHUP; returns what the log says once it says `expect`."""
        before = len(self.log)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: expect in self.log[before:], what=f"{expect!r} in the log")
        return self.log[before:]

    def close(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                self.terminate()
        procs.kill_and_wait(procs.with_argument(str(self.directory / "config.toml")))
        if self.process:
            self.process.wait(5)

    # Processes

    @property
    def broker(self):
        return self.process.pid

    @property
    def keeper(self):
        found = procs.children(self.broker)
        assert len(found) == 1, found
        return found[0]

    @property
    def fronts(self):
        return procs.children(self.keeper)

    @property
    def front(self):
        found = self.fronts
        assert len(found) == 1, found
        return found[0]

    def pids(self):
        family = [self.broker]
        for pid in family:
            family += procs.children(pid)
        return family

    # What it wrote

    @property
    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def audit_text(self):
        return self.audit_file.read_text(encoding="utf-8")

    # Callers

    def token(self, service=policies.SERVICE, **claims):
        return make_token(self.secret, service, **claims)

    def client(self, service=policies.SERVICE, **claims):
        return Client(self.url, self.token(service, **claims))

    def live(self):
        with contextlib.suppress(requests.RequestException), requests.Session() as session:
            session.trust_env = False
            return session.get(f"{self.url}/api/v1/livez", timeout=2).status_code == 200
        return False

    # How it is set up

    def command(self):
        broker = [*self.wrapper, str(self.programs / "docker-control-broker")]
        if self.arguments is not None:
            return [*broker, *self.arguments]
        return [*broker, "--config", str(self.directory / "config.toml")]

    def configuration(self):
        lines = {
            "listen": list(self.listen),
            "docker_socket": str(self.docker_socket),
            "policy": str(self.policy_file),
            "audit": str(self.audit_file),
            "state_dir": str(self.directory / "state"),
            "require_separation": True,
            "front_policy_check": self.front_policy_check,
            **self.settings,
        }
        return "".join(f"{key} = {_toml(value)}\n" for key, value in lines.items()) + self.tables

    def configure(self):
        """Writes the configuration anew, for the next start or SIGHUP."""
        (self.directory / "config.toml").write_text(self.configuration())

    def _prepare(self, policy):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        state = self.directory / "state"
        state.mkdir(exist_ok=True)
        owner = pwd.getpwnam("docker-control-broker")
        os.chown(state, owner.pw_uid, owner.pw_gid)
        state.chmod(0o700)
        self.policy_file.write_text(policy)
        self.configure()

    def _environment(self):
        base = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C.UTF-8"}
        passed_on = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        return {**base, **passed_on, "DOCKER_CONTROL_JWT_SECRET": self.secret, **self.environment}

    def _ready_or_died(self, log_start):
        assert self.process.poll() is None, f"exit code {self.process.returncode}:\n{self.log[-4000:]}"
        return "ready" in self.log[log_start:] and self.live()


def _toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
