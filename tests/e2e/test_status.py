# SPDX-License-Identifier: Apache-2.0
"""docker-control status: what it says and how it exits, for each state of the service."""

import json
import subprocess

import pytest

from harness import policies
from harness.paths import ADMIN
from harness.wait import wait_for

WELL, NOT_WELL, NOT_RUNNING, UNKNOWN = 0, 1, 3, 4


def status(service, *arguments, **options):
    command = [ADMIN, "status", "--state-dir", service.directory / "state", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, **options)


def document(service):
    return json.loads(status(service, "--json").stdout)


@pytest.fixture
def own(start_service):
    service = start_service()
    wait_for(lambda: document(service)["engine"] == "up", what="the first ping")
    return service


def test_well(own):
    """A service that is well: every figure, for people and for programs."""
    result = status(own)
    assert result.returncode == WELL, result.stdout
    for text in (f"running, pid {own.broker}", str(own.policy_file), "generation 1", "answers", str(own.audit_file),
                 "writable", "as two"):  # fmt: skip
        assert text in result.stdout
    shown = document(own)
    assert shown["running"] and shown["healthy"] and shown["separate_users"] and shown["pid"] == own.broker
    assert shown["policy"]["problem"] == "" and shown["policy"]["profiles"] == policies.standard().count("[service.")
    assert shown["audit_lines"] == len(own.audit_file.read_text().splitlines())
    assert own.secret not in json.dumps(shown)


def test_stale_policy(own):
    """A policy that was refused shows with line and column, and so does health; then it is mended."""
    own.reload(policies.standard() + "\n[service.a]\nimagse = []\n")
    wait_for(lambda: status(own).returncode == NOT_WELL, what="the refusal")
    shown = status(own).stdout
    line = own.policy_file.read_text().splitlines().index("imagse = []") + 1
    assert "STALE" in shown and f"{own.policy_file}:{line}:" in shown and "generation 1" in shown
    health = own.client().get("/health").json()
    assert health["status"] == "degraded" and "Stale" in health["checks"]["policy"]["message"]
    own.reload(policies.standard())
    wait_for(lambda: status(own).returncode == WELL, what="the good policy")
    assert document(own)["policy"]["generation"] == 2
    assert own.client().get("/health").json()["checks"]["policy"]["status"] == "healthy"


def test_engine_gone(start_service, own_proxy):
    """An Engine that does not answer is not well."""
    service = start_service(docker_socket=own_proxy.path)
    wait_for(lambda: status(service).returncode == WELL, what="the first ping")
    own_proxy.close()
    wait_for(lambda: "DOES NOT ANSWER" in status(service).stdout, what="the loss of the Engine")
    assert status(service).returncode == NOT_WELL


@pytest.mark.parametrize("end", ["terminate", "kill_broker"])
def test_not_running(own, end):
    """A broker that ended, in whichever way, is not taken for one that runs; nor one that never ran."""
    getattr(own, end)()
    result = status(own)
    assert (result.returncode, result.stdout) == (NOT_RUNNING, "not running\n")
    assert document(own) == {"running": False}
    (own.directory / "state" / "audit.head").unlink()
    assert status(own).returncode == NOT_RUNNING


def test_forbidden(own):
    """Who may not look is told so, and not that nothing runs."""
    copy = own.programs / "docker-control"
    result = subprocess.run(
        [copy, "status", "--state-dir", own.directory / "state"], user=65534, group=65534, extra_groups=[],
        capture_output=True, text=True, timeout=20, cwd="/",
    )  # fmt: skip
    assert result.returncode == UNKNOWN and "be root" in result.stderr


@pytest.mark.parametrize("hostile", ["nonsense", "{", "[]", "", "\x1b[2J"])
def test_nonsense(own, hostile):
    """A status file that is not the broker's is refused; nothing of it reaches the terminal."""
    (own.directory / "state" / "status.json").write_text(hostile)
    result = status(own)
    assert result.returncode == UNKNOWN and "\x1b" not in result.stdout + result.stderr


def test_readers_never_see_half(own):
    """The file is replaced as a whole, however often it changes."""
    good, bad = policies.standard(), policies.standard() + "nonsense = [\n" * 200
    for turn in range(60):
        own.reload(bad if turn % 2 else good)
        for _ in range(5):
            assert document(own)["running"]
