# SPDX-License-Identifier: Apache-2.0
"""Sizes and times of HTTP: what is too large, too slow, or never read."""

import contextlib
import json
import select
import socket
import time

import pytest

from harness.client import assert_error
from harness.fake_engine import reply
from harness.http_bytes import RawConnection, assert_ok, assert_refused, field, head, request
from harness.wait import wait_for

PLACES = 64  # requests of one service at once, and connections of one address

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"


def json_post(bearer, size):
    filler = b'{"image": "alpine:3", "hostname": "' + b"x" * (size - 37) + b'"}'
    assert len(filler) == size
    return request("POST", RUN, [bearer], filler)


def test_H07_body_size(service, bearer):
    """A run's body may be 64 KiB; one byte more is a 413, told before the body is read."""
    with RawConnection(service.port) as raw:
        raw.send(json_post(bearer, 64 * 1024))
        assert raw.answer().status == 400  # the host name is too long, so it was read
    with RawConnection(service.port) as raw:
        raw.send(head("POST", RUN, field(bearer), b"Content-Type: application/json",
                      b"Content-Length: 65537"))  # fmt: skip
        assert_refused(raw, (413,))
    with RawConnection(service.port) as raw:
        raw.send(request("POST", "/api/v1/containers/x/stop", [bearer], b'{"timeout": 1' + b" " * 9000 + b"}"))
        assert raw.answer().status == 413


def test_H07_chunked_body_size(raw, bearer):
    """A chunked body cannot get around the limit."""
    lines = [field(bearer), b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    with contextlib.suppress(OSError):
        raw.send(head("POST", RUN, *lines) + chunk * 5)
    assert raw.answer().status == 413


def test_H16_long_target(raw):
    """A request line over 4 KiB is a 414."""
    raw.send(head("GET", LIVE + "?" + "x" * 5000))
    assert_refused(raw, (414,))


@pytest.mark.parametrize(
    "lines",
    [
        [b"X: " + b"x" * 8702],
        [b"X: " + b"x" * 200000],
        [f"X{number}: x".encode() for number in range(64)],  # and Host
        [f"X{number}: {'x' * 1000}".encode() for number in range(20)],
    ],
    ids=["one line", "one line without end", "65 headers", "16 KiB together"],
)
def test_H15_large_head(raw, lines):
    """Headers over the limits are a 431."""
    raw.send(head("GET", LIVE, *lines))
    assert_refused(raw, (431,))


@pytest.mark.parametrize(
    "lines",
    [
        [b"X: " + b"x" * 8701],
        [f"X{number}: x".encode() for number in range(63)],
        [f"X{number}: {'x' * 1000}".encode() for number in range(16)],
    ],
    ids=["one line", "64 headers", "16 KiB together"],
)
def test_H15_head_within_limits(raw, lines):
    """As large as a head may be."""
    raw.send(head("GET", LIVE, *lines))
    assert_ok(raw)


def test_H16_target_within_limits(raw):
    """The longest request line there may be."""
    raw.send(head("GET", LIVE + "?" + "x" * (4096 - len(f"GET {LIVE}? HTTP/1.1"))))
    assert_ok(raw)


# What a client sends at first, and again and again after it: each is cut off when its time is over.
SLOW = {
    "H17 says nothing": (b"", b""),
    "H17 half a head": (b"GET /api/v1/livez HTTP/1.1\r\nHost: a\r\nX: ", b""),
    "H15 a byte at a time": (b"GET /api/v1/livez HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
    "H15 a header at a time": (b"GET /api/v1/livez HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
    "H17 no body": (b"{post}", b""),
    "H17 body a byte at a time": (b"{post}", b" "),
}


def test_H15_H17_slow_requests(service, bearer):
    """Heads have 5 seconds, bodies as long and a second for each KiB: then 408, and others do not notice."""
    post = head("POST", RUN, field(bearer), b"Content-Type: application/json", b"Content-Length: 1000")
    with contextlib.ExitStack() as stack:
        quick = stack.enter_context(RawConnection(service.port))
        slow = {case: stack.enter_context(RawConnection(service.port, timeout=20)) for case in SLOW}
        for case, raw in slow.items():
            raw.send(SLOW[case][0].replace(b"{post}", post))
        waiting = dict(slow)
        deadline = time.monotonic() + 20
        while waiting:
            assert time.monotonic() < deadline, f"not cut off: {list(waiting)}"
            readable = select.select([raw.socket for raw in waiting.values()], [], [], 0.2)[0]
            for case, raw in list(waiting.items()):
                if raw.socket in readable:
                    del waiting[case]
                else:
                    raw.send(SLOW[case][1])
            quick.send(request("GET", LIVE))
            assert_ok(quick)
        for raw in slow.values():
            assert_refused(raw, (408,))


def test_H17_unread_answers(service, bearer, docker):
    """A client that never reads its answers costs others nothing."""
    for number in range(5):
        docker.create_container("alpine:3", ["true"], name=f"pad-{number}", labels={"pad": "x" * 20000})
    slow = [RawConnection(service.port) for _ in range(5)]
    try:
        for connection in slow:
            connection.send(request("GET", LIST + "?all=true", [bearer]) * 20)
        with RawConnection(service.port) as quick:
            for _ in range(20):
                quick.send(request("GET", LIST + "?all=true", [bearer]))
                assert len(json.loads(assert_ok(quick).body)["containers"]) == 5
    finally:
        for connection in slow:
            connection.socket.close()


def test_H17_unread_lists_give_their_places_back(start_service, big_engine):
    """Lists that nobody reads take all places of a service; when they are cut off, it is served again."""
    service = start_service(docker_socket=big_engine.path)
    client = service.client()
    asked = request("GET", LIST, [("Authorization", f"Bearer {service.token()}")])
    with contextlib.ExitStack() as stack:
        readers = []
        for _ in range(PLACES):
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.bind(("127.0.0.3", 0))  # an address of their own, whose connections they use up
            slow.connect(("127.0.0.1", service.port))
            slow.sendall(asked)
            readers.append(slow)
        wait_for(lambda: len(select.select(readers, [], [], 1)[0]) == PLACES, 30, "all answers to begin")
        assert_error(client.get("/containers/none"), 503, "overloaded")
        big_engine.on("GET", "/containers/json", reply(200, []))
        wait_for(lambda: client.get("/containers").status_code == 200, 60, "a place", interval=0.1)
