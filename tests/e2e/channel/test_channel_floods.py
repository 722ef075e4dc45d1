# SPDX-License-Identifier: Apache-2.0
"""I10 to I12: floods, credit, descriptors."""

import array
import contextlib
import os
import socket

from harness import procs
from harness.owned_front import SLEEP, assert_breach, is_list, results, submission
from harness.raw_channel import CREDITS, frame
from harness.wait import wait_for


def memory(pid):
    return int(procs.status(pid)["VmRSS"].split()[0])


def test_I10_flood_without_reading(owned, channel, untouched):
    """A front that asks and asks and reads nothing is ended, before the broker keeps much for it."""
    before, used = owned.breaches, memory(owned.broker)
    question = ("InspectContainer", {"container": "x"})
    asked = 0
    while asked < 30000 and channel.send(submission(channel, question, handle=(0, 0))):
        asked += 1
    assert asked < 30000 and channel.is_over()
    assert owned.breaches == before + 1
    assert memory(owned.broker) - used < 16 * 1024
    untouched()


def test_I10_too_much_at_once(owned, proxy, untouched):
    """Beyond the places that there are the answer is `overloaded`; each request has one answer."""
    channel = owned.connect()
    holds = [proxy.hold(is_list) for _ in range(200)]
    numbers = [channel.submit(("ListContainers", {})) for _ in range(200)]
    assert holds[0].caught.wait(10)
    assert channel.receive().body["code"] == "overloaded"  # while the first ones wait
    for hold in holds:
        hold.release()
    numbers.pop()
    answers = {}
    while len(answers) < len(numbers):
        came = channel.receive()
        if came.id:
            assert came.last and came.id not in answers
            answers[came.id] = came.body.get("code", "done")
    assert set(answers.values()) == {"done", "overloaded"}
    assert channel.is_silent(0.1)
    assert channel.ask("ListContainers").kind == "Done"
    untouched()


def test_I11_credit(owned, proxy):
    """Credit for more than was spent is a breach; for what has ended it is nothing."""
    channel = owned.connect()
    channel.ask("ListContainers")
    for frames in (1, CREDITS, (1 << 32) - 1):
        channel.send(frame(channel.last_id, "Credit", {"frames": frames}))
    assert channel.ask("ListContainers").kind == "Done"
    for frames in (1, CREDITS + 1, 1 << 31, (1 << 32) - 1):
        channel = owned.connect()
        hold = proxy.hold(is_list)
        number = channel.submit(("ListContainers", {"all": True}))
        assert hold.caught.wait(10)
        assert_breach(owned, frame(number, "Credit", {"frames": frames}), channel)
        hold.release()
    for kind, body in (("Credit", {"frames": 1}), ("Cancel", {})):
        assert_breach(owned, frame(1000, kind, body))  # of a request that there never was
    assert_breach(owned, frame(1, "Credit", {"frames": 0}))


def test_I11_credit_is_kept_to(channel, docker):
    """Without credit there are so many frames and not one more; with it there are as many again."""
    for _ in range(2 * CREDITS + 2):
        docker.create_container("alpine:3", ["true"])
    number = channel.submit(("ListContainers", {"all": True}))
    for _ in range(2):
        frames = [channel.receive() for _ in range(CREDITS)]
        assert {(item.id, item.kind, item.last) for item in frames} == {(number, "ContainerDocument", False)}
        assert channel.is_silent(0.2)
        channel.send(frame(number, "Credit", {"frames": CREDITS}))
    assert [item.kind for item in channel.answer(number)] == ["ContainerDocument"] * 2 + ["Done"]


def test_I11_cancel_storm(owned, channel, docker):
    """Cancelled reads leave nothing behind; a cancelled run goes on and is on record."""
    docker.create_container("alpine:3", ["true"])
    for _ in range(1000):
        number = channel.submit(("ListContainers", {"all": True}))
        for _ in range(2):
            channel.send(frame(number, "Cancel"))
    wait_for(lambda: channel.ask("ListContainers").kind == "Done", 10, "a free place", 0.05)
    before = results(owned)
    channel.send(frame(channel.submit(("RunContainer", {**SLEEP, "name": "cancelled"})), "Cancel"))
    wait_for(lambda: results(owned) == [*before, "success"], 20, "the run to be on record")
    assert docker.inspect_container("cancelled")["State"]["Running"]


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_I12_descriptors(owned, untouched):
    """Passed descriptors never arrive, and passing any is a breach."""
    with open(os.devnull, "rb") as null, contextlib.closing(socket.socket()) as other:
        for passed in ([null.fileno()], [other.fileno(), null.fileno()], [null.fileno()] * 253):
            channel = owned.connect()
            before, breaches = descriptors(owned.broker), owned.breaches
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", passed))]
            channel.socket.sendmsg([submission(channel, ("ListContainers", {}))], rights)
            assert channel.is_over()
            assert owned.breaches == breaches + 1
            owned.connect()
            wait_for(lambda most=before: descriptors(owned.broker) <= most, 5, "the descriptors to be as before")
    untouched()
