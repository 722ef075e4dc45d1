# SPDX-License-Identifier: Apache-2.0
"""GET /containers/{id}/logs: a container's output as server-sent events."""

import contextlib
import datetime
import json
import re
import socket
import struct
import time

import pytest

from harness import policies, procs
from harness.client import assert_error
from harness.events import Events, logs, read_logs
from harness.http_bytes import RawConnection, request
from harness.proxy import is_logs
from harness.wait import wait_for

GONE = 5  # seconds on a busy machine for what takes less than one


def ended(docker, *command, tty=False):
    """The id of a container that has printed and ended; made by the witness, so that its log is not rotated."""
    made = docker.create_container("alpine:3", list(command), tty=tty)["Id"]
    docker.start(made)
    assert docker.wait(made)["StatusCode"] == 0
    return made


def printed(docker, script, **options):
    return ended(docker, "sh", "-c", script, **options)


def ticker(client, **fields):
    """A container that prints a numbered line again and again."""
    script = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done"
    return client.started(command=["sh", "-c", script], init=True, **fields)["id"]


def messages(found):
    return [event["message"] for event in found]


# --- what an event is ------------------------------------------------------------------------------


def test_events(client, docker):
    """One event a line: type by its words, the time of this host, and the headers of a stream."""
    made = printed(docker, "echo hello; echo '[INFO] x'; echo Warning; echo 'it FAILED'")
    before = datetime.datetime.now().replace(microsecond=0)
    with client.get(f"/containers/{made}/logs", params={"follow": "false"}, stream=True) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-cache, no-transform"
        assert response.headers["X-Accel-Buffering"] == "no"
        found = list(Events(response))
    assert [(event["type"], event["message"]) for event in found] == [
        ("log", "hello"), ("event", "[INFO] x"), ("warning", "Warning"), ("error", "it FAILED"),
    ]  # fmt: skip
    for event in found:
        assert set(event) == {"type", "message", "timestamp", "raw"}
        assert event["raw"] is True
        at = datetime.datetime.strptime(event["timestamp"], "%Y-%m-%d %H:%M:%S")
        assert before <= at <= datetime.datetime.now()


def test_as_sent(service, docker, raw, bearer):
    """The bytes: retry first, then the events, each ended by an empty line; chunked, connection kept."""
    made = printed(docker, "echo one; echo; printf 'two\\r\\n\\r\\nthree'")
    raw.send(request("GET", f"/api/v1/containers/{made}/logs?follow=false", [bearer]))
    answer = raw.answer()
    assert answer.header("transfer-encoding") == "chunked"
    pattern = "retry: 1000\n\n" + "".join(
        f'data: {{"type":"log","message":"{text}","timestamp":"[0-9: -]{{19}}","raw":true}}\n\n'
        for text in ("one", "two", "three")
    )
    assert re.fullmatch(pattern, answer.body.decode()), answer.body
    raw.send(request("GET", f"/api/v1/containers/{made}", [bearer]))
    assert raw.answer().status == 200


def test_http10(service, docker, raw, bearer):
    """An HTTP/1.0 client gets the events up to the end of the connection."""
    made = printed(docker, "echo one")
    raw.send(f"GET /api/v1/containers/{made}/logs?follow=false HTTP/1.0\r\n{': '.join(bearer)}\r\n\r\n".encode())
    assert b'"message":"one"' in raw.answer().body


def test_cors(client, docker):
    """A page of a listed origin may read the stream."""
    made = printed(docker, "echo one")
    for origin, allowed in (("http://localhost:8000", "http://localhost:8000"), ("http://evil", None)):
        response = client.get(f"/containers/{made}/logs?follow=false", headers={"Origin": origin})
        assert response.headers.get("Access-Control-Allow-Origin") == allowed


def test_both_streams(client, docker):
    """stdout and stderr: lines of both, whole ones even when their pieces interleave."""
    made = printed(docker, "printf 'out '; printf 'err ' >&2; echo one; echo two >&2; echo three")
    assert sorted(messages(read_logs(client, made))) == ["err two", "out one", "three"]
    assert messages(read_logs(client, made, stderr="false")) == ["out one", "three"]
    assert messages(read_logs(client, made, stdout="0")) == ["err two"]


