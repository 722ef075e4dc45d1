# SPDX-License-Identifier: Apache-2.0
"""Server-sent events, read as the service's clients read them: requests and iter_lines."""

import contextlib
import json


class Events:
    """The events of one answer, in order; an iterator that ends with the stream."""

    def __init__(self, response):
        assert response.status_code == 200, f"{response.status_code}: {response.text}"
        self.response = response
        # As text: then every character that Unicode calls a line end is one.
        self.lines = response.iter_lines(decode_unicode=True)
        assert next(self.lines) == "retry: 1000"
        assert next(self.lines) == ""

    def __iter__(self):
        return self

    def __next__(self):
        for line in self.lines:
            if line.startswith("data: "):
                assert next(self.lines) == "", "an event ends with an empty line"
                return json.loads(line[len("data: ") :])
            assert line == "" or line.startswith(":"), line
        raise StopIteration

    def messages(self):
        return [event["message"] for event in self]

    def close(self):
        self.response.close()


@contextlib.contextmanager
def events(client, path, **query):
    """The events of a GET; leaving the block closes the connection."""
    with client.get(path, params=query, stream=True) as response:
        yield Events(response)


def logs(client, container, **query):
    """A container's log: events(...) of its route."""
    return events(client, f"/containers/{container}/logs", **query)


def read_logs(client, container, **query):
    """All events of a log that ends by itself."""
    with logs(client, container, **{"follow": "false", "tail": "all", **query}) as found:
        return list(found)
