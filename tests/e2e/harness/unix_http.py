# SPDX-License-Identifier: Apache-2.0
"""HTTP over a unix socket, for asking an Engine directly."""

import http.client
import json
import socket


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10.0):
        super().__init__("docker", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(socket_path, method, target, body=None, timeout=10.0, headers=None):
    """One request on one connection: (status, decoded JSON or bytes)."""
    connection = UnixConnection(socket_path, timeout)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if "json" in (response.getheader("Content-Type") or ""):
        return response.status, json.loads(content)
    return response.status, content


def answers(socket_path, timeout=2.0):
    """Whether an Engine behind the socket answers a ping."""
    try:
        return ask(socket_path, "GET", "/_ping", timeout=timeout)[0] == 200
    except OSError:
        return False
    except http.client.HTTPException:
        return False
