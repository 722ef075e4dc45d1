# SPDX-License-Identifier: Apache-2.0
"""What /proc says of the three processes, and how they start, reload and end."""

import contextlib
import grp
import os
import pwd
import signal
import threading
import time
from pathlib import Path

import pytest
import requests

from harness import policies, procs
from harness.client import Client, assert_error
from harness.wait import wait_for

EMPTY_SET = "0000000000000000"


def members(service):
    return {"broker": service.broker, "keeper": service.keeper, "front": service.front}


def test_three_processes(service):
    """Broker, keeper, front: each the child of the one before, under its own name."""
    assert procs.children(service.broker) == [service.keeper]
    assert procs.children(service.keeper) == [service.front]
    assert procs.name_of(service.keeper) == "dc-keeper"
    assert procs.name_of(service.front) == "docker-controld"


@pytest.mark.parametrize("who", ["broker", "keeper", "front"])
def test_no_privilege(service, who):
    """No uid 0 in any slot, every capability set empty, no new privileges."""
    status = procs.status(members(service)[who])
    user = "docker-control-broker" if who == "broker" else "docker-control"
    account = pwd.getpwnam(user)
    assert status["Uid"].split() == [str(account.pw_uid)] * 4
    assert "0" not in status["Gid"].split()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert status[name] == EMPTY_SET, name
    assert status["NoNewPrivs"] == "1"


def test_dockers_group(service, engine):
    """The group of docker.sock is in the broker and in no other process."""
    group = str(os.stat(engine.socket).st_gid)
    assert group == str(grp.getgrnam("docker").gr_gid)
    groups = {}
    for who, pid in members(service).items():
        status = procs.status(pid)
        groups[who] = set(status["Gid"].split()) | set(status["Groups"].split())
    assert group in groups["broker"]
    assert group not in groups["keeper"] | groups["front"]
    for who in ("keeper", "front"):
        assert procs.status(members(service)[who])["Groups"].strip() == ""


@pytest.mark.parametrize("who", ["broker", "keeper", "front"])
def test_j38_secret_is_not_in_the_environment(service, who):
    """The environment of no process shows the key."""
    content = Path(f"/proc/{members(service)[who]}/environ").read_bytes()
    assert service.secret.encode() not in content


