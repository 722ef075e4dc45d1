# SPDX-License-Identifier: Apache-2.0
"""A socket in front of the real Engine that records, holds and answers requests."""

import contextlib
import socket
import threading

from .http_bytes import Reader
from .unix_server import UnixServer


class Hold:
    """A request that was caught on its way: release() lets it go on, drop() loses it."""

    def __init__(self, condition):
        self.condition = condition
        self.caught = threading.Event()
        self.decided = threading.Event()
        self.forward = True
        self.request = None

    def release(self):
        self.decided.set()

    def drop(self):
        self.forward = False
        self.decided.set()


class RecordingProxy(UnixServer):
    def __init__(self, path, engine_socket):
        self.engine_socket = str(engine_socket)
        self.requests = []
        self.latest = {}  # the request that each open connection brought last
        self.holds = []
        self.answers = []
        self.substitutions = []
        super().__init__(path)

    def hold(self, condition):
        """Stops the first request that meets the condition, before the Engine sees it."""
        hold = Hold(condition)
        self.holds.append(hold)
        return hold

    def answer(self, condition, data):
        """Answers such requests with these bytes; the Engine never sees them."""
        self.answers.append((condition, data))

    def substitute(self, old, new):
        """Changes what the Engine says, from now on; both must be of one length."""
        assert len(old) == len(new)
        self.substitutions.append((old, new))

    def clear(self):
        for hold in self.holds:
            hold.drop()
        self.requests, self.holds, self.answers, self.substitutions = [], [], [], []

    def mutations(self):
        return [request for request in self.requests if request.method not in ("GET", "HEAD")]

    def open_for(self, condition):
        """The requests that meet the condition and whose connections are still open, idle or not."""
        return [request for request in list(self.latest.values()) if condition(request)]

    def serve(self, connection):
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as engine:
            engine.connect(self.engine_socket)
            threading.Thread(target=_copy_answers, args=(engine, connection, self), daemon=True).start()
            reader = Reader(connection)
            try:
                while (request := reader.next_message()) is not None:
                    self._pass_on(request, connection, engine)
            finally:
                self.latest.pop(connection, None)
                with contextlib.suppress(OSError):
                    engine.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, request, connection, engine):
        self.requests.append(request)
        self.latest[connection] = request
        for condition, data in self.answers:
            if condition(request):
                connection.sendall(data)
                return
        for hold in self.holds:
            if not hold.caught.is_set() and hold.condition(request):
                hold.request = request
                hold.caught.set()
                hold.decided.wait()
                if not hold.forward:
                    raise ConnectionError("dropped")
        engine.sendall(request.raw)


def _copy_answers(engine, client, proxy):
    with contextlib.suppress(OSError):
        while data := engine.recv(1 << 20):
            for old, new in proxy.substitutions:
                data = data.replace(old, new)
            client.sendall(data)
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


def is_start(request):
    return request.method == "POST" and request.path.endswith("/start")


def is_create(request):
    return request.method == "POST" and request.path.endswith("/containers/create")


def is_logs(request):
    return request.method == "GET" and request.path.endswith("/logs")


def is_wait(request):
    return request.method == "POST" and request.path.endswith("/wait")


def is_pull(request):
    return request.method == "POST" and request.path.endswith("/images/create")
