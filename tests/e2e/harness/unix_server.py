# SPDX-License-Identifier: Apache-2.0
"""A unix-socket server with a thread for each connection, reachable for the broker."""

import contextlib
import grp
import os
import socket
import threading


class UnixServer:
    def __init__(self, path):
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connections = set()
        self.lock = threading.Lock()
        self.listener.bind(self.path)
        os.chown(self.path, 0, grp.getgrnam("docker").gr_gid)
        os.chmod(self.path, 0o660)
        self.listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, connection):
        """Speaks to one client until it is done; the caller closes the connection."""
        raise NotImplementedError

    def close(self):
        self.listener.close()
        self.drop_connections()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def drop_connections(self):
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self.lock:
            self.connections.add(connection)
        try:
            self.serve(connection)
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.close()
