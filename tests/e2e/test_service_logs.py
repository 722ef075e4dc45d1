# SPDX-License-Identifier: Apache-2.0
"""Log files of the host: which, how much of them, and what stands in their place and is not read."""

import os
import shutil

import pytest
from harness import policies, procs
from harness.client import assert_error, make_token

LINES = [f"line {number}" for number in range(1000)]
KEYS = ("service_log", "startup_log", "fastapi_log")


@pytest.fixture
def logs(engine):
    """A directory that the broker's user can read."""
    directory = engine.directory / "logs"
    directory.mkdir(mode=0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def reader(start_service, logs):
    """reader(path): a client of a service whose startup log is that path."""

    def make(path=logs / "startup.log"):
        return start_service(settings={"startup_log": str(path)}).client("log_reader")

    return make


def content(client, log="startup", **query):
    response = client.get(f"/logs/{log}", params=query)
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"content", "file"}
    return response.json()["content"]


def text(lines):
    return "".join(f"{line}\n" for line in lines)


def test_tail(reader, logs):
    """The last 500 lines, or as many as were asked for, as they are."""
    (logs / "startup.log").write_text(text(LINES))
    client = reader()
    response = client.get("/logs/startup")
    assert response.json() == {"content": text(LINES[-500:]), "file": str(logs / "startup.log")}
    for tail in (1, 2, 499, 1000, 5000):
        assert content(client, tail=tail) == text(LINES[-tail:])
    assert content(client, tail=0) == ""
    for bad in ("5001", "-1", "all", "1.0", "", "1e2", " 1", "0x1"):
        assert_error(client.get(f"/logs/startup?tail={bad}"), 400, "invalid_request", "tail")


@pytest.mark.parametrize(
    "written, tail, shown",
    [("", 5, ""), ("\n", 5, "\n"), ("a", 1, "a"), ("a\nb", 1, "b"), ("a\nb\n", 1, "b\n"), ("\n\n\n", 2, "\n\n"),
     ("a\n\nb\n", 2, "\nb\n"), ("a\r\nb\r\n", 1, "b\r\n"), ("é\n😀\n", 1, "😀\n")],
)  # fmt: skip
def test_ends_of_lines(reader, logs, written, tail, shown):
    (logs / "startup.log").write_bytes(written.encode())
    assert content(reader(), tail=tail) == shown


def test_which_is_which(start_service, logs):
    """A variable of the live service names the file of its own route, and wins over the configuration."""
    for name in ("a", "b", "c", "d"):
        (logs / name).write_text(f"this is {name}\n")
    service = start_service(
        settings={"service_log": str(logs / "d"), "startup_log": str(logs / "d")},
        environment={"DOCKER_CONTROL_LOG_FILE": str(logs / "a"), "STARTUP_LOG_FILE": str(logs / "b"),
                     "MODEL_RUN_LOG_FILE": str(logs / "c")},
    )  # fmt: skip
    client = service.client("log_reader")
    assert [content(client, log) for log in ("service", "startup", "fastapi")] == [
        "this is a\n", "this is b\n", "this is c\n"]  # fmt: skip


def test_not_configured(start_service, logs):
    """503, also where the environment unsets what the file has; 404 for what is not there."""
    settings = {"service_log": str(logs / "gone.log"), "startup_log": str(logs / "a")}
    client = start_service(settings=settings, environment={"STARTUP_LOG_FILE": ""}).client("log_reader")
    for log in ("startup", "fastapi"):
        assert_error(client.get(f"/logs/{log}"), 503, "not_configured", "not configured")
    error = assert_error(client.get("/logs/service"), 404, "not_found", "Log file not found")
    assert str(logs) not in str(error)
    for other in ("nginx", "service%2F..%2Fstartup", "..", "SERVICE", "service/x"):
        assert client.get(f"/logs/{other}").status_code in (400, 404)
    assert client.post("/logs/service").status_code == 405


def test_scope(reader, service, logs):
    (logs / "startup.log").write_text("x\n")
    client = reader()
    assert_error(service.client().get("/logs/startup"), 403, "scope_denied")
    client.session.headers.pop("Authorization")
    assert_error(client.get("/logs/startup"), 401)


@pytest.fixture
def secret(logs):
    """A file that is not to be read."""
    path = logs / "secret"
    path.write_text("hunter2\n")
    return path


