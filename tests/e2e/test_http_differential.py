# SPDX-License-Identifier: Apache-2.0
"""The front's reading of a byte stream beside that of h11, which knows nothing of llhttp.

A proxy or log in front of us that reads a stream in another way is how requests are smuggled. So: what we
take, h11 takes too, with the same method, target and body, in the same order; and where we go on after
a request, h11 sees its end at the same byte. We may refuse what h11 takes.
"""

import json
import random
import socket
import subprocess
from urllib.parse import unquote_to_bytes

import h11
import pytest

from harness.http_bytes import Reader
from harness.paths import BUILD
from test_http_framing import FRAMING

SEED = 20260101
MUTATIONS = 4000


UNREAD = object()


class Reading:
    """What one parser made of a stream: whole requests, and how it ended."""

    def __init__(self):
        self.requests = []  # (method, path segments, query pairs, body)
        self.refused = False
        self.closed = False  # by what the last request said


def queries(text):
    pairs = [pair.partition(b"=") for pair in text.split(b"&") if pair]
    return [[plain(name.replace(b"+", b" ")), plain(value.replace(b"+", b" "))] for name, _, value in pairs]


def plain(escaped):
    return unquote_to_bytes(escaped).decode("utf-8", "surrogateescape")


def split_target(target):
    if not target.startswith(b"/") and b"://" in target:
        rest = target.split(b"://", 1)[1]
        start = min([rest.index(mark) for mark in (b"/", b"?") if mark in rest], default=len(rest))
        target = rest[start:]
    path, _, query = target.partition(b"?")
    segments = [] if path in (b"", b"/", b"*") else path.split(b"/")[1:]
    return [plain(segment) for segment in segments], queries(query)


def their_reading(data):
    """h11's."""
    reading = Reading()
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    connection.receive_data(b"")
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                reading.requests.append((request.method.decode(), *split_target(request.target), body))
                connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    reading.closed = True
                    return reading
                connection.start_next_cycle()
            else:  # NEED_DATA, PAUSED or ConnectionClosed
                return reading
    except h11.ProtocolError:
        reading.refused = True
    return reading


def our_reading(port, data):
    reading = Reading()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before all of it was sent
        reader = Reader(sock)
        while (answer := reader.next_message(body_expected=False)) is not None:
            if answer.status == 100:
                continue
            if answer.header("x-request") is not None:
                seen = json.loads(answer.header("x-request").encode("latin-1"))
                reading.requests.append((seen["method"], seen["path"], seen["query"], bytes.fromhex(seen["body"])))
            elif answer.status == 204:  # OPTIONS *, which says nothing of its body; an unread one ends it
                unread = answer.header("connection") == "close"
                reading.requests.append(("OPTIONS", [], [], UNREAD if unread else b""))
            else:
                reading.refused = True
            if answer.header("connection") == "close":
                reading.closed = True
                return reading
    return reading


def disagreement(ours, theirs):
    """None, or what is wrong."""
    for number, request in enumerate(ours.requests):
        if number == len(theirs.requests):
            # Refusing is safe; to take the same bytes for something else is not.
            return None if theirs.refused else f"they do not see request {number}: {request}"
        known = request[:-1] if request[-1] is UNREAD else request
        if known != theirs.requests[number][: len(known)]:
            return f"request {number}: {request} and {theirs.requests[number]}"
    more = theirs.requests[len(ours.requests) :]
    if more and not ours.refused and not ours.closed:
        return f"they see more: {more}"
    return None


@pytest.fixture(scope="module")
def echo_port():
    program = BUILD / "tests" / "differential" / "http_echo"
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def check(port, data):
    ours, theirs = our_reading(port, data), their_reading(data)
    wrong = disagreement(ours, theirs)
    assert wrong is None, f"{wrong}\n{data!r}"
    return ours


NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = [
    NEXT,
    b"\r\n" + NEXT,
    b"GET /a/b%20c?x=1&y=a+b%2B&z HTTP/1.1\r\nHost: a:8002\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
    b"HEAD /a HTTP/1.1\r\nHost: a\r\nX:  spaced \t \r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a/a?b=c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"PUT /p HTTP/1.1\r\nHost: a\r\ncontent-length: \t3 \r\n\r\nGET",
    b"DELETE /p HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\nGET /inner HTTP/1.1\r\nHost: inner\r\n\r\n",
    b"PATCH /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"0\r\n\r\n",
    CHUNKED + b"A\r\n0123456789\r\n20\r\nGET /inner HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n",
    CHUNKED + b"003;a=b\r\nabc\r\n000\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /x HTTP/1.0\r\n\r\n",
    b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET /u HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
]
PIECES = [
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b"\0", b":", b";", b",", b"+", b"-", b"_", b"\x0b", b"\x0c", b"\x7f",
    b"\x80", b"\xff", b"0", b"1", b"5", b"f", b"0x", b"/", b"?", b"%", b"%0d%0a", b"..", b"http://", b"*", b"HTTP/1.1",
    b"HTTP/1.0", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length : 5\r\n", b"Content-Length:5,5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n", b"Transfer-Encoding:\tchunked\r\n",
    b"Transfer-Encoding: x, chunked\r\n", b"Transfer_Encoding: chunked\r\n", b"Host: b\r\n", b"Connection: close\r\n",
    b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"5\r\nhello\r\n", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
]  # fmt: skip


def mutated(dice):
    stream = bytearray(b"".join(dice.choice(GOOD) for _ in range(dice.randint(1, 3))) + NEXT)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(stream))
        how = dice.randrange(4)
        if how == 0:
            stream[at:at] = dice.choice(PIECES)
        elif how == 1:
            stream[at : at + dice.randint(1, 4)] = b""
        elif how == 2:
            stream[at : at + 1] = dice.choice(PIECES)
        else:  # at the end of a line, where headers go
            end = stream.find(b"\r\n", at)
            if end >= 0:
                stream[end + 2 : end + 2] = dice.choice(PIECES)
    return bytes(stream)


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_H40_good_requests(echo_port, number):
    """Both take it, and what follows where the connection goes on."""
    ours = check(echo_port, GOOD[number] + NEXT)
    assert not ours.refused
    assert len(ours.requests) == 2 or ours.closed


@pytest.mark.parametrize("case", FRAMING)
def test_H40_ambiguous_framing(echo_port, case):
    """Nothing that we refuse for its framing is taken first, with another request behind it or not."""
    for data in (FRAMING[case], FRAMING[case] + NEXT, NEXT + FRAMING[case] + NEXT):
        check(echo_port, data)


def test_H40_mutations(echo_port, figures):
    """Good streams, broken at random in a way that is the same each time."""
    dice = random.Random(SEED)
    taken = 0
    for _ in range(MUTATIONS):
        ours = check(echo_port, mutated(dice))
        taken += not ours.refused
    figures["differential: streams taken whole, of all"] = f"{taken} of {MUTATIONS}"
    assert MUTATIONS * 0.05 < taken < MUTATIONS * 0.95, "the mutations are too tame or too wild to say anything"


@pytest.mark.parametrize(
    "ours, theirs, agree",
    [
        (["a", "b"], ["a"], False),
        (["a"], ["a", "b"], False),
        (["a"], ["b"], False),
        (["a", "b"], ["a", "b"], True),
        (["a", "refused"], ["a", "b"], True),
        (["a", "closed"], ["a", "b"], True),
        (["a", "b"], ["a", "refused"], True),
    ],
)
def test_H40_judge(ours, theirs, agree):
    """The judge sees a request that only one side sees, and leaves refusals alone."""
    readings = []
    for seen in (ours, theirs):
        reading = Reading()
        reading.refused, reading.closed = "refused" in seen, "closed" in seen
        reading.requests = [name for name in seen if len(name) == 1]
        readings.append(reading)
    assert (disagreement(*readings) is None) == agree