def test_j38_secret_is_not_written(service, client):
    """Nor does anything that the service writes hold the key, or a token."""
    good = service.token(jti="never-written")
    text, signature = good.rsplit(".", 1)
    bad = f"{text}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    assert [Client(service.url, token).get("/containers").status_code for token in (good, bad)] == [200, 401]
    assert '"never-written"' in service.audit_text()
    for file in (path for path in service.directory.rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert service.secret.encode() not in content and text.encode() not in content, file


@pytest.mark.parametrize("who", ["keeper", "front"])
def test_j38_secret_is_not_in_memory(service, client, who):
    """Neither keeper nor front holds the key anywhere in writable memory."""
    assert client.get("/containers").status_code == 200
    pid = members(service)[who]
    secret = service.secret.encode()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            span, permissions = line.split()[:2]
            if not permissions.startswith("rw") or "[vv" in line:
                continue
            first, last = (int(part, 16) for part in span.split("-"))
            with contextlib.suppress(OSError):
                memory.seek(first)
                assert secret not in memory.read(last - first), line


def test_descriptors_of_the_front(service):
    """The front's descriptors: no file, no path to the Engine."""
    for entry in Path(f"/proc/{service.front}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(entry)
            allowed = target.startswith(("socket:", "pipe:", "anon_inode:", "/dev/null"))
            assert allowed or target == str(service.log_file), target


def test_listens_only_where_told(service):
    """The service's processes listen on the one address."""
    inodes = set()
    for pid in service.pids():
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                target = os.readlink(entry)
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                listening.add(int(fields[1].split(":")[1], 16))
    assert listening == {service.port}


def test_terminate(start_service):
    """SIGTERM ends all three processes, with exit code 0."""
    service = start_service()
    family = service.pids()
    assert len(family) == 3
    assert service.terminate() == 0
    assert not any(procs.alive(pid) for pid in family)


def test_terminate_drains(start_service, docker):
    """SIGTERM lets a request in flight finish, and takes no new one."""
    service = start_service()
    answers = []

    def run():
        with contextlib.closing(service.client()) as client:
            answers.append(client.run(command=["sleep", "2"], init=True, detach=False))

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(docker.containers, what="the run to be under way")
    service.process.send_signal(signal.SIGTERM)
    wait_for(lambda: not service.live(), 3, "the service to take nothing new")
    assert service.process.poll() is None
    thread.join(15)
    assert answers[0].status_code == 200 and answers[0].json()["exit_code"] == 0
    assert service.process.wait(10) == 0


def test_terminate_does_not_wait_for_ever(start_service, docker):
    """What takes longer than ten seconds does not hold the end up; containers run on."""
    service = start_service()

    def run():
        with contextlib.suppress(requests.RequestException), contextlib.closing(service.client()) as client:
            client.run(name="long", command=["sleep", "1000"], init=True, detach=False)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(docker.containers, what="the run to be under way")
    service.terminate(timeout=14)
    thread.join(5)
    assert docker.inspect_container("long")["State"]["Running"]


def test_idle_connections_do_not_hold_the_end_up(start_service):
    """A kept-alive connection without a request ends at once on SIGTERM."""
    service = start_service()
    client = service.client()
    assert client.get("/livez").status_code == 200
    start = time.monotonic()
    service.terminate()
    assert time.monotonic() - start < 3


def test_reload(start_service, docker):
    """SIGHUP brings a new policy into force without a restart."""
    service = start_service()
    client = service.client()
    family = service.pids()
    assert client.run(name="before").status_code == 200
    service.reload(policies.standard().replace('"alpine:", ', ""))
    wait_for(lambda: client.run().status_code == 400, what="the new policy")
    docker.remove_container("before", force=True)
    service.reload(policies.standard())
    wait_for(lambda: client.run(name="again").status_code == 200, what="the old policy")
    assert service.pids() == family


@pytest.mark.parametrize(
    "broken",
    [
        '[service.tt_studio_backend]\nscopes = ["containers:*"\n',
        '[service.tt_studio_backend]\nscopes = ["containers:*"]\nimage = ["alpine:"]\n',
        '[service.tt_studio_backend]\nimages = ["alpine"\n',
        '[service.tt_studio_backend]\nmemory = {max = "lots"}\n',
        '[service.tt_studio_backend]\nscopes = ["containers:fly"]\n',
        "[defaults]\nunknown = 1\n",
    ],
)
def test_bad_reload(start_service, broken):
    """A policy with a mistake is refused with line and column; the old one stays in force."""
    service = start_service()
    client = service.client()
    before = len(service.log)
    service.reload(broken)
    wait_for(lambda: f"{service.policy_file}:" in service.log[before:], what="the refusal in the log")
    line = next(line for line in service.log[before:].splitlines() if f"{service.policy_file}:" in line)
    position = line.split(f"{service.policy_file}:")[1].split(":")
    assert int(position[0]) >= 1 and int(position[1]) >= 1, line
    assert client.run().status_code == 200


def test_missing_policy_on_reload(start_service):
    """A policy file that is gone leaves the old policy in force."""
    service = start_service()
    before = len(service.log)
    service.policy_file.unlink()
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(service.log) > before, what="the refusal in the log")
    assert service.client().run().status_code == 200


def test_reload_keeps_connections(start_service):
    """A reload drops no connection and no request."""
    service = start_service()
    stop = threading.Event()
    failures = []

    def load():
        client = service.client()
        while not stop.is_set():
            try:
                response = client.get("/containers")
                if response.status_code != 200:
                    failures.append(response.text)
            except requests.RequestException as error:
                failures.append(str(error))

    thread = threading.Thread(target=load)
    thread.start()
    for _ in range(20):
        before = service.log.count("\n")
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda b=before: service.log.count("\n") > b, what="the reload in the log")
    stop.set()
    thread.join()
    assert failures == []


def test_denied_by_scope_after_reload(start_service):
    """A cached token does not outlive the rights it was cached with."""
    service = start_service()
    client = service.client()
    assert client.get("/containers").status_code == 200
    service.reload("")
    wait_for(lambda: client.get("/containers").status_code == 403, what="the empty policy")
    assert_error(client.run(), 403, "scope_denied")
