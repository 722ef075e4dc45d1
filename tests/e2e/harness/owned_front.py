# SPDX-License-Identifier: Apache-2.0
"""What the tests of an owned front ask again and again."""

from . import procs
from .wait import wait_for

REFUSED_RUN = ("RunContainer", {"image": "evil/x:1", "command": ["true"], "ports": [(80, 0, 8003)], "name": "xx"})
SLEEP = {"image": "alpine:3", "command": ["sleep", "1000"], "init": True}


def assert_breach(owned, data, channel=None):
    """These bytes cost the front its life. Sent on a new channel unless one is given."""
    channel = channel or owned.connect()
    before, front = owned.breaches, owned.front
    channel.send(data)
    assert channel.is_over(), f"no breach: {data[:200]!r}"
    assert owned.breaches == before + 1, f"ended, but not as a breach: {data[:200]!r}"
    wait_for(lambda: not procs.alive(front), 5, "the front to be killed")


def failure(answer):
    assert answer.kind == "Failed", answer
    return answer.body["code"]


def submission(channel, command, **body):
    return channel.submission(command, channel.next_id(), **body)


def results(owned, operation="containers.run"):
    lines = [line for line in owned.audit if line["event"] == "result" and line["operation"] == operation]
    return [line["outcome"] for line in lines]


def is_list(request):
    return request.path.endswith("/containers/json")