def test_tty(client, docker):
    """A terminal has one stream without Docker's framing, and CR LF line ends."""
    made = printed(docker, "echo one; echo two >&2; printf three", tty=True)
    assert messages(read_logs(client, made)) == ["one", "two", "three"]


def test_empty(client, docker):
    """No output is a stream without events."""
    for tty in (False, True):
        assert read_logs(client, printed(docker, ":", tty=tty)) == []


def test_binary(client, docker):
    """Bytes of all values: what is no UTF-8 is replaced, the rest arrives."""
    script = "i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %03o $i)\"; i=$((i+1)); done; printf '\\nend\\n'"
    made = printed(docker, script)
    found = messages(read_logs(client, made))
    assert found[-1] == "end"
    low = bytes(range(10)).decode()
    assert found[0] == low
    rest = bytes(range(11, 128)).decode()
    assert found[1] == rest + "\ufffd" * 128


def test_split_character(client, docker):
    """A character that comes in two writes, and so in two frames, is one character."""
    made = printed(docker, "printf '\\342\\202'; sleep 0.2; printf '\\254 x\\n'")
    assert messages(read_logs(client, made)) == ["\u20ac x"]


def test_huge_line(client, docker):
    """64 MiB without a line end: all of it arrives, in pieces of 16 KiB at most."""
    size = 64 << 20
    made = printed(docker, f"head -c {size} /dev/zero | tr '\\0' x")
    total = 0
    with logs(client, made, follow="false", tail="all") as found:
        for event in found:
            assert len(event["message"]) <= 16 * 1024
            assert event["message"].strip("x") == ""
            total += len(event["message"])
    assert total == size


def test_injected_event(client, docker):
    """A line that looks like an event is text in one."""
    made = printed(docker, "echo 'data: {\"type\":\"error\"}'; echo ': x'; echo 'event: y'")
    assert messages(read_logs(client, made)) == ['data: {"type":"error"}', ": x", "event: y"]


def test_line_ends_of_others(client, docker):
    """What a reader may take for the end of a line is none: CR, NEL, LS, PS, form feed."""
    made = printed(docker, r"printf 'a\rdata: 1\302\205data: 2\342\200\250data: 3\342\200\251data: 4\fdata: 5\n'")
    assert messages(read_logs(client, made)) == ["a\rdata: 1\x85data: 2\u2028data: 3\u2029data: 4\fdata: 5"]


def test_access_lines(client, docker):
    """Lines of uvicorn's access log are left out of a log that is followed, and only there."""
    line = 'INFO:     127.0.0.1:54321 - "GET /health HTTP/1.1" 200 OK'
    made = printed(docker, f"echo before; echo '{line}'; echo after")
    assert messages(read_logs(client, made)) == ["before", line, "after"]
    assert messages(read_logs(client, made, follow="true")) == ["before", "after"]


# --- which lines -----------------------------------------------------------------------------------


def test_tail(client, docker):
    """tail: the last lines; 100 when it is not said, all of them with `all`."""
    made = printed(docker, "seq 1 250")
    every = [str(number) for number in range(1, 251)]
    for tail, lines in (("0", []), ("1", every[-1:]), ("30", every[-30:]), ("10000", every), ("all", every)):
        assert messages(read_logs(client, made, tail=tail)) == lines, tail
    with logs(client, made, follow="false") as found:
        assert found.messages() == every[-100:]


def test_times(client, docker):
    """since and until cut by time, timestamps shows the Engine's own."""
    made = printed(docker, "echo one; sleep 1.2; echo two")
    shown = messages(read_logs(client, made, timestamps="true"))
    assert [line.split(" ")[1] for line in shown] == ["one", "two"]
    first = datetime.datetime.fromisoformat(shown[0].split(" ")[0][:26] + "+00:00").timestamp()
    between = first + 0.5
    assert messages(read_logs(client, made, since=f"{between:.6f}")) == ["two"]
    assert messages(read_logs(client, made, until=f"{between:.6f}")) == ["one"]
    assert messages(read_logs(client, made, since=int(first) - 1)) == ["one", "two"]
    assert messages(read_logs(client, made, since=int(first) + 100)) == []


