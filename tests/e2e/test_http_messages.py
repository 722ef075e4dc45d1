# SPDX-License-Identifier: Apache-2.0
"""Well-formed messages over raw sockets: bodies, order, connections and what belongs to which."""

import contextlib
import json
import os
import socket
import sys
import threading

import pytest

from harness.http_bytes import RawConnection, assert_ok, assert_refused, field, head, request
from harness.service_manager import AS_A_SERVICE_MANAGER
from harness.wait import wait_for

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"
STOP = "/api/v1/containers/x/stop"


def audit(service):
    return [json.loads(line) for line in service.audit_file.read_text().splitlines()]


def chunked_run(bearer, body, *chunks):
    lines = [field(bearer), b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
    pieces = chunks or [body[i : i + 7] for i in range(0, len(body), 7)]
    return head("POST", RUN, *lines) + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def test_H07_chunked_body(raw, bearer, docker):
    """A chunked body is read like any other, and the next request begins behind it."""
    raw.send(chunked_run(bearer, b'{"image": "alpine:3", "name": "chunked"}') + request("GET", LIVE))
    assert_ok(raw)
    assert docker.containers(all=True)[0]["Names"] == ["/chunked"]
    assert_ok(raw)


def test_H06_chunk_extensions_within_bounds(raw, bearer):
    """Short chunk extensions are skipped. (400: no image.)"""
    lines = [field(bearer), b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
    raw.send(head("POST", RUN, *lines) + b"2;a=b\r\n{}\r\n0;c\r\n\r\n" + request("GET", LIVE))
    answer = raw.answer()
    assert answer.status == 400 and b"image" in answer.body
    assert_ok(raw)


def test_H08_a_request_inside_a_body(raw, bearer, docker):
    """Bytes of a body are body, whatever they look like."""
    smuggled = request("POST", RUN, [bearer], b'{"image": "alpine:3"}')
    raw.send(request("POST", STOP, [bearer], smuggled) + request("GET", LIVE))
    assert raw.answer().status == 400
    assert_ok(raw)
    assert docker.containers(all=True) == []


def test_H08_a_request_inside_a_body_that_is_not_read(raw, docker, service):
    """Where the body is not read, nothing behind the head is: the connection ends."""
    smuggled = request("POST", RUN, [("Authorization", f"Bearer {service.token()}")], b'{"image": "alpine:3"}')
    raw.send(request("POST", STOP, [], smuggled) + request("GET", LIVE))
    assert_refused(raw, (401,))
    assert docker.containers(all=True) == []


def test_H09_pipelining(raw, bearer, docker):
    """A hundred pipelined requests are answered in order; a denied one does not disturb the next."""
    paths = [(LIVE, [], 200), (LIST, [], 401), (LIST, [bearer], 200), ("/api/v1/containers/missing", [bearer], 404)]
    sequence = [paths[number % len(paths)] for number in range(100)]
    sender = threading.Thread(target=lambda: raw.send(b"".join(request("GET", p, h) for p, h, _ in sequence)))
    sender.start()
    assert [raw.answer().status for _ in sequence] == [status for _, _, status in sequence]
    sender.join()


def test_H09_bytes_after_close(raw):
    """Nothing after Connection: close is looked at."""
    raw.send(head("GET", LIVE, b"Connection: close") + request("GET", LIVE) + b"\0garbage")
    assert_ok(raw)
    assert raw.closed()


def test_H18_continue(service, bearer, docker):
    """100 Continue comes for a body that will be read."""
    body = b'{"image": "alpine:3", "command": ["true"]}'
    lines = [field(bearer), b"Content-Type: application/json", b"Expect: 100-continue"]
    with RawConnection(service.port) as raw:
        raw.send(head("POST", RUN, *lines, f"Content-Length: {len(body)}".encode()))
        assert raw.answer(body_expected=False).status == 100
        raw.send(body)
        assert_ok(raw)


@pytest.mark.parametrize(
    "status, authorized, lines",
    [
        pytest.param(401, False, [b"Content-Length: 10", b"Expect: 100-continue"], id="401"),
        pytest.param(413, True, [b"Content-Length: 65537", b"Expect: 100-continue"], id="413"),
        pytest.param(415, True, [b"Content-Length: 10", b"Content-Encoding: gzip", b"Expect: 100-continue"], id="415"),
        pytest.param(417, True, [b"Content-Length: 10", b"Expect: 200-ok"], id="417"),
    ],
)
def test_H18_refused_without_reading(raw, bearer, status, authorized, lines):
    """No 100 Continue for a body that is not wanted: the final answer, and the end."""
    who = [field(bearer)] if authorized else []
    raw.send(head("POST", RUN, *who, b"Content-Type: application/json", *lines))
    assert_refused(raw, (status,))


@pytest.mark.parametrize("path", [LIVE, "/api/v1/health", "/api/v1/readyz", LIST, LIST + "/shown", LIST + "/missing"])
def test_H22_head(raw, bearer, client, path):
    """HEAD answers what GET would: the same status and headers, no body."""
    client.started(name="shown")
    raw.send(request("GET", path, [bearer]) + request("HEAD", path, [bearer]) + request("GET", LIVE))
    whole, bare = raw.answer(), raw.answer(body_expected=False)
    assert (bare.status, bare.body) == (whole.status, b"")
    skipped = ("date", "content-length")  # a document's length changes with the container's state
    assert [pair for pair in bare.headers if pair[0] not in skipped] == [
        pair for pair in whole.headers if pair[0] not in skipped
    ]
    assert int(bare.header("content-length")) > 0
    assert_ok(raw)


def test_H22_head_needs_a_token(raw):
    """HEAD is no way around authentication."""
    raw.send(request("HEAD", LIST) + request("GET", LIVE))
    assert raw.answer(body_expected=False).status == 401
    assert_ok(raw)


def test_H29_get_with_a_body(service, bearer):
    """A body of a GET is read off the connection and means nothing; a large one is refused."""
    with RawConnection(service.port) as raw:
        raw.send(request("GET", LIST, [bearer], b'{"all": "nonsense"}') + request("GET", LIVE))
        assert json.loads(assert_ok(raw).body)["status"] == "success"
        assert_ok(raw)
    with RawConnection(service.port) as raw:
        raw.send(head("GET", LIST, field(bearer), b"Content-Length: 8193"))
        assert_refused(raw, (413,))


def test_H32_half_close(raw, bearer):
    """A client that shuts its sending side down still gets its answer."""
    raw.send(request("GET", LIST, [bearer]))
    raw.socket.shutdown(socket.SHUT_WR)
    assert_ok(raw)
    assert raw.closed()


@pytest.mark.parametrize("leave", [lambda raw: raw.socket.close(), RawConnection.reset], ids=["close", "reset"])
def test_H32_client_that_leaves(service, bearer, docker, client, leave):
    """A change whose client is gone goes on to its end, and its outcome is audited."""
    made = client.started(name="left", command=["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], init=False)
    before = len(audit(service))
    raw = RawConnection(service.port)
    raw.send(request("POST", "/api/v1/containers/left/stop", [bearer], b'{"timeout": 1}'))
    wait_for(lambda: len(audit(service)) > before, what="the intent")
    leave(raw)
    wait_for(lambda: any(line["event"] == "result" for line in audit(service)[before:]), 20, "the outcome")
    line = audit(service)[-1]
    assert (line["operation"], line["outcome"]) == ("containers.stop", "success")
    assert docker.inspect_container(made["id"])["State"]["Running"] is False


def test_H32_client_that_leaves_within_a_request(service, bearer, docker):
    """Half a request is no request."""
    for cut in (b"POST ", b"Content-Length", b'{"ima'):
        data = request("POST", RUN, [bearer], b'{"image": "alpine:3"}')
        with RawConnection(service.port) as raw:
            raw.send(data[: data.index(cut) + len(cut)])
            raw.reset()
    with RawConnection(service.port) as raw:
        raw.send(request("GET", LIST + "?all=true", [bearer]))
        assert json.loads(assert_ok(raw).body)["containers"] == []
    assert docker.containers(all=True) == []


def test_H35_headers_of_answers(raw, bearer):
    """Every answer is JSON that nobody sniffs or stores, and does not tell who wrote it."""
    for path, headers in ((LIVE, []), (LIST, [bearer]), (LIST, []), ("/api/v1/nothing", [bearer])):
        raw.send(request("GET", path, headers))
        answer = raw.answer()
        assert answer.header("content-type") == "application/json"
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("cache-control") == "no-store"
        assert answer.header("server") is None
        assert json.loads(answer.body)


@pytest.mark.parametrize(
    "path, body",
    [
        pytest.param(RUN, {"image": "alpine:3\r\nSet-Cookie: a=b"}, id="image"),
        pytest.param(RUN, {"image": "alpine:3", "name": "a\r\nSet-Cookie: a=b"}, id="name"),
        pytest.param(RUN, {"a\r\nSet-Cookie: a=b": 1}, id="key"),
        pytest.param(STOP.replace("x", "a%0d%0aSet-Cookie:%20a=b"), {}, id="path"),
        pytest.param(STOP + "?a%0d%0aSet-Cookie:%20a=b=1", {}, id="query"),
    ],
)
def test_H35_response_splitting(raw, bearer, docker, path, body):
    """Line ends in what a client sends stay inside a JSON string, or are refused with the path."""
    raw.send(request("POST", path, [bearer], json.dumps(body).encode()))
    answer = raw.answer()
    assert answer.status == 400
    assert answer.header("set-cookie") is None
    assert b"\n" not in answer.body and json.loads(answer.body)["detail"]


def test_H37_identity_is_per_request(raw, service):
    """On one connection each request has the rights of its own token, and none has those of another."""
    good, observer = (("Authorization", f"Bearer {service.token(name)}") for name in ("tt_studio_backend", "observer"))
    bad = ("Authorization", "Bearer x.y.z")
    for _ in range(3):
        for who, method, path, status in (
            ([good], "GET", LIST, 200),
            ([], "GET", LIST, 401),
            ([observer], "POST", STOP, 403),
            ([bad], "GET", LIST, 401),
            ([good], "POST", STOP, 404),
        ):
            raw.send(request(method, path, who))
            assert raw.answer().status == status


def test_H37_keep_alive(raw, bearer):
    """Many requests on one connection."""
    for _ in range(50):
        raw.send(request("GET", LIST, [bearer]))
        assert json.loads(assert_ok(raw).body)["status"] == "success"


FORWARDED = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1"), ("X-Real-IP", "192.0.2.1")]


def peer_in_audit(service, port, host):
    before = len(audit(service))
    with RawConnection(port, host) as raw:
        raw.send(request("GET", LIST, [("Authorization", f"Bearer {service.token()}"), *FORWARDED]))
        assert_ok(raw)
    wait_for(lambda: len(audit(service)) > before, what="the audit line")
    return audit(service)[-1]["peer"]


def test_H38_peer(service):
    """The peer is the socket's; headers that claim another count for nothing."""
    assert peer_in_audit(service, service.port, "127.0.0.1") == "127.0.0.1"


def test_H38_ipv6_and_mapped(service_maker):
    """On a socket of both families an IPv4 client has its IPv4 address, and an IPv6 client its own."""
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(
            socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        )
        port, number = listener.getsockname()[1], listener.fileno()
        wrapper = [sys.executable, "-c", AS_A_SERVICE_MANAGER, str(number)]
        service = service_maker(port=port, wrapper=wrapper, pass_fds=[number])
        stack.callback(service.close)
        service.start()
        assert peer_in_audit(service, port, "127.0.0.1") == "127.0.0.1"
        assert peer_in_audit(service, port, "::1") == "::1"
