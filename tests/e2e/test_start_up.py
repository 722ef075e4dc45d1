# SPDX-License-Identifier: Apache-2.0
"""Command line, configuration and environment: what starts, and what refuses to."""

import contextlib
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import time

import jwt
import pytest
import requests

from harness import policies
from harness.client import Client, make_token
from harness.registry import free_port
from harness.service_manager import AS_A_SERVICE_MANAGER

CONFIGURATION_ERROR = 78


@pytest.fixture
def maker(service_maker):
    """Services of the test's own that need not start."""
    with contextlib.ExitStack() as stack:

        def make(**options):
            made = service_maker(**options)
            stack.callback(made.close)
            return made

        yield make


@pytest.mark.parametrize(
    "secret",
    ["", "short", "x" * 31, "a" * 64, "change-me-in-production", "your-secret-here", "your-jwt-secret",
     "secret" * 8, "0123456789abcdef0123456789abcde"],
)  # fmt: skip
def test_j27_weak_secret(maker, secret):
    """A key that can be guessed is refused at the start, with the command that makes a good one."""
    code, log = maker(secret=secret).run_to_end()
    assert code == CONFIGURATION_ERROR, log
    assert "keygen" in log
    if secret:
        assert f"'{secret}'" not in log and f'"{secret}"' not in log


@pytest.mark.parametrize(
    "settings",
    [
        {"listen": ["nonsense"]},
        {"listen": ["127.0.0.1:99999"]},
        {"unknown_key": 1},
        {"dev": "yes"},
        {"front_executable": "/nonexistent/docker-controld"},
        {"policy": "/nonexistent/policy.toml"},
        {"cors_origins": ["*"]},
        {"cors_origins": ["http://localhost:8000/"]},
        {"cors_origins": ["http://localhost:80"]},
        {"cors_origins": ["null"]},
        {"cors_origins": "http://localhost:8000"},
        {"cors_origins": [f"http://a:{port}" for port in range(1000, 1017)]},
        {"hosts": ["http://a"]},
        {"hosts": ["a b"]},
        {"hosts": ["*"]},
        {"hosts": [1]},
        {"max_connections": 15},
        {"max_connections": 65537},
        {"max_connections": "1000"},
        {"max_connections_per_address": -1},
    ],
    ids=str,
)
def test_bad_configuration(maker, settings):
    """A mistake in the configuration is told and ends the start."""
    code, log = maker(settings=settings).run_to_end()
    assert code == CONFIGURATION_ERROR, log
    assert next(iter(settings)).split("_")[0] in log or "listen" in log
    assert "must be" in log or not {"cors_origins", "hosts", "max_connections"} & set(settings)


def test_malformed_configuration(maker):
    """A configuration that is not TOML is refused with its line."""
    service = maker()
    (service.directory / "config.toml").write_text("listen = [\n\n!\n")
    code, log = service.run_to_end()
    assert code == CONFIGURATION_ERROR
    assert "config.toml:" in log


def test_bad_policy(maker):
    """A policy with a mistake is refused at the start, with line and column."""
    service = maker(policy='[service.a]\nscopes = ["containers:read"]\nimagse = []\n')
    code, log = service.run_to_end()
    assert code == CONFIGURATION_ERROR
    assert f"{service.policy_file}:3:" in log


def test_all_mistakes_at_once(maker):
    """Several mistakes of a policy are all told."""
    service = maker(policy='[service.a]\nimagse = []\n[service.b]\nscopes = ["fly"]\nnetworks = 5\n')
    code, log = service.run_to_end()
    assert code == CONFIGURATION_ERROR
    for line in (2, 4, 5):
        assert f"{service.policy_file}:{line}:" in log


def test_port_taken(maker):
    """A listening address that is taken is told."""
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        service = maker(port=taken.getsockname()[1])
        code, log = service.run_to_end()
    assert code not in (0, None)
    assert str(service.port) in log
    assert "ss -ltnp" in log


