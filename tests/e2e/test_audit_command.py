# SPDX-License-Identifier: Apache-2.0
"""docker-control audit tail and search, on what a service wrote."""

import json
import os
import pwd
import select
import signal
import subprocess

import pytest

from harness.audit import audit, records
from harness.client import Client
from harness.paths import ADMIN
from harness.wait import wait_for

HOSTILE = "\x1b]0;owned\x07\u202e"


@pytest.fixture
def own(start_service):
    return start_service()


@pytest.fixture
def written(own):
    """A service that has run a container, refused another, and refused a token; stopped."""
    own.client().started(name="seen")
    own.client().run(image="evil/x", labels={"a": HOSTILE})
    own.client("observer").get("/containers")
    Client(own.url, own.token() + "x").get("/containers")
    own.terminate()
    return own


def found(service, *options):
    """The records that a search finds."""
    result = audit("search", *options, "--json", service.audit_file)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_search(written):
    """Each filter finds what a filter over the file's own records finds."""
    everything = records(written.audit_file)
    identity = next(record["object"] for record in everything if record.get("object"))
    middle = everything[len(everything) // 2]["time"]
    for options, expected in (
        ((), lambda record: True),
        (("--service", "observer"), lambda record: record.get("service") == "observer"),
        (("--operation", "containers.run"), lambda record: record.get("operation") == "containers.run"),
        (("--decision", "deny"), lambda record: record.get("decision") == "deny"),
        (("--object", identity[:12]), lambda record: record.get("object") == identity),
        (("--peer", "127.0.0.1"), lambda record: record.get("peer") == "127.0.0.1"),
        (("--since", "1h"), lambda record: True),
        (("--until", "1h"), lambda record: False),
        (("--since", middle[:19] + "Z"), lambda record: record["time"] >= middle[:19] + ".000Z"),
    ):
        assert found(written, *options) == [record for record in everything if expected(record)], options
    denied = found(written, "--decision", "deny", "--service", "tt_studio_backend")
    assert [record["outcome"] for record in denied] == ["image_not_allowed"]


@pytest.mark.parametrize(
    "options", [["--decision", "maybe"], ["--since", "yesterday"], ["--until", "2026-13"], ["--nonsense"]], ids=str
)
def test_wrong_usage(written, options):
    assert audit("search", *options, written.audit_file).returncode == 2


def test_for_people(written):
    """A line each, with who, what, whether and why; no byte of a request moves the cursor."""
    shown = audit("tail", "-n", "100", written.audit_file).stdout.splitlines()
    assert len(shown) == len(records(written.audit_file))
    run = next(record for record in records(written.audit_file) if record.get("object"))
    assert any(
        line.startswith(run["time"] + "  tt_studio_backend  containers.run  allow/success  " + run["object"][:12])
        for line in shown
    )
    assert any("deny/image_not_allowed" in line for line in shown)
    assert any("deny/token_refused" in line for line in shown)
    assert all(line.isprintable() for line in shown)


@pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
def test_hostile_file(written, options):
    """Nor does any byte of a file that was tampered with."""
    with open(written.audit_file, "ab") as file:
        file.write(HOSTILE.encode() + b"\xff\x9b\n" + b'{"seq":1,"prev":"' + b"0" * 64 + b'","event":"\xc2\x9b"}\n')
    shown = audit("tail", *options, written.audit_file).stdout
    assert all(line.isprintable() for line in shown.replace("\ufffd", "?").splitlines())


def test_tail(written):
    """The last lines of a file or of standard input; as JSON they mean what they are."""
    lines = written.audit_file.read_text().split("\n")[:-1]

    def meaning(some):
        return [json.loads(line) for line in some]

    shown = audit("tail", "-n", "3", "--json", written.audit_file).stdout.splitlines()
    assert meaning(shown) == meaning(lines[-3:])
    assert audit("tail", "-n", "0", written.audit_file).stdout == ""
    shown = audit("tail", "--json", "-", input="\n".join(lines) + "\n").stdout.splitlines()
    assert meaning(shown) == meaning(lines[-10:])
    assert audit("tail", "-f", "-").returncode == 2
    assert audit("tail", written.directory / "missing").returncode == 1


def test_follow(start_service, engine):
    """What is written shows at once, and so does what comes after a rotation."""
    directory = engine.directory / "followed-log"
    directory.mkdir()
    owner = pwd.getpwnam("docker-control-broker")
    os.chown(directory, owner.pw_uid, owner.pw_gid)
    service = start_service(settings={"audit": str(directory / "audit.jsonl")})
    service.audit_file = directory / "audit.jsonl"
    follower = subprocess.Popen(
        [ADMIN, "audit", "tail", "-n", "0", "-f", "--json", service.audit_file], stdout=subprocess.PIPE, text=False
    )
    shown = bytearray()

    def count(event):
        while select.select([follower.stdout], [], [], 0)[0]:
            shown.extend(os.read(follower.stdout.fileno(), 65536))
        return shown.count(event)

    def another_comes(had):
        """Asks again and again: the first may have been on record before the follower looked."""
        assert service.client().get("/containers").status_code == 200
        return count(b'"containers.list"') > had

    try:
        for turn in (1, 2, 3):
            had = count(b'"containers.list"')
            wait_for(lambda had=had: another_comes(had), 20, "the line")
            service.audit_file.rename(directory / f"audit.jsonl.{turn}")
            service.process.send_signal(signal.SIGUSR1)
            wait_for(lambda t=turn: count(b'"rotated"') == t, 20, "the rotation")
    finally:
        follower.kill()
        follower.wait(10)
