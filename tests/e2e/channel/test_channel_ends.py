# SPDX-License-Identifier: Apache-2.0
"""I13, I14, I17: how channels end, and what the audit says of it."""

import contextlib
import signal
import socket
import threading

import pytest

from harness import procs
from harness.owned_front import REFUSED_RUN, SLEEP, assert_breach, results
from harness.proxy import is_create
from harness.raw_channel import COMMAND, ERRORS, PEER, frame
from harness.wait import wait_for


def test_I13_killed_during_a_run(owned, channel, proxy, docker):
    """The run of a front that is killed completes and is on record."""
    hold, before = proxy.hold(is_create), results(owned)
    channel.submit(("RunContainer", {**SLEEP, "name": "orphan"}))
    assert hold.caught.wait(20)
    procs.kill(owned.front, signal.SIGKILL)
    assert channel.is_over()
    hold.release()
    wait_for(lambda: results(owned) == [*before, "success"], 20, "the run to be on record")
    made = docker.inspect_container("orphan")
    assert made["State"]["Running"] and owned.audit[-1]["object"] == made["Id"]
    assert owned.connect().ask("InspectContainer", {"container": "orphan"}).kind != "Failed"


def test_I13_stopped_during_a_run(start_service, own_proxy, docker):
    """The run of a front that hangs completes and is on record; awake again, the front answers it."""
    service = start_service(docker_socket=own_proxy.path)
    hold, answers = own_proxy.hold(is_create), []
    with contextlib.closing(service.client()) as client:
        thread = threading.Thread(target=lambda: answers.append(client.run(name="slept-through").status_code))
        thread.start()
        assert hold.caught.wait(20)
        procs.kill(service.front, signal.SIGSTOP)
        hold.release()
        wait_for(lambda: '"outcome":"success"' in service.audit_file.read_text(), 20, "the run to be on record")
        assert docker.inspect_container("slept-through")["State"]["Running"]
        procs.kill(service.front, signal.SIGCONT)
        thread.join(20)
    assert answers == [200]


@pytest.mark.parametrize("how", ["close", "no more writing", "no more reading", "neither"])
def test_I14_ends(owned, channel, proxy, docker, how):
    """However a channel ends, it ends cleanly: no breach, a new front, open runs complete."""
    hold, before, breaches, front = proxy.hold(is_create), results(owned), owned.breaches, owned.front
    channel.submit(("RunContainer", {**SLEEP, "name": "unheard"}))
    assert hold.caught.wait(20)
    if how == "close":
        channel.close()
        owned.channels.clear()
    else:
        half = {"no more writing": socket.SHUT_WR, "no more reading": socket.SHUT_RD, "neither": socket.SHUT_RDWR}
        channel.socket.shutdown(half[how])
    if how != "no more reading":  # which shows only when there is something to say
        wait_for(lambda: not procs.alive(front), 1, "the end of the front")
    hold.release()
    wait_for(lambda: results(owned) == [*before, "success"], 20, "the run to be on record")
    wait_for(lambda: not procs.alive(front), 1, "the end of the front")
    assert owned.breaches == breaches
    assert docker.inspect_container("unheard")["State"]["Running"]


def test_I17_words_of_the_front(owned, channel, untouched):
    """What the front reports keeps to its line and is bounded; the reason is the broker's own where it agrees."""
    before = len(owned.audit)
    report = {"handle": channel.handle, "operation": 2, "code": 2, "command": REFUSED_RUN}
    peer = '\r\n\x1b[1m{"event":"x"}\u2028'
    channel.send(frame(0, "Refused", {**report, "peer": peer}))
    channel.send(frame(0, "Refused", {**report, "peer": PEER, "handle": (1, 1)}))  # nobody's word
    assert channel.ask("ListContainers").kind == "Done"
    wait_for(lambda: len(owned.audit) >= before + 2, what="the audit's last line")
    line, listed = owned.audit[before:]
    assert listed["operation"] == "containers.list"
    assert (line["peer"], line["detail"], line["outcome"]) == (peer, "Image not in allowed list", "image_not_allowed")
    assert "\x1b" not in owned.audit_file.read_text()
    for fields in ({"peer": "x" * 65}, {"operation": len(COMMAND.kinds), "peer": ""}, {"code": len(ERRORS), "peer": ""}):
        again = owned.connect()
        assert_breach(owned, frame(0, "Refused", {**report, "handle": again.handle, **fields}), again)
    untouched()
