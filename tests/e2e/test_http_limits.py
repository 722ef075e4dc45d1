# SPDX-License-Identifier: Apache-2.0
"""Sizes and times of HTTP: what is too large, too slow, or never read."""

import contextlib
import json
import select
import socket

import pytest

from harness.client import assert_error
from harness.fake_engine import FakeEngine, reply
from harness.http_bytes import RawConnection, assert_ok, assert_refused, head, request
from harness.wait import wait_for

PLACES = 64  # requests of one service at once, and connections of one address

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


@pytest.fixture
def big_engine(engine):
    """An Engine of a hundred containers whose documents are 64 KiB each."""
    fake = FakeEngine(engine.directory / "big.sock")
    ids = [f"{number:064x}" for number in range(100)]
    document = {
        "Name": "/big",
        "Image": "sha256:" + "0" * 64,
        "State": {"Status": "running"},
        "Config": {"Image": "alpine:3", "Labels": {"pad": "x" * 65536}},
        "HostConfig": {},
        "NetworkSettings": {},
    }
    fake.on("GET", "/containers/json", reply(200, [{"Id": number} for number in ids]))
    for number in ids:
        fake.on("GET", f"/containers/{number}/json", reply(200, {"Id": number, **document}))
    yield fake
    fake.close()


def test_unread_lists_give_their_places_back(start_service, big_engine):
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
