# SPDX-License-Identifier: Apache-2.0
"""The chain of the audit: every tampering shows, and restarts, rotation and crashes do not break it."""

import json
import os
import pwd
import signal
import subprocess
import threading

import pytest

from harness.audit import audit, chain_problems, records
from harness.client import Client
from harness.wait import wait_for


@pytest.fixture
def own(start_service):
    return start_service()


def head_file(service):
    return service.directory / "state" / "audit.head"


def lines(*files):
    return b"".join(file.read_bytes() for file in files).splitlines()


def verify(service, *files):
    return audit("verify", *(files or [service.audit_file]), "--head", head_file(service))


def make_lines(service, count=4):
    """Denied, allowed and refused requests."""
    client = service.client()
    for _ in range(count):
        client.run(image="evil/x")
        client.get("/containers")
        Client(service.url, service.token() + "x").get("/containers")


class Load:
    """Callers that go on until told to stop; what they sent and how it was answered."""

    def __init__(self, service, callers=4):
        self.stopping = threading.Event()
        self.statuses = []
        self.failures = []
        self.threads = [threading.Thread(target=self._call, args=(service,)) for _ in range(callers)]

    def _call(self, service):
        client = service.client()
        while not self.stopping.is_set():
            try:
                self.statuses.append(client.get("/containers").status_code)
            except OSError as error:
                self.failures.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)


def test_whole(own):
    """Each line has the hash of the one before, and the head that of the last: by our own reading,
    and by docker-control's."""
    make_lines(own)
    own.terminate()
    assert chain_problems(lines(own.audit_file), head_file(own).read_bytes()) == []
    result = verify(own)
    assert result.returncode == 0, result.stdout
    assert f"{len(lines(own.audit_file))} lines" in result.stdout


def test_living(own):
    """It can be verified while lines are written."""
    with Load(own) as load:
        for _ in range(20):
            result = verify(own)
            assert result.returncode == 0, result.stdout
        wait_for(lambda: load.statuses, what="an answer")
    assert set(load.statuses) == {200}


def test_restart(own):
    """The chain goes on when the service is started again."""
    make_lines(own)
    own.terminate()
    own.start()
    make_lines(own)
    own.terminate()
    assert chain_problems(lines(own.audit_file), head_file(own).read_bytes()) == []
    assert [record["event"] for record in records(own.audit_file)].count("start") == 2
    assert verify(own).returncode == 0


def edited(all_lines):
    record = json.loads(all_lines[5])
    record["peer"] = "192.0.2.1:1"
    all_lines[5] = json.dumps(record, separators=(",", ":")).encode()


def edited_last(all_lines):
    all_lines[-1] = all_lines[-1].replace(b'"time":"2', b'"time":"1')


def deleted(all_lines):
    del all_lines[5:7]


def swapped(all_lines):
    all_lines[5], all_lines[6] = all_lines[6], all_lines[5]


def inserted(all_lines):
    all_lines.insert(6, all_lines[5].replace(b"127.0.0.1", b"192.0.2.1"))


def doubled(all_lines):
    all_lines.insert(6, all_lines[5])


def garbage(all_lines):
    all_lines.insert(6, b"garbage \x1b[2J")


def cut(all_lines):
    del all_lines[-2:]


def emptied(all_lines):
    all_lines.clear()


def anew(all_lines):
    all_lines.extend(all_lines[:2])


