# SPDX-License-Identifier: Apache-2.0
"""Crowds of clients from many loopback addresses, and hostile ones in a process of their own."""

import contextlib
import json
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).resolve().parent

PER_ADDRESS = 60  # connections, below what one address may have
TICK = 0.01
PARTS = 100  # of a crowd that have their turn in one tick each: a second for all


def source(number, block=1):
    """The loopback address of a crowd's client; crowds of different blocks share none."""
    host = number // PER_ADDRESS
    return f"127.{block}.{host // 250}.{host % 250 + 1}"


def allow_descriptors(count):
    """Room for so many sockets in this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))


def connect(port, number, block=1, receive_buffer=None, timeout=10):
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(timeout)
    sock.bind((source(number, block), 0))
    sock.connect(("127.0.0.1", port))
    return sock


class HostileCrowd:
    """`kind` is "loris" (heads that never end) or "readers" (answers that are hardly read)."""

    def __init__(self, kind, port, count, request=b""):
        arguments = [sys.executable, str(HARNESS / "crowd.py"), kind, str(port), str(count), request.hex()]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.strip() == "ready", f"the {kind} did not get ready: {line!r}"

    def close(self):
        """Ends it; what it has seen: connections made, those cut by the other side, bytes read."""
        self.process.stdin.close()
        seen = json.loads(self.process.stdout.readline())
        self.process.stdout.close()
        self.process.wait(10)
        return seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


class _Member:
    """One hostile client; connects again, at its next turn, when it is cut."""

    def __init__(self, crowd, number):
        self.crowd = crowd
        self.number = number
        self.socket = None

    def turn(self):
        try:
            if self.socket is None:
                self._connect()
            else:
                self.annoy()
        except BlockingIOError:
            pass
        except OSError:
            self.crowd.seen["cut"] += 1
            self.socket.close()
            self.socket = None

    def _connect(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.socket.bind((source(self.number, self.crowd.block), 0))
        with contextlib.suppress(BlockingIOError):
            self.socket.connect(("127.0.0.1", self.crowd.port))
        self.crowd.seen["made"] += 1
        self.socket.send(self.crowd.opening)

    def annoy(self):
        raise NotImplementedError


class _Loris(_Member):
    def annoy(self):
        self.socket.send(random.choice((b"x", b"x\r\nX: ")))
        with contextlib.suppress(BlockingIOError):
            if not self.socket.recv(1024):
                raise ConnectionResetError


class _Reader(_Member):
    def annoy(self):
        data = self.socket.recv(2048)
        if not data:
            raise ConnectionResetError
        self.crowd.seen["read"] += len(data)
        if data.startswith((b"HTTP/1.1 503", b"HTTP/1.1 429")):
            self.crowd.seen["refused"] += 1
            self.socket.send(self.crowd.opening)


class _Crowd:
    def __init__(self, kind, port, count, request):
        self.port = port
        self.block = {"loris": 2, "readers": 3}[kind]
        self.opening = request or b"GET /api/v1/livez HTTP/1.1\r\nHost: a\r\nX: "
        self.seen = {"made": 0, "cut": 0, "read": 0, "refused": 0}
        self.members = [{"loris": _Loris, "readers": _Reader}[kind](self, number) for number in range(count)]

    def run(self):
        """Until the standard input ends: a turn a second for each."""
        part, ready = 0, False
        while not select.select([sys.stdin], [], [], TICK)[0]:
            for member in self.members[part::PARTS]:
                member.turn()
            part = (part + 1) % PARTS
            if part == 0 and not ready:
                ready = True
                print("ready", flush=True)
        print(json.dumps(self.seen), flush=True)


def main():
    kind, port, count, request = sys.argv[1:]
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    allow_descriptors(int(count) + 100)
    _Crowd(kind, int(port), int(count), bytes.fromhex(request)).run()
    os._exit(0)  # thousands of sockets: the kernel closes them faster


if __name__ == "__main__":
    main()
