# SPDX-License-Identifier: Apache-2.0
"""Messages that two parsers could read differently, byte by byte."""

import pytest

from harness.http_bytes import assert_refused, head

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"

FRAMING = {
    "H01 CL then TE": head("POST", RUN, b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "H01 TE then CL": head("POST", RUN, b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"0\r\n\r\n",
    "H01 case": head("POST", RUN, b"content-LENGTH: 4", b"transfer-ENCODING: Chunked") + b"0\r\n\r\n",
    "H02 same twice": head("POST", RUN, b"Content-Length: 2", b"Content-Length: 2") + b"{}",
    "H02 different": head("POST", RUN, b"Content-Length: 2", b"Content-Length: 3") + b"{}",
    "H02 list": head("POST", RUN, b"Content-Length: 2, 2") + b"{}",
    "H02 plus": head("POST", RUN, b"Content-Length: +2") + b"{}",
    "H02 minus": head("POST", RUN, b"Content-Length: -1"),
    "H02 hex": head("POST", RUN, b"Content-Length: 0x2") + b"{}",
    "H02 two numbers": head("POST", RUN, b"Content-Length: 2 3") + b"{}",
    "H02 letters": head("POST", RUN, b"Content-Length: 2a") + b"{}",
    "H02 empty": head("POST", RUN, b"Content-Length: ") + b"{}",
    "H02 overflow": head("POST", RUN, b"Content-Length: 18446744073709551618") + b"{}",
    "H03 identity last": head("POST", RUN, b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "H03 identity": head("POST", RUN, b"Transfer-Encoding: identity"),
    "H03 gzip": head("POST", RUN, b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "H03 xchunked": head("POST", RUN, b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "H03 twice": head("POST", RUN, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "H03 quoted": head("POST", RUN, b'Transfer-Encoding: "chunked"') + b"0\r\n\r\n",
    "H03 parameter": head("POST", RUN, b"Transfer-Encoding: chunked;x") + b"0\r\n\r\n",
    "H03 vertical tab": head("POST", RUN, b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n",
    "H03 HTTP/1.0": b"POST " + RUN.encode() + b" HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "H04 space before colon": head("POST", RUN, b"Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "H04 space before name": head("POST", RUN, b" Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "H04 fold by space": head("GET", LIVE, b"X: a\r\n b"),
    "H04 fold by tab": head("GET", LIVE, b"X: a\r\n\tb"),
    "H04 fold of an empty value": head("GET", LIVE, b"X:\r\n b"),
    "H05 bare LF": b"GET " + LIVE.encode() + b" HTTP/1.1\nHost: a\n\n",
    "H05 LF in the head": head("GET", LIVE, b"X: a\nY: b"),
    "H05 bare CR": head("GET", LIVE, b"X: a\rY: b"),
    "H05 CR CR LF": head("GET", LIVE, b"X: a\r"),
    "H05 NUL in value": head("GET", LIVE, b"X: a\0b"),
    "H05 NUL in name": head("GET", LIVE, b"X\0: a"),
    "H05 control": head("GET", LIVE, b"X: \x01"),
    "H05 high byte in name": head("GET", LIVE, b"X\x80: a"),
    "H05 empty name": head("GET", LIVE, b": a"),
    "H05 no colon": head("GET", LIVE, b"nothing"),
    "H06 chunk plus": head("POST", RUN, b"Transfer-Encoding: chunked") + b"+5\r\nhello\r\n0\r\n\r\n",
    "H06 chunk hex prefix": head("POST", RUN, b"Transfer-Encoding: chunked") + b"0x5\r\nhello\r\n0\r\n\r\n",
    "H06 chunk overflow": head("POST", RUN, b"Transfer-Encoding: chunked") + b"10000000000000005\r\nhello\r\n",
    "H06 chunk empty size": head("POST", RUN, b"Transfer-Encoding: chunked") + b"\r\nhello\r\n0\r\n\r\n",
    "H06 chunk LF": head("POST", RUN, b"Transfer-Encoding: chunked") + b"2\n{}\n0\n\n",
    "H06 chunk without CRLF": head("POST", RUN, b"Transfer-Encoding: chunked") + b"2\r\n{}0\r\n\r\n",
    "H10 no Host": head("GET", LIVE, host=None),
    "H10 two Hosts": head("GET", LIVE, b"Host: b"),
    "H10 same Host twice": head("GET", LIVE, b"Host: a"),
    "H10 bad Host": head("GET", LIVE, host=b"Host: a b"),
    "H11 authority form": head("GET", "a:80"),
    "H11 star": head("GET", "*"),
    "H13 no version": b"GET " + LIVE.encode() + b"\r\n\r\n",
    "H13 garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n",
    "H14 two Authorizations": head("GET", LIST, b"Authorization: Bearer a", b"Authorization: Bearer b"),
    "H14 two Content-Types": head(
        "POST", RUN, b"Content-Type: application/json", b"Content-Type: application/json", b"Content-Length: 2"
    )
    + b"{}",
}


@pytest.mark.parametrize("case", FRAMING)
def test_framing(raw, bearer, case):
    """Ambiguous or malformed framing: one refusal, and the connection ends."""
    data = FRAMING[case]
    if case.startswith("H06"):  # a body is looked at only for callers who may send one
        lines = f"Host: a\r\n{bearer[0]}: {bearer[1]}\r\nContent-Type: application/json".encode()
        data = data.replace(b"Host: a", lines, 1)
    raw.send(data)
    assert_refused(raw, (400, 501) if case.startswith("H03") else (400,))
