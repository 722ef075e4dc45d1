# SPDX-License-Identifier: Apache-2.0
"""HTTP as its clients use it, over raw sockets."""

import json
import socket
import threading

import pytest

from harness.http_bytes import RawConnection, assert_ok, head, request

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"


@pytest.mark.parametrize(
    "line, statuses",
    [
        (b"GET /api/v1/livez HTTP/2.0", (400, 505)),
        (b"GET /api/v1/livez HTTP/1.2", (400, 505)),
        (b"GET /api/v1/livez HTTP/0.9", (400, 505)),
        (b"PRI * HTTP/2.0", (400, 405, 501, 505)),
        (b"FOO /api/v1/livez HTTP/1.1", (400, 405, 501)),
        (b"get /api/v1/livez HTTP/1.1", (400, 405, 501)),
        (b"CONNECT a:80 HTTP/1.1", (400, 405, 501)),
        (b"TRACE /api/v1/livez HTTP/1.1", (400, 405, 501)),
    ],
)
def test_request_lines(raw, line, statuses):
    """Methods and versions that we do not speak."""
    raw.send(line + b"\r\nHost: a\r\n\r\n")
    answer = raw.answer()
    assert answer.status in statuses, answer.raw


def test_http_1_0(raw):
    """HTTP/1.0 is answered and closed."""
    raw.send(b"GET " + LIVE.encode() + b" HTTP/1.0\r\nHost: a\r\n\r\n")
    assert_ok(raw)
    assert raw.closed()