@pytest.mark.parametrize(
    "query",
    [
        "tail=-1", "tail=10001", "tail=1e9", "tail=0x10", "tail=", "tail=ALL", "tail=%D9%A3", "tail=1&tail=2",
        "tail=+1", "follow=2", "follow=", "stdout=maybe", "timestamps=5", "stdout=false&stderr=false",
        "since=-1", "since=", "since=x", "since=1.", "since=.5", "since=1.2.3", "since=1.1234567891.5",
        "since=1.123456789x", "since=99999999999999999999", "until=2020-01-01", "since=10&until=9",
    ],
)  # fmt: skip
def test_bad_query(client, docker, query):
    """A malformed or senseless parameter is refused before anything is asked of the Engine."""
    made = printed(docker, "echo one")
    assert_error(client.get(f"/containers/{made}/logs?{query}"), 400, "invalid_request")


@pytest.mark.parametrize("query", ["follow=FALSE&x=1", "follow=no", "follow=0&tail=5", "follow=off&timestamps=n"])
def test_good_query(client, docker, query):
    """Flags in all of FastAPI's spellings; what is unknown means nothing to a read."""
    made = printed(docker, "echo one")
    response = client.get(f"/containers/{made}/logs?{query}")
    assert response.status_code == 200
    assert '"message":"one"' in response.text


def test_engine_is_asked(start_service, own_proxy, docker):
    """The Engine's request is ours: full id, every parameter in its own form."""
    service = start_service(docker_socket=own_proxy.path)
    made = printed(docker, "echo one")
    with contextlib.closing(service.client()) as client:
        read_logs(client, made[:12], tail="7", since="5.25", until="1800000000", stderr="f", timestamps="1")
    asked = [request.target for request in own_proxy.requests if is_logs(request)]
    assert len(asked) == 1
    path, query = asked[0].split("?")
    assert path.endswith(f"/containers/{made}/logs")
    assert query.split("&") == [
        "follow=0", "stdout=1", "stderr=0", "timestamps=1", "tail=7", "since=5.250000000",
        "until=1800000000.000000000",
    ]  # fmt: skip


# --- following -------------------------------------------------------------------------------------
# Containers live on for a moment after their last line: the Engine (20.10) may end a follower before
# it has read what was printed at the very end.


def test_follow(client, docker):
    """Lines arrive while the container prints them; following is what is done when nothing is said."""
    made = ticker(client)
    with logs(client, made, tail="all") as found:
        seen = [next(found)["message"] for _ in range(20)]
        assert seen == [f"tick {number}" for number in range(1, 21)]


def test_follow_to_the_end(client, docker):
    """The stream ends with the container."""
    made = client.started(command=["sh", "-c", "echo one; sleep 1; echo two; sleep 2"])["id"]
    with logs(client, made, follow="true") as found:
        assert found.messages() == ["one", "two"]


def test_follow_ended(client, docker):
    """Following a container that has ended gives its log."""
    assert messages(read_logs(client, printed(docker, "seq 1 3"), follow="true")) == ["1", "2", "3"]


def test_every_line(client, docker):
    """100,000 lines: each arrives, once and in order."""
    made = docker.create_container("alpine:3", ["sh", "-c", "seq 1 100000; sleep 1000"])["Id"]
    docker.start(made)
    with logs(client, made, follow="true", tail="all") as found:
        for expected in range(1, 100_001):
            assert next(found)["message"] == str(expected)


def test_quiet_begin(client, docker):
    """The answer begins before the container prints anything."""
    made = client.started()["id"]
    start = time.monotonic()
    with logs(client, made):
        assert time.monotonic() - start < 20


@pytest.mark.parametrize("how", ["killed", "removed"])
def test_container_ends(client, docker, how):
    """A container that only ends, ends the stream; one that is removed while followed, with an error event."""
    made = ticker(client)
    with logs(client, made) as found:
        next(found)
        if how == "removed":
            docker.remove_container(made, force=True)
        else:
            docker.kill(made)
        events = list(found)
    if how == "removed":
        assert events[-1]["type"] == "error"
        assert events[-1]["message"] == "Container not found"
        assert "raw" not in events[-1]
    else:
        assert all(event["message"].startswith("tick") for event in events)


def test_removes_itself(client, docker):
    """A container with auto_remove is expected to be gone: no error."""
    made = client.started(command=["sh", "-c", "sleep 1; echo done; sleep 2"], auto_remove=True)["id"]
    with logs(client, made) as found:
        assert found.messages() == ["done"]


# --- who may, and in what form ---------------------------------------------------------------------