@pytest.mark.parametrize("place", ["file", "dangling", "loop", "parent", "magic"])
def test_links_are_not_followed(reader, logs, secret, place):
    """Not in place of the file, and nowhere in its path."""
    path = logs / "startup.log"
    if place == "file":
        path.symlink_to(secret)
    elif place == "dangling":
        path.symlink_to(logs / "nothing")
    elif place == "loop":
        path.symlink_to(path)
    elif place == "parent":
        (logs / "link").symlink_to(logs)
        path = logs / "link" / "secret"
    else:
        path = f"/proc/{os.getpid()}/root{secret}"
    client = reader(path)
    response = client.get("/logs/startup")
    assert_error(response, 503, "not_configured", "cannot be read")
    assert "hunter2" not in response.text
    assert "link" in response.json()["hint"]


def test_replaced_while_it_runs(reader, logs, secret):
    """The path is looked at for each request."""
    path = logs / "startup.log"
    path.write_text("first\n")
    client = reader()
    assert content(client) == "first\n"
    path.unlink()
    assert_error(client.get("/logs/startup"), 404)
    path.symlink_to(secret)
    assert_error(client.get("/logs/startup"), 503)
    path.unlink()
    path.write_text("second\n")
    assert content(client) == "second\n"


@pytest.mark.parametrize("kind", ["fifo", "directory", "socket", "device", "unreadable", "behind"])
def test_no_plain_file(reader, logs, kind):
    """A FIFO does not stop the broker; nothing but a plain file is read."""
    path = logs / "startup.log"
    if kind == "fifo":
        os.mkfifo(path, 0o666)
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket":
        import socket

        held = socket.socket(socket.AF_UNIX)
        held.bind(str(path))
    elif kind == "device":
        path = "/dev/zero"
    elif kind == "unreadable":
        path.write_text("x\n")
        path.chmod(0o600)
    else:
        (logs / "closed").mkdir(mode=0o700)
        path = logs / "closed" / "log"
        path.write_text("x\n")
    client = reader(path)
    response, seconds = client.timed("GET", "/logs/startup")
    assert_error(response, 503, "not_configured", "cannot be read")
    assert seconds < 5
    assert client.get("/livez").status_code == 200


def test_large(start_service, logs):
    """Of 100 MiB the last MiB at most is read, from the beginning of a line."""
    path = logs / "startup.log"
    with open(path, "wb") as file:
        file.truncate(100 << 20)
        file.seek(0, os.SEEK_END)
        for number in range(20000):
            file.write(b"%06d" % number + b"x" * 93 + b"\n")
    service = start_service(settings={"startup_log": str(path)})
    client = service.client("log_reader")
    before = int(procs.status(service.broker)["VmRSS"].split()[0])
    assert content(client, tail=3).splitlines() == [f"{n:06d}" + "x" * 93 for n in (19997, 19998, 19999)]
    assert len(content(client, tail=5000)) == 500_000
    with open(path, "ab") as file:
        file.write((b"y" * 999 + b"\n") * 2000)
    shown = content(client, tail=5000)
    assert len(shown) <= 1 << 20 and len(shown) > (1 << 20) - 1000
    assert set(shown.splitlines()) == {"y" * 999}
    with open(path, "ab") as file:
        file.write(b"z" * (2 << 20))
    assert content(client) == "z" * (1 << 20)
    assert int(procs.status(service.broker)["VmRSS"].split()[0]) < before + 16384  # KiB


def test_any_bytes(reader, logs):
    """What is not UTF-8 is replaced, control characters are escaped."""
    (logs / "startup.log").write_bytes(b"a\0b\x1b[31m\xff\xfe\xc3 end\n")
    assert content(reader()) == "a\0b\x1b[31m\ufffd\ufffd\ufffd end\n"


def test_tokens_are_taken_out(reader, logs):
    token = make_token("k" * 40, policies.SERVICE)
    (logs / "startup.log").write_text(f"GET / Authorization: Bearer {token}\ntoken={token} kept\nBearer hf_{'a' * 20}\n")
    assert content(reader()) == (
        "GET / Authorization: Bearer [redacted]\ntoken=[redacted] kept\nBearer [redacted]\n")