def test_address_that_comes_later(maker):
    """A bridge's gateway may be made after the service has started; until then the log says so."""
    port = free_port()
    address = "192.0.2.77"
    service = maker(port=port, listen=[f"127.0.0.1:{port}", f"{address}:{port}"]).start()
    assert f"{address}:{port} is no address of this host yet" in service.log
    subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
    try:
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"http://{address}:{port}/api/v1/livez", timeout=5).status_code == 200
    finally:
        subprocess.run(["ip", "addr", "del", f"{address}/32", "dev", "lo"], check=True)


def test_command_line_wins(maker, engine):
    """Options of the command line win over the file."""
    port = free_port()
    service = maker(settings={"docker_socket": "/nonexistent.sock", "listen": ["127.0.0.1:1"]})
    service.port, service.url = port, f"http://127.0.0.1:{port}"
    config = str(service.directory / "config.toml")
    service.arguments = ["--config", config, "--listen", f"127.0.0.1:{port}", "--docker-socket", str(engine.socket)]
    service.start()
    assert service.client().get("/containers").status_code == 200


def test_without_a_configuration_file(maker, engine):
    """Options alone are enough; DOCKER_HOST names the Engine as in the seeds."""
    service = maker(environment={"DOCKER_HOST": f"unix://{engine.socket}"})
    service.arguments = [
        "--listen", f"127.0.0.1:{service.port}", "--policy", str(service.policy_file),
        "--audit", str(service.audit_file),
    ]  # fmt: skip
    service.start()
    assert service.client().run().status_code == 200


def test_two_listeners(maker):
    """Several addresses, IPv6 among them."""
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    first, second, third = free_port(), free_port(), free_port()
    service = maker(port=first, listen=[f"127.0.0.1:{first}", f"[::1]:{second}"])
    service.arguments = ["--config", str(service.directory / "config.toml")]
    service.start()
    for base in (f"http://127.0.0.1:{first}", f"http://[::1]:{second}"):
        assert Client(base, service.token()).get("/containers").status_code == 200
    service.terminate()
    service.arguments += ["--listen", f"127.0.0.1:{first}", "--listen", f"[::1]:{third}"]
    service.start()
    assert Client(f"http://[::1]:{third}", service.token()).get("/containers").status_code == 200
    with pytest.raises(requests.ConnectionError):
        Client(f"http://[::1]:{second}", None).get("/livez")


def test_socket_activation(maker):
    """Sockets of the service manager, of both families, are served in place of `listen`."""
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    with contextlib.ExitStack() as stack:
        ports, numbers = [], []
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            listener = stack.enter_context(socket.create_server((address, 0), family=family, backlog=64))
            ports.append(listener.getsockname()[1])
            numbers.append(listener.fileno())
        unused = free_port()
        wrapper = [sys.executable, "-c", AS_A_SERVICE_MANAGER, ",".join(map(str, numbers))]
        service = maker(port=ports[0], listen=[f"127.0.0.1:{unused}"], wrapper=wrapper, pass_fds=numbers)
        service.start()
    for base in (f"http://127.0.0.1:{ports[0]}", f"http://[::1]:{ports[1]}"):
        assert Client(base, service.token()).get("/containers").status_code == 200
    with pytest.raises(requests.ConnectionError):
        Client(f"http://127.0.0.1:{unused}", None).get("/livez")


@pytest.mark.parametrize("user", ["docker-control-broker", "docker-control"])
def test_missing_user(maker, tmp_path, user):
    """Without one of its users it does not start, and says how to make it."""
    lines = pathlib.Path("/etc/passwd").read_text().splitlines(keepends=True)
    passwd = tmp_path / "passwd"  # in the place of the host's, for the broker alone
    passwd.write_text("".join(line for line in lines if not line.startswith(f"{user}:")))
    passwd.chmod(0o644)
    script = 'mount --bind "$0" /etc/passwd && exec "$@"'
    service = maker(wrapper=["unshare", "--mount", "sh", "-c", script, str(passwd)])
    code, log = service.run_to_end()
    assert code == CONFIGURATION_ERROR, log
    assert f"the system user {user} does not exist" in log
    assert "useradd --system" in log


