# SPDX-License-Identifier: Apache-2.0
"""Clients that follow a log, as a program of their own so that they do not disturb what is measured.

log_readers.py slow PORT PATH COUNT RATE   COUNT connections that read RATE bytes a second each
log_readers.py fast PORT PATH              one that reads all it gets; lines begin with their number

The token is in TOKEN. Says "ready" when every connection has got something. When its input ends, it
says what came, as one line of JSON.
"""

import json
import os
import re
import select
import socket
import sys
import time

PER_ADDRESS = 50  # the front takes 64
TICK = 0.1
NUMBER = re.compile(rb'"message":"(\d+) ')


def open_log(port, path, number=0, buffer=None):
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.bind((f"127.0.0.{2 + number // PER_ADDRESS}", 0))
    connection.connect(("127.0.0.1", port))
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {os.environ['TOKEN']}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def told_to_end(wait):
    return bool(select.select([sys.stdin], [], [], wait)[0])


def say(text):
    print(text, flush=True)


def slow(port, path, count, rate):
    # A small buffer, so that the service feels the slowness at once and not after megabytes.
    open_ones = [open_log(port, path, number, 16 * 1024) for number in range(count)]
    taken = dict.fromkeys(open_ones, 0)
    for connection in open_ones:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.setblocking(False)
    say("ready")
    due = time.monotonic()
    ended = 0
    while not told_to_end(max(0.0, due - time.monotonic())):
        due += TICK
        for connection in list(taken):
            try:
                data = connection.recv(int(rate * TICK))
            except BlockingIOError:
                continue
            taken[connection] += len(data)
            if not data:
                ended += 1
                taken.pop(connection)
    say(json.dumps({"ended": ended, "least": min(taken.values(), default=0), "most": max(taken.values(), default=0)}))


class Chunks:
    """Takes the body out of a chunked answer."""

    def __init__(self):
        self.buffer = b""
        self.in_head = True

    def take(self, data):
        self.buffer += data
        if self.in_head:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return b""
            assert head.startswith(b"HTTP/1.1 200"), head
            self.buffer, self.in_head = rest, False
        body = []
        while (end := self.buffer.find(b"\r\n")) >= 0:
            size = int(self.buffer[:end], 16)
            if len(self.buffer) < end + 2 + size + 2:
                break
            body.append(self.buffer[end + 2 : end + 2 + size])
            self.buffer = self.buffer[end + 2 + size + 2 :]
        return b"".join(body)


def fast(port, path):
    connection = open_log(port, path)
    chunks, text = Chunks(), b""
    lines, size, gaps, expected, start = 0, 0, 0, None, time.monotonic()
    while not told_to_end(0):
        data = connection.recv(256 * 1024)
        if not data:
            break
        size += len(data)
        text += chunks.take(data)
        end = text.rfind(b"\n\n") + 2
        if end < 2:
            continue
        numbers = [int(number) for number in NUMBER.findall(text[:end])]
        text = text[end:]
        if not numbers:
            continue
        if expected is None:
            say("ready")
            expected, start, size = numbers[0], time.monotonic(), 0
        gaps += numbers != list(range(expected, expected + len(numbers)))
        expected = numbers[-1] + 1
        lines += len(numbers)
    seconds = max(time.monotonic() - start, 0.001)
    say(json.dumps({"lines": lines, "gaps": gaps, "bytes": size, "seconds": seconds}))


if __name__ == "__main__":
    kind, arguments = sys.argv[1], sys.argv[2:]
    if kind == "slow":
        slow(int(arguments[0]), arguments[1], int(arguments[2]), int(arguments[3]))
    else:
        fast(int(arguments[0]), arguments[1])
