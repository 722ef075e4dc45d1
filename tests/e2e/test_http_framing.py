# SPDX-License-Identifier: Apache-2.0
"""Messages that two parsers could read differently, byte by byte."""

import pytest

from harness.http_bytes import RawConnection, assert_ok, assert_refused, field, head, request

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"

CHUNKED = b"Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"


def post(*lines, body=b""):
    return head("POST", RUN, *lines) + body


def get(*lines):
    return head("GET", LIVE, *lines)


FRAMING = {
    "H01 CL then TE": post(b"Content-Length: 4", CHUNKED, body=LAST),
    "H01 TE then CL": post(CHUNKED, b"Content-Length: 4", body=LAST),
    "H01 case": post(b"content-LENGTH: 4", b"transfer-ENCODING: Chunked", body=LAST),
    "H02 same twice": post(b"Content-Length: 2", b"Content-Length: 2", body=b"{}"),
    "H02 different": post(b"Content-Length: 2", b"Content-Length: 3", body=b"{}"),
    "H02 list": post(b"Content-Length: 2, 2", body=b"{}"),
    "H02 plus": post(b"Content-Length: +2", body=b"{}"),
    "H02 minus": post(b"Content-Length: -1"),
    "H02 hex": post(b"Content-Length: 0x2", body=b"{}"),
    "H02 two numbers": post(b"Content-Length: 2 3", body=b"{}"),
    "H02 letters": post(b"Content-Length: 2a", body=b"{}"),
    "H02 empty": post(b"Content-Length: ", body=b"{}"),
    "H02 2 to the 64": post(b"Content-Length: 18446744073709551616", body=b"{}"),
    "H02 overflow": post(b"Content-Length: 18446744073709551618", body=b"{}"),
    "H03 identity last": post(b"Transfer-Encoding: chunked, identity", body=LAST),
    "H03 identity": post(b"Transfer-Encoding: identity"),
    "H03 gzip": post(b"Transfer-Encoding: gzip, chunked", body=LAST),
    "H03 xchunked": post(b"Transfer-Encoding: xchunked", body=LAST),
    "H03 twice": post(CHUNKED, CHUNKED, body=LAST),
    "H03 twice in a list": post(b"Transfer-Encoding: chunked, chunked", body=LAST),
    "H03 quoted": post(b'Transfer-Encoding: "chunked"', body=LAST),
    "H03 parameter": post(b"Transfer-Encoding: chunked;x", body=LAST),
    "H03 vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=LAST),
    "H03 empty": post(b"Transfer-Encoding:", body=LAST),
    "H03 HTTP/1.0": b"POST " + RUN.encode() + b" HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + LAST,
    "H04 space before colon": post(b"Transfer-Encoding : chunked", body=LAST),
    "H04 tab before colon": post(b"Transfer-Encoding\t: chunked", body=LAST),
    "H04 space before name": post(b" Transfer-Encoding: chunked", body=LAST),
    "H04 space before the first name": head("POST", RUN, CHUNKED, host=b" Host: a") + LAST,
    "H04 fold by space": get(b"X: a\r\n b"),
    "H04 fold by tab": get(b"X: a\r\n\tb"),
    "H04 fold of an empty value": get(b"X:\r\n b"),
    "H05 bare LF": b"GET " + LIVE.encode() + b" HTTP/1.1\nHost: a\n\n",
    "H05 LF in the head": get(b"X: a\nY: b"),
    "H05 bare CR": get(b"X: a\rY: b"),
    "H05 CR CR LF": get(b"X: a\r"),
    "H05 NUL in value": get(b"X: a\0b"),
    "H05 NUL in name": get(b"X\0: a"),
    "H05 control": get(b"X: \x01"),
    "H05 DEL": get(b"X: \x7f"),
    "H05 high byte in name": get(b"X\x80: a"),
    "H05 empty name": get(b": a"),
    "H05 no colon": get(b"nothing"),
    "H06 chunk plus": post(CHUNKED, body=b"+5\r\nhello\r\n" + LAST),
    "H06 chunk hex prefix": post(CHUNKED, body=b"0x5\r\nhello\r\n" + LAST),
    "H06 chunk of 17 digits": post(CHUNKED, body=b"10000000000000005\r\nhello\r\n"),
    "H06 chunk empty size": post(CHUNKED, body=b"\r\nhello\r\n" + LAST),
    "H06 chunk LF": post(CHUNKED, body=b"2\n{}\n0\n\n"),
    "H06 chunk without CRLF": post(CHUNKED, body=b"2\r\n{}0\r\n\r\n"),
    "H06 chunk extension of 65 bytes": post(CHUNKED, body=b"2;" + b"x" * 65 + b"\r\n{}\r\n" + LAST),
    "H06 chunk extension with LF": post(CHUNKED, body=b"2;a\nb\r\n{}\r\n" + LAST),
    "H06 trailer": post(CHUNKED, body=b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
    "H06 trailer that frames": post(CHUNKED, body=b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"),
    "H10 no Host": head("GET", LIVE, host=None),
    "H10 two Hosts": get(b"Host: b"),
    "H10 same Host twice": get(b"Host: a"),
    "H10 empty Host": head("GET", LIVE, host=b"Host: "),
    "H10 two words": head("GET", LIVE, host=b"Host: a b"),
    "H10 list": head("GET", LIVE, host=b"Host: a,b"),
    "H10 user": head("GET", LIVE, host=b"Host: u@a"),
    "H10 port": head("GET", LIVE, host=b"Host: a:b"),
    "H10 absolute form with another Host": head("GET", f"http://b{LIVE}"),
    "H11 absolute form of a foreign host": head("GET", f"http://evil.example{LIVE}"),
    "H11 absolute form with another port": head("GET", f"http://a:81{LIVE}"),
    "H11 absolute form with a user": head("GET", f"http://u@a{LIVE}"),
    "H11 absolute form of another scheme": head("GET", f"ftp://a{LIVE}"),
    "H11 authority form": head("GET", "a:80"),
    "H11 star with GET": head("GET", "*"),
    "H13 no version": b"GET " + LIVE.encode() + b"\r\n\r\n",
    "H13 no request line": b"Host: a\r\n\r\n",
    "H13 two spaces": b"GET  " + LIVE.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "H13 TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n",
    "H14 two Authorizations": head("GET", LIST, b"Authorization: Bearer a", b"Authorization: Bearer b"),
    "H14 the same Authorization twice": head("GET", LIST, b"Authorization: Bearer a", b"authorization: Bearer a"),
    "H14 two Content-Types": post(
        b"Content-Type: application/json", b"Content-Type: application/json", b"Content-Length: 2", body=b"{}"
    ),
    "H14 two Origins": get(b"Origin: http://a", b"Origin: http://b"),
}


@pytest.mark.parametrize("case", FRAMING)
def test_refused(raw, bearer, case):
    """Ambiguous or malformed framing: one refusal, and the connection ends."""
    data = FRAMING[case]
    if case.startswith("H06"):  # a body is looked at only for callers who may send one
        lines = b"\r\n".join([b"Host: a", field(bearer), b"Content-Type: application/json"])
        data = data.replace(b"Host: a", lines, 1)
    raw.send(data + request("GET", LIVE))  # what follows is never looked at
    assert_refused(raw, (400, 501) if case.startswith("H03") else (400,))


@pytest.mark.parametrize(
    "length", ["2", "02", "\t 2 ", "000000000000000000002"], ids=lambda length: f"H02 {length!r}"
)
def test_taken_length(raw, bearer, length):
    """Blanks around a length are no part of it, and zeros before it change nothing. (400: no image.)"""
    raw.send(head("POST", RUN, field(bearer), b"Content-Type: application/json",
                  f"Content-Length:{length}".encode()) + b"{}" + request("GET", LIVE))  # fmt: skip
    assert raw.answer().status == 400
    assert_ok(raw)


@pytest.mark.parametrize(
    "line, status",
    [
        pytest.param(b"CONNECT a:80 HTTP/1.1", 501, id="H12 CONNECT"),
        pytest.param(b"TRACE /api/v1/livez HTTP/1.1", 501, id="H12 TRACE"),
        pytest.param(b"FOO /api/v1/livez HTTP/1.1", 501, id="H12 FOO"),
        pytest.param(b"get /api/v1/livez HTTP/1.1", 501, id="H12 lower case"),
        pytest.param(b"PRI * HTTP/2.0", 501, id="H12 HTTP/2 preface"),
        pytest.param(b"G\x00T /api/v1/livez HTTP/1.1", 400, id="H12 no token"),
        pytest.param(b"GET /api/v1/livez HTTP/0.9", 505, id="H13 0.9"),
        pytest.param(b"GET /api/v1/livez HTTP/1.2", 505, id="H13 1.2"),
        pytest.param(b"GET /api/v1/livez HTTP/2.0", 505, id="H13 2.0"),
        pytest.param(b"GET /api/v1/livez HTTP/3", 400, id="H13 3"),
        pytest.param(b"GET /api/v1/livez http/1.1", 400, id="H13 lower case"),
    ],
)
def test_request_line(raw, line, status):
    """Methods and versions that we do not speak."""
    raw.send(line + b"\r\nHost: a\r\n\r\n")
    assert_refused(raw, (status,))


def test_H13_http_1_0(raw):
    """HTTP/1.0 is answered and closed, also where keeping it open is asked for."""
    raw.send(b"GET " + LIVE.encode() + b" HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert assert_ok(raw).header("connection") == "close"
    assert raw.closed()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"], id="h2c"),
        pytest.param(
            [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], id="websocket"),
    ],
)  # fmt: skip
def test_H12_upgrade(raw, lines):
    """Upgrades are ignored, never switched to."""
    raw.send(head("GET", LIVE, *lines) + request("GET", LIVE))
    assert_ok(raw)
    assert_ok(raw)


def test_H11_forms_of_the_target(service):
    """The absolute form is fine for our own host, * for OPTIONS."""
    with RawConnection(service.port) as raw:
        raw.send(head("GET", f"http://a{LIVE}") + head("GET", f"HTTP://A{LIVE}"))
        assert_ok(raw)
        assert_ok(raw)
        raw.send(head("OPTIONS", "*"))
        answer = raw.answer()
        assert (answer.status, answer.body) == (204, b"")
        raw.send(request("GET", LIVE))
        assert_ok(raw)


def test_H05_a_request_byte_by_byte(raw):
    """A request that comes one byte at a time is the same request."""
    for byte in get():
        raw.send(bytes([byte]))
    assert_ok(raw)