def test_environment_is_not_trusted(maker):
    """Variables that steer libraries do nothing."""
    environment = {"OPENSSL_CONF": "/nonexistent", "UV_THREADPOOL_SIZE": "x", "SSL_CERT_FILE": "/nonexistent"}
    service = maker(environment=environment).start()
    assert service.client().get("/containers").status_code == 200


def test_key_files(maker):
    """Keys from files, several for rotation; exp is required where the file's key says so."""
    service = maker()
    keys = {}
    for name, require in (("old", False), ("new", True)):
        keys[name] = secrets.token_urlsafe(48)
        path = service.directory / f"{name}.key"
        path.write_text(keys[name] + "\n")
        path.chmod(0o600)
        with open(service.directory / "config.toml", "a", encoding="utf-8") as config:
            config.write(f'[[key]]\nfile = "{path}"\nrequire_exp = {str(require).lower()}\n')
    service.start()
    for token, status in (
        (make_token(service.secret), 200),
        (make_token(keys["old"]), 200),
        (make_token(keys["new"]), 401),
        (make_token(keys["new"], exp=4102444800), 200),
        (make_token(secrets.token_urlsafe(48)), 401),
    ):
        assert Client(service.url, token).get("/containers").status_code == status


# The docker-control command


def docker_control(programs, *arguments, **environment):
    return subprocess.run(
        [programs / "docker-control", *arguments],
        capture_output=True, text=True, timeout=20, env={"PATH": "/usr/bin:/bin", **environment},
    )  # fmt: skip


def test_keygen(programs, maker):
    """keygen makes a fresh key each time, and the service takes it."""
    made = {docker_control(programs, "keygen").stdout.strip() for _ in range(5)}
    assert len(made) == 5 and all(len(key) >= 43 for key in made)
    service = maker(secret=made.pop()).start()
    assert service.client().get("/containers").status_code == 200


@pytest.mark.parametrize("arguments", [[], ["--ttl", "1h"], ["--ttl", "90s"]])
def test_token(programs, service, tmp_path, arguments):
    """token prints a JWT that the service takes, from the environment's key and from a file's."""
    variable = {"DOCKER_CONTROL_JWT_SECRET": service.secret}
    key = tmp_path / "key"
    key.write_text(service.secret + "\n")
    key.chmod(0o600)
    by_variable = docker_control(programs, "token", "--service", policies.SERVICE, *arguments, **variable)
    by_file = docker_control(programs, "token", "--service", policies.SERVICE, *arguments, "--key", key)
    for done in (by_variable, by_file):
        assert done.returncode == 0, done.stderr
        token = done.stdout.strip()
        assert Client(service.url, token).get("/containers").status_code == 200


def test_token_expires(programs, service):
    """The token's time to live is in its exp claim."""
    variable = {"DOCKER_CONTROL_JWT_SECRET": service.secret}
    done = docker_control(programs, "token", "--service", "x", "--ttl", "1h", **variable)
    claims = jwt.decode(done.stdout.strip(), service.secret, algorithms=["HS256"])
    assert claims["service"] == "x"
    assert abs(claims["exp"] - time.time() - 3600) < 60


@pytest.mark.parametrize(
    "arguments", [[], ["token"], ["token", "--service", "x"], ["fly"], ["token", "--service", "x", "--ttl", "soon"]]
)
def test_wrong_use(programs, arguments):
    """Wrong use ends with a message and a failure."""
    done = docker_control(programs, *arguments)
    assert done.returncode != 0
    assert done.stderr.strip() or done.stdout.strip()


def test_help(programs):
    """Both commands explain themselves."""
    for program, word in (("docker-control", "token"), ("docker-control-broker", "--listen")):
        done = subprocess.run([programs / program, "--help"], capture_output=True, text=True, timeout=10)
        assert done.returncode == 0 and word in done.stdout
