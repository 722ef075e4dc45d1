# SPDX-License-Identifier: Apache-2.0
"""An Engine of scripted answers, for faults that a real one cannot be made to show."""

import json
import queue
import re

from .http_bytes import Reader
from .unix_server import UnixServer

VERSION = {
    "Version": "20.10.24",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.12",
    "Os": "linux",
    "Arch": "amd64",
}


def reply(status, body=None, content_type="application/json"):
    """The bytes of an answer; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "Api-Version: 1.41", f"Content-Type: {content_type}"]
    lines.append(f"Content-Length: {len(content)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def container(number, size):
    """The answer to an inspect of a running container, of about so many bytes."""
    document = {
        "Id": number,
        "Name": "/big",
        "Image": "sha256:" + "0" * 64,
        "State": {"Status": "running"},
        "Config": {"Image": "alpine:3", "Labels": {"pad": "x" * size}},
        "HostConfig": {},
        "NetworkSettings": {},
    }
    return reply(200, document)


class ScriptedAnswer:
    """The answer to one request, said piece by piece: a rule of a FakeEngine."""

    def __init__(self):
        self.pieces = queue.Queue()

    def say(self, *lines):
        """Objects, as lines of JSON, or bytes as they are."""
        for line in lines:
            self.pieces.put(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\r\n")

    def end(self):
        self.pieces.put(None)

    def __call__(self, _, connection):
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        while (piece := self.pieces.get()) is not None:
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        return b"0\r\n\r\n"


class FakeEngine(UnixServer):
    """Rules are tried newest first: on(method, path pattern, answer). An answer is bytes, or a
    function of (request, connection) that returns bytes; b"" closes the connection."""

    def __init__(self, path):
        self.requests = []
        self.rules = []
        super().__init__(path)
        self.on("GET", "/_ping", reply(200, b"OK", "text/plain"))
        self.on("HEAD", "/_ping", reply(200))
        self.on("GET", "/version", reply(200, VERSION))
        self.on("GET", "/info", reply(200, {"MemoryLimit": True, "SwapLimit": True, "PidsLimit": True}))
        self.on("GET", "/containers/json", reply(200, []))
        self.on("GET", "/images/json", reply(200, []))

    def on(self, method, pattern, answer):
        expression = re.compile(rf"(/v1\.\d+)?{pattern}")
        self.rules.insert(0, (re.compile(method), expression, answer))

    def add_containers(self, count, size):
        """Running containers whose inspect documents have so many bytes."""
        ids = [f"{number:064x}" for number in range(count)]
        self.on("GET", "/containers/json", reply(200, [{"Id": number} for number in ids]))
        for number in ids:
            self.on("GET", f"/containers/{number}/json", container(number, size))

    def serve(self, connection):
        reader = Reader(connection)
        while (request := reader.next_message()) is not None:
            self.requests.append(request)
            data = self._answer(request, connection)
            if not data:
                return
            connection.sendall(data)

    def _answer(self, request, connection):
        for method, pattern, answer in self.rules:
            if method.fullmatch(request.method) and pattern.fullmatch(request.path):
                return answer(request, connection) if callable(answer) else answer
        return reply(404, {"message": "page not found"})
