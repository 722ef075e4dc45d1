# SPDX-License-Identifier: Apache-2.0
"""Sizes and times of HTTP: what is too large, too slow, or never read."""

import contextlib
import json

import pytest

from harness.http_bytes import RawConnection, assert_ok, assert_refused, head, request

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"


def json_post(bearer, size):
    filler = b'{"image": "alpine:3", "hostname": "' + b"x" * (size - 37) + b'"}'
    assert len(filler) == size
    return request("POST", RUN, [bearer], filler)


def test_body_size(service, bearer):
    """A run's body may be 64 KiB; one byte more is a 413, told before the body is read."""
    with RawConnection(service.port) as raw:
        raw.send(json_post(bearer, 64 * 1024))
        assert raw.answer().status == 400  # the host name is too long, so it was read
    with RawConnection(service.port) as raw:
        raw.send(head("POST", RUN, f"{bearer[0]}: {bearer[1]}".encode(), b"Content-Type: application/json",
                      b"Content-Length: 65537"))  # fmt: skip
        assert_refused(raw, (413,))
    with RawConnection(service.port) as raw:
        raw.send(request("POST", "/api/v1/containers/x/stop", [bearer], b'{"timeout": 1' + b" " * 9000 + b"}"))
        assert raw.answer().status == 413


def test_chunked_body_size(raw, bearer):
    """A chunked body cannot get around the limit."""
    lines = [f"{bearer[0]}: {bearer[1]}".encode(), b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    with contextlib.suppress(OSError):
        raw.send(head("POST", RUN, *lines) + chunk * 5)
    assert raw.answer().status == 413


def test_long_target(raw):
    """A request line over 4 KiB is a 414."""
    raw.send(head("GET", LIVE + "?" + "x" * 5000))
    assert_refused(raw, (414,))


@pytest.mark.parametrize(
    "lines",
    [
        [b"X: " + b"x" * 9000],
        [f"X{number}: x".encode() for number in range(70)],
        [f"X{number}: {'x' * 1000}".encode() for number in range(20)],
    ],
    ids=["one line", "too many", "together"],
)
def test_large_head(raw, lines):
    """Headers over the limits are a 431."""
    raw.send(head("GET", LIVE, *lines))
    assert_refused(raw, (431,))


def test_silent_client(service):
    """A client that connects and says only half a head is cut off; others do not notice."""
    with RawConnection(service.port, timeout=20) as slow, RawConnection(service.port) as quick:
        slow.send(b"GET /api/v1/livez HTTP/1.1\r\nHost: a\r\nX: ")
        quick.send(request("GET", LIVE))
        assert_ok(quick)
        answer = slow.answer()
        assert answer is None or answer.status == 408


def test_unread_answers(service, bearer, docker):
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
