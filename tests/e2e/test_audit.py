# SPDX-License-Identifier: Apache-2.0
"""The audit: a line for each decision, and no change without one."""

import contextlib
import json
import subprocess

import pytest

from harness.audit import audit
from harness.client import Client, assert_error
from harness.wait import wait_for


def lines(service):
    return [json.loads(line) for line in service.audit_file.read_text().splitlines()]


@pytest.fixture
def own(start_service):
    return start_service()


def new_lines(service, act, count=1):
    """What the audit gained by an act, once there are at least so many lines."""
    before = len(lines(service))
    act()
    wait_for(lambda: len(lines(service)) >= before + count, what="the audit line")
    return lines(service)[before:]


def test_allowed(own, docker):
    """A run, its service, operation and container are on record; the intent comes first."""
    client = own.client()
    written = new_lines(own, lambda: client.started(name="seen", environment={"KEY": "hunter2"}), 2)
    assert len(written) == 2
    for line in written:
        assert line["service"] == "tt_studio_backend" and line["operation"] == "containers.run"
        assert line["time"] and line["peer"].startswith("127.0.0.1")
    intent, result = written
    assert intent["event"] == "intent" and intent["request"]["name"] == "seen"
    assert (result["event"], result["decision"], result["outcome"]) == ("result", "allow", "success")
    assert result["object"] == docker.inspect_container("seen")["Id"]


@pytest.mark.parametrize(
    "service, method, path, body, operation, decision, outcome",
    [
        ("tt_studio_backend", "POST", "/run", {"image": "evil/x"}, "containers.run", "deny", "image_not_allowed"),
        ("tt_studio_backend", "POST", "/run", {"image": "alpine:3", "network": "host"}, "containers.run", "deny",
         "network_not_allowed"),
        ("observer", "POST", "/run", {"image": "alpine:3"}, "containers.run", "deny", "scope_denied"),
        ("nobody", "GET", "", None, "containers.list", "deny", "scope_denied"),
        ("tt_studio_backend", "POST", "/missing/stop", None, "containers.stop", None, "not_found"),
        ("tt_studio_backend", "GET", "", None, "containers.list", "allow", "success"),
    ],
)  # fmt: skip
def test_decisions(own, service, method, path, body, operation, decision, outcome):
    """Every decision is on record with its reason: policy, scope, ownership, success."""
    with contextlib.closing(own.client(service)) as client:
        written = new_lines(own, lambda: client.session.request(method, client.api + "/containers" + path, json=body))
    line = written[-1]
    assert (line["service"], line["operation"], line["outcome"]) == (service, operation, outcome)
    assert decision is None or line["decision"] == decision


def test_refused_token(own):
    """A refused token is on record with the cause that the caller is not told."""
    line = new_lines(own, lambda: Client(own.url, own.token()[:-4] + "AAAA").get("/containers"))[-1]
    assert line["event"] == "token_refused" and line["decision"] == "deny" and line["reason"]


def test_no_secrets(own, docker):
    """Neither environment values, nor tokens, nor the key are on record."""
    client = own.client()
    new_lines(own, lambda: client.started(environment={"KEY": "hunter2"}), 2)
    new_lines(own, lambda: Client(own.url, own.token() + "x").get("/containers"))
    text = own.audit_file.read_text()
    assert "hunter2" not in text
    assert own.secret not in text
    assert own.token() not in text and own.token().split(".")[2] not in text


def test_one_line_each(own):
    """Line breaks and quotes in a request stay inside their line."""
    client = own.client()
    nasty = {"command": ["sh", "-c", 'echo "a\n{}"'], "labels": {"a": "x\r\n\x1b[1m\u2028"}}
    new_lines(own, lambda: client.run(**nasty), 2)
    for line in own.audit_file.read_text().split("\n")[:-1]:
        assert isinstance(json.loads(line), dict)
    assert "\x1b" not in own.audit_file.read_text()


def test_append_only(own):
    """A restart goes on in the same file."""
    client = own.client()
    new_lines(own, lambda: client.started(), 2)
    before = own.audit_file.read_bytes()
    own.terminate()
    own.start()
    new_lines(own, lambda: own.client().started(), 2)
    assert own.audit_file.read_bytes().startswith(before)


def test_mode(own):
    """Others cannot read it."""
    new_lines(own, lambda: own.client().started(), 2)
    assert own.audit_file.stat().st_mode & 0o007 == 0


@pytest.fixture
def small_disk(engine):
    """A file system of 256 KiB."""
    where = engine.directory / "small-disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=0777", "tmpfs", where], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)
        where.rmdir()


def test_audit_full(start_service, small_disk, docker):
    """No audit, no change: with its disk full, mutations are refused and reads go on; and all is
    well again once there is room."""
    service = start_service(settings={"audit": str(small_disk / "audit.jsonl")})
    service.audit_file = small_disk / "audit.jsonl"
    client = service.client()
    made = client.started(name="before")
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    wait_for(lambda: client.run(name="during").status_code == 503, 20, "the full disk to show")
    containers = {item["Id"] for item in docker.containers(all=True)}
    for path, body in (
        ("/containers/run", {"image": "alpine:3"}),
        (f"/containers/{made['id']}/stop", {"timeout": 0}),
        (f"/containers/{made['id']}/remove?force=true", None),
    ):
        assert_error(client.post(path, body), 503, "audit_unavailable")
    assert {item["Id"] for item in docker.containers(all=True)} == containers
    assert client.get("/containers").status_code == 200
    filler.unlink()
    wait_for(lambda: client.run(name="after").status_code == 200, 10, "the recovery")
    service.terminate()
    verified = audit("verify", service.audit_file, "--head", service.directory / "state" / "audit.head")
    assert verified.returncode == 0, verified.stdout  # what was cut short is recorded
