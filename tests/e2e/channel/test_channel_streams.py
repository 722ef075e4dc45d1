# SPDX-License-Identifier: Apache-2.0
"""Streams in the hands of an owned front: places, credit, cancelling, and the end of a token."""

import contextlib
import os
import time

from harness import procs
from harness.owned_front import failure, results
from harness.raw_channel import CREDITS, frame
from harness.wait import wait_for

STREAMS_PER_SERVICE = 256  # limits::kStreamsPerService
POOL = 32  # limits::kEngineConnections
NOISE = ["sh", "-c", "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123; done"]


def memory(pid):
    return int(procs.status(pid)["VmRSS"].split()[0])


def connections(pid):
    found = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed in between
            found += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
    return found


def follow(channel, container):
    return channel.submit(("ReadLogs", {"container": container, "follow": True}))


def test_I10_streams_have_their_own_places(owned, channel):
    """So many streams and not one more; they take nobody's place for short work."""
    made = channel.run(name="quiet").body["id"]
    opened, refused = set(), set()
    while len(refused) < 20:
        number = follow(channel, made)  # one by one: the Engine's own queue of connections is short
        while (came := channel.receive(30)).id != number:
            pass
        if came.kind == "StreamOpened":
            opened.add(number)
        else:
            assert failure(came) == "overloaded"
            refused.add(number)
    assert len(opened) == STREAMS_PER_SERVICE
    assert channel.ask("ListContainers").kind == "Done"
    many = connections(owned.broker)
    assert many > STREAMS_PER_SERVICE
    for number in opened:
        channel.send(frame(number, "Cancel"))
    wait_for(lambda: connections(owned.broker) < many - STREAMS_PER_SERVICE + 5, 5, "the Engine's connections to close")
    again = follow(channel, made)
    assert (came := channel.receive()).id == again and came.kind == "StreamOpened"


def test_I11_cancelled_before_it_began(owned, channel):
    """A client that hangs up at once leaves no stream behind, whatever it asked for."""
    made = channel.run(name="quiet").body["id"]
    before = connections(owned.broker)
    for command in (("ReadLogs", {"container": made, "follow": True}), ("WaitContainer", {"container": made})):
        for _ in range(STREAMS_PER_SERVICE + 50):
            channel.send(frame(channel.submit(command), "Cancel"))
    assert channel.ask("ListContainers").kind in ("Done", "ContainerDocument")
    # Reads share a pool of connections, which stay.
    wait_for(lambda: connections(owned.broker) <= before + POOL, 10, "all of them to end")
    number = follow(channel, made)
    assert (came := channel.receive()).id == number and came.kind == "StreamOpened"


def test_I11_a_stream_without_credit_costs_nothing(owned, channel, docker):
    """The broker reads no further than there is credit, and others are served."""
    made = channel.run(name="noisy", command=NOISE).body["id"]
    wait_for(lambda: len(docker.logs(made, tail=10_000)) > 100_000, 10, "some output to begin with")
    numbers = [follow(channel, made) for _ in range(32)]
    frames = dict.fromkeys(numbers, 0)
    while sum(frames.values()) < len(numbers) * CREDITS:
        frames[channel.receive(20).id] += 1
    assert set(frames.values()) == {CREDITS}
    used = memory(owned.broker)
    assert channel.is_silent(2)
    assert memory(owned.broker) - used < 1024
    assert channel.ask("ListContainers", {"all": True}).kind in ("Done", "ContainerDocument")
    # With credit it goes on where it was.
    channel.send(frame(numbers[0], "Credit", {"frames": CREDITS}))
    assert [channel.receive(10).id for _ in range(CREDITS)] == [numbers[0]] * CREDITS


def test_the_end_of_a_token_ends_its_streams(owned):
    channel = owned.connect()
    made = channel.run(name="followed").body["id"]
    assert channel.verify(owned.token(exp=int(time.time()) - 26)).kind == "TokenVerified"  # 4 s of the leeway left
    number = follow(channel, made)
    assert channel.receive().kind == "StreamOpened"
    ended = channel.receive(10)
    assert ended.id == number and ended.last and failure(ended) == "unauthenticated"
    assert results(owned, "containers.logs")[-1] == "unauthenticated"


def test_a_policy_that_takes_the_right_away_ends_streams(owned):
    channel = owned.connect()
    made = channel.run(name="followed").body["id"]
    number = follow(channel, made)
    assert channel.receive().kind == "StreamOpened"
    whole = owned.policy_file.read_text()
    try:
        owned.reload(whole.replace('"containers:*", "images:*"', '"containers:read", "images:*"'))
        while not (came := channel.receive(10)).last:
            pass
        assert came.id == number and failure(came) == "scope_denied"
    finally:
        owned.reload(whole)
    wait_for(lambda: owned.log.count("policy reloaded") >= 2, 5, "the policy as it was")


def test_a_container_that_may_no_longer_be_managed(owned, docker):
    """A followed foreign container is let go when the policy no longer gives its kind away."""
    channel = owned.connect()
    foreign = docker.create_container("alpine:3", ["sleep", "1000"], name="foreign")["Id"]
    docker.start(foreign)
    number = follow(channel, foreign)
    assert channel.receive().kind == "StreamOpened"
    whole = owned.policy_file.read_text()
    reloads = owned.log.count("policy reloaded")
    try:
        owned.reload(whole.replace('"owned", "image-allowed"', '"owned"'))
        ended = channel.answer(number)[-1]
        assert failure(ended) == "scope_denied"
    finally:
        owned.reload(whole)
        docker.remove_container(foreign, force=True)
    wait_for(lambda: owned.log.count("policy reloaded") == reloads + 2, 5, "the policy as it was")


def test_a_wait_can_be_cancelled(owned, channel, docker):
    made = channel.run(name="sleeper").body["id"]
    before = connections(owned.broker)
    number = channel.submit(("WaitContainer", {"container": made}))
    wait_for(lambda: connections(owned.broker) > before, 5, "the wait to begin")
    channel.send(frame(number, "Cancel"))
    wait_for(lambda: connections(owned.broker) <= before, 5, "the wait to end")
    assert results(owned, "containers.wait")[-1] == "success"
    number = channel.submit(("WaitContainer", {"container": made}))
    docker.kill(made)
    assert channel.answer(number)[-1].body["data"] == b"137"