def test_upgrade_is_never_taken(raw):
    """Upgrades are ignored or refused, never switched to."""
    raw.send(head("GET", LIVE, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"))
    assert raw.answer().status in (200, 400)


def test_byte_by_byte(raw):
    """A request that comes one byte at a time is the same request."""
    for byte in head("GET", LIVE):
        raw.send(bytes([byte]))
    assert_ok(raw)


def test_keep_alive(raw, bearer):
    """Many requests on one connection."""
    for _ in range(50):
        raw.send(request("GET", LIST, [bearer]))
        assert json.loads(assert_ok(raw).body)["status"] == "success"


def test_pipelining(raw, bearer, docker):
    """A hundred pipelined requests are answered in order; a denied one does not disturb the next."""
    paths = [(LIVE, [], 200), (LIST, [], 401), (LIST, [bearer], 200), ("/api/v1/containers/missing", [bearer], 404)]
    sequence = [paths[number % len(paths)] for number in range(100)]
    sender = threading.Thread(target=lambda: raw.send(b"".join(request("GET", p, h) for p, h, _ in sequence)))
    sender.start()
    assert [raw.answer().status for _ in sequence] == [status for _, _, status in sequence]
    sender.join()


def test_bytes_after_close(raw):
    """Nothing after Connection: close is looked at."""
    raw.send(head("GET", LIVE, b"Connection: close") + request("GET", LIVE))
    assert_ok(raw)
    assert raw.closed()


def test_a_request_inside_a_body(raw, bearer, docker):
    """Bytes of a body are body, whatever they look like."""
    smuggled = request("POST", RUN, [bearer], b'{"image": "alpine:3"}')
    raw.send(request("POST", "/api/v1/containers/x/stop", [bearer], smuggled) + request("GET", LIVE))
    answer = raw.answer()
    assert answer.status == 400
    following = raw.answer()
    assert following is None or following.status == 200
    assert docker.containers(all=True) == []


def test_chunked_body(raw, bearer, docker):
    """A chunked body is read like any other."""
    body = b'{"image": "alpine:3", "name": "chunked"}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
    lines = [f"{bearer[0]}: {bearer[1]}".encode(), b"Content-Type: application/json", b"Transfer-Encoding: chunked"]
    raw.send(head("POST", RUN, *lines) + chunks + b"0\r\n\r\n")
    assert_ok(raw)
    assert docker.containers(all=True)[0]["Names"] == ["/chunked"]


def test_half_close(raw, bearer):
    """A client that shuts its sending side down still gets its answer."""
    raw.send(request("GET", LIST, [bearer]))
    raw.socket.shutdown(socket.SHUT_WR)
    assert_ok(raw)


def test_absolute_form(raw):
    """The absolute form is fine for our own host, and refused for a foreign one."""
    raw.send(head("GET", f"http://a{LIVE}"))
    assert_ok(raw)
    raw.send(head("GET", f"http://evil.example{LIVE}"))
    assert raw.answer().status == 400


@pytest.mark.parametrize(
    "path, allowed",
    [
        (LIST, {"GET", "HEAD"}),
        (RUN, {"GET", "HEAD", "POST"}),  # also a container of that name
        ("/api/v1/containers/x/stop", {"POST"}),
        ("/api/v1/containers/x", {"GET", "HEAD"}),
    ],
)
def test_method_not_allowed(raw, bearer, path, allowed):
    """405 with Allow for a known path."""
    raw.send(request("DELETE", path, [bearer]))
    answer = raw.answer()
    assert answer.status == 405
    listed = {name.strip() for name in answer.header("allow").split(",")}
    assert allowed <= listed and "DELETE" not in listed


def test_no_route_oracle(raw, bearer):
    """Without a token every path is the same 401; with one an unknown path is a 404."""
    unknown = ["/api/v1/nothing", "/", "/api/v1", "/api/v2/containers", "/containers", "/api/v1/containers/x/y/z"]
    bodies = set()
    for path in [LIST, *unknown]:
        raw.send(request("GET", path))
        answer = raw.answer()
        assert answer.status == 401, path
        bodies.add(answer.body)
    assert len(bodies) == 1
    for path in unknown:
        raw.send(request("GET", path, [bearer]))
        assert raw.answer().status == 404, path


@pytest.mark.parametrize(
    "path",
    ["//api/v1/livez", "/api//v1/livez", "/api/v1/./livez", "/api/v1/x/../livez", "/api/v1/%2e/livez",
     "/api/v1/livez/", "/api/v1/containers/%zz", "/api/v1/containers/%", "/api/v1/containers/a%252fb",
     "/api/v1/containers/%C0%AF", "/api/v1/containers/a;b", "/api/v1/containers/a\\b", "/API/v1/livez"],
)  # fmt: skip
def test_odd_paths(raw, bearer, path):
    """Only the one spelling of a path is the path."""
    raw.send(request("GET", path, [bearer]))
    assert raw.answer().status in (400, 404)


def test_head(raw, bearer):
    """HEAD answers what GET would, without the body and without side effects."""
    for path, headers, status in ((LIVE, [], 200), (LIST, [bearer], 200), (LIST, [], 401)):
        raw.send(request("HEAD", path, headers))
        answer = raw.answer(body_expected=False)
        assert (answer.status, answer.body) == (status, b"")
    raw.send(request("GET", LIVE))
    assert_ok(raw)


@pytest.mark.parametrize(
    "content_type, status",
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=utf-16", 415),
        ("application/jsonx", 415),
        (None, 415),
        ("application/json", 400),
        ("application/json; charset=utf-8", 400),
        ("Application/JSON;charset=UTF-8", 400),
    ],
)
def test_content_type(raw, bearer, content_type, status):
    """Bodies are JSON and say so: no plain form of a web page reaches us. (400: no image.)"""
    lines = [f"{bearer[0]}: {bearer[1]}".encode(), b"Content-Length: 2"]
    if content_type:
        lines.append(f"Content-Type: {content_type}".encode())
    raw.send(head("POST", RUN, *lines) + b"{}")
    assert raw.answer().status == status


def test_content_encoding(raw, bearer):
    """Compressed bodies are not taken."""
    lines = [f"{bearer[0]}: {bearer[1]}".encode(), b"Content-Length: 2", b"Content-Type: application/json"]
    raw.send(head("POST", RUN, *lines, b"Content-Encoding: gzip") + b"{}")
    assert raw.answer().status == 415


@pytest.mark.parametrize(
    "accept, status",
    [("*/*", 200), ("application/*", 200), ("application/json", 200), ("text/html, */*;q=0.1", 200),
     ("image/png", 406), ("application/json;q=0", 406)],
)  # fmt: skip
def test_accept(raw, bearer, accept, status):
    """We speak JSON; who does not take it gets a 406."""
    raw.send(request("GET", LIST, [bearer, ("Accept", accept)]))
    assert raw.answer().status == status


def test_expect(service, bearer, docker):
    """100 Continue comes for a body that will be read, and for no other."""
    body = b'{"image": "alpine:3", "command": ["true"]}'
    plain = [b"Content-Type: application/json", f"Content-Length: {len(body)}".encode(), b"Expect: 100-continue"]
    authorized = [f"{bearer[0]}: {bearer[1]}".encode(), *plain]
    with RawConnection(service.port) as raw:
        raw.send(head("POST", RUN, *authorized))
        assert raw.answer(body_expected=False).status == 100
        raw.send(body)
        assert_ok(raw)
    with RawConnection(service.port) as raw:
        raw.send(head("POST", RUN, *plain))
        assert raw.answer().status == 401
    with RawConnection(service.port) as raw:
        raw.send(head("POST", RUN, *authorized[:-1], b"Expect: 200-ok"))
        assert raw.answer().status == 417


def test_headers_of_answers(raw, bearer):
    """Every answer is JSON that nobody sniffs or stores, and does not tell who wrote it."""
    for path, headers in ((LIVE, []), (LIST, [bearer]), (LIST, []), ("/api/v1/nothing", [bearer])):
        raw.send(request("GET", path, headers))
        answer = raw.answer()
        assert answer.header("content-type").startswith("application/json")
        assert answer.header("x-content-type-options") == "nosniff"
        assert "no-store" in answer.header("cache-control")
        assert json.loads(answer.body)