def test_missing(client, docker):
    """No such container is a 404 in JSON, followed or not."""
    for query in ("", "?follow=false"):
        assert_error(client.get(f"/containers/missing/logs{query}"), 404, "not_found")


def test_foreign(service, docker):
    """A container that the service does not see is missing; one that it may not manage keeps its log."""
    with contextlib.closing(service.client("tenant_a")) as tenant:
        made = tenant.started(command=["echo", "secret"])["id"]
    wait_for(lambda: docker.inspect_container(made)["State"]["Status"] == "exited", 20)
    for other, status in (("tenant_b", 404), ("onlooker", 403)):
        with contextlib.closing(service.client(other)) as client:
            response = client.get(f"/containers/{made}/logs")
            assert_error(response, status)
            assert "secret" not in response.text
    with contextlib.closing(service.client("tenant_a")) as tenant:
        assert messages(read_logs(tenant, made)) == ["secret"]


def test_scope(service, docker):
    """The scope containers:logs is needed; containers:read is not enough."""
    made = printed(docker, "echo secret")
    with contextlib.closing(service.client("observer")) as client:
        assert client.get(f"/containers/{made}").status_code == 200
        assert_error(client.get(f"/containers/{made}/logs"), 403, "scope_denied")
    assert_error(client.get(f"/containers/{made}/logs", headers={"Authorization": ""}), 401)


@pytest.mark.parametrize(
    "accept, status",
    [
        ("application/json", 406), ("image/png", 406), ("text/event-stream;q=0, application/json", 406),
        ("text/event-stream", 200), ("*/*", 200), ("text/*", 200), ("application/json, text/event-stream", 200),
    ],
)  # fmt: skip
def test_accept(client, docker, accept, status):
    """A client that takes JSON alone gets no stream of events."""
    made = printed(docker, "echo one")
    response = client.get(f"/containers/{made}/logs?follow=false", headers={"Accept": accept})
    assert response.status_code == status


def test_head(start_service, own_proxy, docker):
    """HEAD ends at once with the headers of GET, and reads no log."""
    service = start_service(docker_socket=own_proxy.path)
    with contextlib.closing(service.client()) as client:
        made = ticker(client)
        response = client.session.head(f"{client.api}/containers/{made}/logs?tail=all", timeout=30)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.content == b""
        asked = [request.target for request in own_proxy.requests if is_logs(request)]
        assert len(asked) == 1 and "follow=0" in asked[0] and "tail=0" in asked[0]
        missing = client.session.head(f"{client.api}/containers/missing/logs", timeout=30)
        assert missing.status_code == 404


# --- ends before the end ---------------------------------------------------------------------------


def test_token_expires(service, client, docker):
    """A stream ends with the token that it was asked with, the leeway of 30 s included."""
    made = ticker(client)
    with contextlib.closing(service.client(exp=int(time.time()) - 26)) as leaving:
        with logs(leaving, made) as found:
            events = list(found)
        assert events[-1]["type"] == "error" and "expired" in events[-1]["message"]
        assert events[0]["message"].startswith("tick")
        assert_error(leaving.get(f"/containers/{made}/logs"), 401)


def test_policy_changes(start_service, docker):
    """A stream ends when a new policy no longer allows it, and only then."""
    service = start_service()
    with contextlib.closing(service.client()) as client, contextlib.closing(service.client("bare")) as other:
        made, kept = ticker(client), ticker(other)
        with logs(client, made) as found, logs(other, kept) as going_on:
            next(found)
            narrowed = '"containers:read", "containers:run", "containers:manage"'
            service.reload(policies.standard().replace('"containers:*"', narrowed, 1))
            events = list(found)
            assert events[-1]["type"] == "error" and "raw" not in events[-1]
            for _ in range(50):
                assert next(going_on)["type"] == "log"
        assert_error(client.get(f"/containers/{made}/logs"), 403)