@pytest.mark.parametrize(
    "tamper, where, what",
    [
        (edited, 6, "edited: "),
        (edited_last, -1, "edited: the head"),
        (deleted, 6, "the lines with seq 6 to 7 are missing"),
        (swapped, 7, "reordered: seq 6"),
        (inserted, 7, "duplicated or inserted: seq 6"),
        (doubled, 7, "duplicated or inserted: seq 6"),
        (garbage, 7, "not a line of the audit"),
        (cut, -1, "the end is cut off"),
        (emptied, None, "the end is cut off"),
        (anew, -2, "the chain begins anew"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_tampered(own, tamper, where, what):
    """Each kind of tampering with the real file is found, at its line."""
    make_lines(own)
    own.terminate()
    changed = lines(own.audit_file)
    tamper(changed)
    copy = own.directory / "copy.jsonl"
    copy.write_bytes(b"".join(line + b"\n" for line in changed))
    assert chain_problems(changed, head_file(own).read_bytes()) != []
    result = verify(own, copy)
    assert result.returncode == 1
    if where is not None:
        what = f"{copy}:{where if where > 0 else len(changed) + 1 + where}: {what}"
    assert what in result.stdout
    assert "\x1b" not in result.stdout


def test_cut_is_seen_at_the_start(own):
    """Who cuts the end off and starts the service again leaves an alarm in log and file, and a gap."""
    make_lines(own)
    own.terminate()
    own.audit_file.write_bytes(b"".join(line + b"\n" for line in lines(own.audit_file)[:-3]))
    own.start()
    own.terminate()
    assert "the audit chain is broken" in own.log
    assert "audit_chain_broken" in [record["event"] for record in records(own.audit_file)]
    result = verify(own)
    assert result.returncode == 1
    assert "are missing before this one" in result.stdout and "the broker found the chain broken" in result.stdout


@pytest.mark.parametrize("torn", [1, 40, 200])
def test_torn_line(own, torn):
    """The last line was cut short, as by a crash: it is recorded, nothing is lost, and the chain is whole."""
    make_lines(own)
    own.terminate()
    last = own.audit_file.read_bytes()
    begin = max(last.splitlines(), key=len)[:torn]
    with open(own.audit_file, "ab") as file:
        file.write(begin)
    assert verify(own).returncode == 1
    own.start()
    own.terminate()
    now = own.audit_file.read_bytes()
    assert now.startswith(last + begin + b"\n")
    assert chain_problems(now.splitlines(), head_file(own).read_bytes()) == []
    result = verify(own)
    assert result.returncode == 0, result.stdout
    assert f"{own.audit_file}:{len(last.splitlines()) + 1}: note: was not written whole" in result.stdout


def test_head_one_behind(own):
    """A crash between the line and the head is none of the chain's breaks; nor is a missing newline."""
    make_lines(own)
    own.terminate()
    head = head_file(own)
    before = lines(own.audit_file)
    record = json.loads(before[-1])
    head.write_bytes(f"{record['seq'] - 1:020} {record['prev']}\n".encode())
    own.audit_file.write_bytes(own.audit_file.read_bytes()[:-1])
    assert verify(own).returncode == 0
    own.start()
    own.terminate()
    assert lines(own.audit_file)[: len(before)] == before
    assert chain_problems(lines(own.audit_file), head.read_bytes()) == []
    assert "broken" not in own.log
    assert verify(own).returncode == 0


def test_killed_under_load(own):
    """SIGKILL in the middle of work, again and again, leaves a chain that verifies."""
    for _ in range(5):
        with Load(own) as load:
            wait_for(lambda: len(load.statuses) > 50, what="work")
            own.kill_broker()
        own.start()
    own.terminate()
    result = verify(own)
    assert result.returncode == 0, result.stdout
    assert chain_problems(lines(own.audit_file), head_file(own).read_bytes()) == []


def owned_log(service):
    """An audit file in a directory of its own, so that it can be moved there."""
    directory = service.directory / "log"
    directory.mkdir()
    owner = pwd.getpwnam("docker-control-broker")
    os.chown(directory, owner.pw_uid, owner.pw_gid)
    service.audit_file = directory / "audit.jsonl"
    service.settings["audit"] = str(service.audit_file)
    (service.directory / "config.toml").write_text(service.configuration())


@pytest.fixture
def rotating(service_maker):
    service = service_maker()
    owned_log(service)
    try:
        yield service.start()
    finally:
        service.close()


def rotate(service, to):
    service.audit_file.rename(to)
    service.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: service.audit_file.exists() and service.audit_file.stat().st_size > 0, what="the new file")


def test_rotation_under_load(rotating):
    """The file is moved away and SIGUSR1 sent while requests run: no request fails, no line is lost,
    and the files are one chain, compressed ones too."""
    front = rotating.front
    moved = [rotating.directory / "log" / f"audit.jsonl.{number}" for number in (3, 2, 1)]
    with Load(rotating) as load:
        for file in moved:
            wait_for(lambda had=len(load.statuses): len(load.statuses) > had + 50, what="work")
            rotate(rotating, file)
    assert not load.failures and set(load.statuses) == {200}
    assert rotating.front == front
    rotating.terminate()
    files = [*moved, rotating.audit_file]
    assert chain_problems(lines(*files), head_file(rotating).read_bytes()) == []
    assert [records(file)[0]["event"] for file in files] == ["start", "rotated", "rotated", "rotated"]
    assert all(file.stat().st_mode & 0o777 == 0o640 for file in files)
    served = [record for record in records(*files) if record.get("operation") == "containers.list"]
    assert len(served) == len(load.statuses)
    assert verify(rotating, *files).returncode == 0
    assert verify(rotating, rotating.audit_file).returncode == 0
    assert verify(rotating, files[0], *files[2:]).returncode == 1  # one is missing
    packed = subprocess.run(["gzip", "-c", *files[:3]], check=True, capture_output=True).stdout
    unpacked = subprocess.run(["gzip", "-dc"], check=True, input=packed, capture_output=True).stdout.decode()
    assert verify_input(rotating, unpacked).returncode == 0


def verify_input(service, text):
    return audit("verify", "-", service.audit_file, "--head", head_file(service), input=text)


def test_rotated_while_stopped(rotating):
    """A file that was moved away while nobody wrote: the new one goes on with the chain."""
    rotating.terminate()
    moved = rotating.directory / "log" / "audit.jsonl.1"
    rotating.audit_file.rename(moved)
    rotating.start()
    rotating.terminate()
    assert records(rotating.audit_file)[0]["event"] == "rotated"
    assert chain_problems(lines(moved, rotating.audit_file), head_file(rotating).read_bytes()) == []


@pytest.mark.parametrize("trap", ["same", "link", "directory", "fifo", "foreign", "open", "full"])
def test_rotation_refused(rotating, trap):
    """What cannot be the new file is refused with the reason, and the open one stays."""
    path = rotating.audit_file
    kept = path
    if trap != "same":
        kept = path.with_name("kept")
        path.rename(kept)
    owner = pwd.getpwnam("docker-control-broker")
    if trap == "link":
        path.symlink_to(rotating.directory / "elsewhere")
    elif trap == "directory":
        path.mkdir()
    elif trap == "fifo":
        os.mkfifo(path, 0o640)
        os.chown(path, owner.pw_uid, owner.pw_gid)
    elif trap in ("foreign", "open", "full"):
        path.write_text("{}\n" if trap == "full" else "")
        path.chmod(0o666 if trap == "open" else 0o640)
        if trap != "foreign":
            os.chown(path, owner.pw_uid, owner.pw_gid)
    had = len(lines(kept))
    rotating.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: "the audit goes on in the file that is open" in rotating.log, what="the refusal")
    assert rotating.client().get("/containers").status_code == 200
    wait_for(lambda: len(lines(kept)) > had, what="the line in the old file")
    assert not (rotating.directory / "elsewhere").exists()
    rotating.terminate()
    assert verify(rotating, kept).returncode == 0


def test_signal_to_all(rotating):
    """SIGUSR1 to every process of the service, as a service manager may send it, ends none of them."""
    family = rotating.pids()
    for pid in family:
        os.kill(pid, signal.SIGUSR1)
    wait_for(lambda: "the audit goes on" in rotating.log, what="the broker's word")
    assert rotating.client().get("/containers").status_code == 200
    assert rotating.pids() == family


def test_one_broker_per_state(own, service_maker):
    """A second broker of the same state directory is refused: two cannot write one chain."""
    second = service_maker(settings={"state_dir": str(own.directory / "state"), "audit": str(own.audit_file)})
    code, log = second.run_to_end()
    assert code == 78 and "in use by another" in log
    make_lines(own, 1)
    own.terminate()
    assert verify(own).returncode == 0
