# SPDX-License-Identifier: Apache-2.0
"""HTTP messages as bytes: a reader for both directions and a raw client."""

import json
import socket
import struct
from dataclasses import dataclass, field


@dataclass
class Message:
    start_line: str
    headers: list = field(default_factory=list)  # (lower-case name, value) in order
    body: bytes = b""
    raw: bytes = b""

    def header(self, name, default=None):
        return next((value for key, value in self.headers if key == name), default)

    @property
    def status(self):
        return int(self.start_line.split(" ")[1])

    @property
    def method(self):
        return self.start_line.split(" ")[0]

    @property
    def target(self):
        return self.start_line.split(" ")[1]

    @property
    def path(self):
        return self.target.split("?")[0]


class Reader:
    """Reads messages from a connected socket and keeps the bytes they came as."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def next_message(self, body_expected=True):
        """The next message, or None when the peer has closed in between."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        lines = head[:-4].decode("latin-1").split("\r\n")
        pairs = [line.split(":", 1) for line in lines[1:]]
        message = Message(lines[0], [(name.lower(), value.strip()) for name, value in pairs], raw=head)
        if body_expected:
            self._read_body(message)
        return message

    def _read_body(self, message):
        if (message.header("transfer-encoding") or "").lower() == "chunked":
            self._read_chunks(message)
        elif message.header("content-length") is not None:
            message.body = self._exactly(int(message.header("content-length")))
            message.raw += message.body
        elif message.start_line.startswith("HTTP/") and message.status not in (204, 304):
            message.body = self._rest()
            message.raw += message.body

    def _read_chunks(self, message):
        while True:
            size_line = self._until(b"\r\n")
            chunk = self._exactly(int(size_line, 16) + 2)
            message.raw += size_line + chunk
            message.body += chunk[:-2]
            if len(chunk) == 2:
                return

    def _more(self):
        data = self.connection.recv(65536)
        self.buffer += data
        return bool(data)

    def _until(self, mark):
        while mark not in self.buffer:
            if not self._more():
                if self.buffer:
                    raise ConnectionError(f"the peer closed within a message: {self.buffer[:200]!r}")
                return None
        end = self.buffer.index(mark) + len(mark)
        return self._take(end)

    def _exactly(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise ConnectionError("the peer closed within a body")
        return self._take(count)

    def _rest(self):
        while self._more():
            pass
        return self._take(len(self.buffer))

    def _take(self, count):
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


class RawConnection:
    """A TCP client that sends exactly the bytes it is given; `source` is the address it comes from."""

    def __init__(self, port, host="127.0.0.1", timeout=15, source=None):
        self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.reader = Reader(self.socket)

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, body_expected=True):
        """The next answer; None when the connection ended without one."""
        try:
            return self.reader.next_message(body_expected)
        except ConnectionResetError:
            return None

    def closed(self):
        """Waits until the peer closes; false when it sends anything more."""
        try:
            return self.reader.next_message() is None
        except ConnectionResetError:
            return True

    def reset(self):
        """Closes so that the other side sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def request(method, path, headers=(), body=None, host="docker-control"):
    """The bytes of a plain request; headers are (name, value) pairs."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


def head(method, path, *lines, host=b"Host: a"):
    """The bytes of a request's head from raw header lines."""
    parts = [f"{method} {path} HTTP/1.1".encode(), *([host] if host else []), *lines]
    return b"\r\n".join(parts) + b"\r\n\r\n"


def field(pair):
    """A header line from a (name, value) pair."""
    return f"{pair[0]}: {pair[1]}".encode()


def assert_refused(connection, statuses):
    """One answer with such a status, of our error shape, and then the end of the connection."""
    answer = connection.answer()
    assert answer is not None, "no answer"
    assert answer.status in statuses, answer.raw
    assert {"detail", "code"} <= set(json.loads(answer.body))
    assert answer.header("connection") == "close"
    assert connection.closed()
    return answer


def assert_ok(connection):
    answer = connection.answer()
    assert answer is not None and answer.status == 200, answer
    return answer