def test_client_leaves(start_service, own_proxy, docker):
    """A client that hangs up, in whatever way, ends the Engine's part within a second."""
    service = start_service(docker_socket=own_proxy.path)
    with contextlib.closing(service.client()) as client:
        talking, quiet = ticker(client), client.started()["id"]
    bearer = ("Authorization", f"Bearer {service.token()}")
    # A half-closed client of a container that talks is served on: test_half_closed.
    for made, how in ((talking, "close"), (talking, "reset"), (quiet, "close"), (quiet, "reset"), (quiet, "half")):
        with RawConnection(service.port) as connection:
            connection.send(request("GET", f"/api/v1/containers/{made}/logs", [bearer]))
            assert connection.socket.recv(1 << 16)
            assert len(wait_for(lambda: own_proxy.open_for(is_logs), 10)) == 1
            if how == "half":
                connection.socket.shutdown(socket.SHUT_WR)
            if how == "reset":
                at_once = struct.pack("ii", 1, 0)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            if how != "half":
                connection.socket.close()
            wait_for(lambda: not own_proxy.open_for(is_logs), GONE, f"the end after {how}")


def test_half_closed(service, docker, raw, bearer):
    """A client that says that it sends no more gets the log of a container that goes on."""
    script = "for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done"
    made = docker.create_container("alpine:3", ["sh", "-c", script])["Id"]
    docker.start(made)
    raw.send(request("GET", f"/api/v1/containers/{made}/logs", [bearer]))
    raw.socket.shutdown(socket.SHUT_WR)
    found = re.findall(rb'"message":"(\d)"', raw.answer().body)
    assert found == [b"1", b"2", b"3", b"4", b"5", b"6"]


def test_front_dies(start_service, own_proxy, docker):
    """A front that is killed takes its streams along, and its successor serves new ones."""
    service = start_service(docker_socket=own_proxy.path)
    with contextlib.closing(service.client()) as client:
        made = ticker(client)
        with logs(client, made) as found:
            next(found)
            assert own_proxy.open_for(is_logs)
            procs.kill(service.front)
            wait_for(lambda: not own_proxy.open_for(is_logs), GONE, "the end of the Engine's part")
        wait_for(service.live, 20)
        with contextlib.closing(service.client()) as again, logs(again, made, tail="1") as found:
            assert next(found)["message"].startswith("tick")


def test_service_ends(start_service, docker):
    """Streams do not hold up the end of the service, and are told of it."""
    service = start_service()
    with contextlib.closing(service.client()) as client:
        made = ticker(client)
        with logs(client, made) as found, RawConnection(service.port) as idle:
            next(found)
            bearer = ("Authorization", f"Bearer {service.token()}")
            idle.send(request("GET", f"/api/v1/containers/{made}/logs", [bearer]))
            assert idle.socket.recv(1 << 16)
            start = time.monotonic()
            assert service.terminate() == 0
            assert time.monotonic() - start < 8
            events = list(found)
    assert events[-1]["type"] == "error" and "restart" in events[-1]["message"]


def test_engine_dies(start_service, own_proxy, docker):
    """When the Engine's part breaks off, the stream says so and ends."""
    service = start_service(docker_socket=own_proxy.path)
    with contextlib.closing(service.client()) as client:
        with logs(client, ticker(client)) as found:
            next(found)
            own_proxy.drop_connections()
            assert list(found)[-1]["type"] == "error"


@pytest.mark.parametrize("header", [b"\3\0\0\0\0\0\0\1", b"\1\0\1\0\0\0\0\1", b"text"])
def test_not_a_log(start_service, own_proxy, docker, header):
    """Framing that is none ends the stream with an error; what came before it was right."""
    service = start_service(docker_socket=own_proxy.path)
    made = printed(docker, "echo one")
    body = b"\1\0\0\0\0\0\0\4one\n" + header + b"xxxxxxxxxxxx"
    own_proxy.answer(is_logs, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with contextlib.closing(service.client()) as client:
        events = read_logs(client, made)
    assert messages(events)[0] == "one"
    assert [event["type"] for event in events] == ["log", "error"]


def test_audit(start_service, docker):
    """A followed log is one line in the audit, with what was asked."""
    service = start_service()
    made = printed(docker, "echo one")
    with contextlib.closing(service.client()) as client:
        read_logs(client, made, tail="5")
        found = wait_for(lambda: [line for line in _audit(service) if line.get("operation") == "containers.logs"])
    assert len(found) == 1
    assert found[0]["object"] == made and found[0]["outcome"] == "success"
    assert found[0]["request"]["tail"] == 5 and found[0]["request"]["follow"] is False


def _audit(service):
    return [json.loads(line) for line in service.audit_file.read_text().splitlines()]
