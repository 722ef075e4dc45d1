# SPDX-License-Identifier: Apache-2.0
"""I01 to I06: bytes that are no frames, and frames that come at the wrong time."""

import random

import pytest

from harness import procs
from harness.owned_front import REFUSED_RUN, SLEEP, assert_breach, failure, submission
from harness.raw_channel import COMMAND, MAX_FRAME, PEER, TEXT, U32, Raw, frame
from harness.wait import wait_for


def test_I01_random_bytes(owned, untouched):
    """Noise, with and without a good header."""
    noise = random.Random(1)
    header = frame(0, "Cancel")[:16]
    for size in (1, 8, 15, 16, 17, 64, 1000, MAX_FRAME - 16):
        data = noise.randbytes(size)
        assert_breach(owned, data)
        assert_breach(owned, header + b"\2" + data)
    untouched()


def test_I01_truncations(owned, untouched):
    """Beginnings of a small and of a large frame; the unit tests cut every message at every byte."""
    channel = owned.connect()
    small = submission(channel, ("StopContainer", {"container": "x"}))
    large = submission(channel, REFUSED_RUN)
    for data, step in ((small, 2), (large, 17)):
        for size in range(1, len(data), step):
            assert_breach(owned, data[:size])
    untouched()


def test_I01_bit_flips(owned, untouched):
    """A flipped bit makes a breach or a denial, never a container."""
    choose = random.Random(2)
    bits = 8 * len(owned.connect().submission(REFUSED_RUN, 1))
    channel, breaches, denials = None, 0, 0
    for bit in choose.sample(range(bits), 60):
        channel = channel or owned.connect()
        data = bytearray(submission(channel, REFUSED_RUN))
        data[bit // 8] ^= 1 << bit % 8
        channel.send(data)
        # Behind it comes a question, whose answer shows that the channel still stands.
        channel.last_id = max(channel.last_id, int.from_bytes(data[8:16], "little")) + 1
        channel.send(frame(channel.last_id, "VerifyToken"))
        answers = [channel.receive()]
        while answers[-1] and answers[-1].id != channel.last_id:
            answers.append(channel.receive())
        if answers[-1] is None:
            channel, breaches = None, breaches + 1
        else:
            assert {answer.kind for answer in answers} == {"Failed"}, answers
            denials += 1
    assert breaches > 10 and denials > 10, (breaches, denials)
    untouched()


def test_I02_lengths(owned, untouched):
    """Lengths that lie, and datagrams over the frame's maximum."""
    for length in (0, 2, 4, 1 << 31, 0xFFFFFFFF):
        data = Raw(U32.encode(length) + b"abc")
        assert_breach(owned, submission(owned.connect(), ("InspectContainer", {"container": data})))
    whole = submission(owned.connect(), ("InspectContainer", {"container": "x"}))
    for size in (MAX_FRAME + 1, 2 * MAX_FRAME):
        assert_breach(owned, whole.ljust(size, b"\0"))
    untouched()


def test_I02_largest_frame(owned, channel, docker):
    """A frame of the greatest size is read whole; the command in it is judged."""
    fields = {**SLEEP, "environment": [("A", "x" * 48 * 1024)], "command": ["y" * 15 * 1024]}
    room = MAX_FRAME - len(channel.submission(("RunContainer", fields), 0))
    fields["labels"] = [(f"l{number}", "z" * 512) for number in range(room // 640)]
    assert failure(channel.ask("RunContainer", fields)) == "invalid_request"
    assert docker.containers(all=True) == []


def test_I02_empty_datagram(owned, channel):
    """A datagram of nothing ends the channel, and the front with it."""
    front = owned.front
    channel.send(b"")
    assert channel.is_over()
    wait_for(lambda: not procs.alive(front), 5, "the front to be killed")


def test_I03_headers(owned, untouched):
    """Wrong magic or version, reserved bits, unknown messages and commands, the broker's own flag."""
    run = {"handle": (0, 0), "peer": PEER, "command": ("InspectContainer", {"container": "x"})}
    for fields in (
        {"magic": 0x4344}, {"magic": 0}, {"version": 0}, {"version": 2}, {"reserved": 1},
        {"reserved": 1 << 31}, {"last": 1}, {"last": 2}, {"last": 255},
    ):  # fmt: skip
        assert_breach(owned, frame(10, "Submit", run, **fields))
    for kind in (6, 7, 128, 255):
        assert_breach(owned, frame(10, "Cancel")[:16] + bytes([kind]) + b"\0" * 40)
    for command in (len(COMMAND.kinds), len(COMMAND.kinds) + 1, 255):
        assert_breach(owned, frame(10, "Submit", {**run, "command": Raw(bytes([command]) + TEXT.encode("x"))}))
    untouched()


@pytest.mark.parametrize("kind", ["VerifyToken", "Submit", "Refused", "Credit", "Cancel", "second Hello", "late Hello"])
def test_I04_order(owned, untouched, kind):
    """Nothing before the greeting, and no second one."""
    bodies = {
        "VerifyToken": {"token": owned.token(), "peer": PEER},
        "Submit": {"handle": (0, 0), "peer": PEER, "command": ("ListContainers", {})},
        "Refused": {"handle": (0, 0), "peer": PEER},
        "Credit": {"frames": 1},
    }
    if kind == "second Hello":
        assert_breach(owned, frame(0, "Hello"))
    elif kind == "late Hello":
        assert_breach(owned, frame(1, "Hello"), owned.connect(None))
    else:
        number = 0 if kind == "Refused" else 1
        assert_breach(owned, frame(number, kind, bodies.get(kind)), owned.connect(None))
    untouched()


def test_I05_ids(owned, channel, untouched):
    """Ids may leave gaps up to the greatest there is; they never stay or fall."""
    question = ("ListContainers", {})
    for number in (1000, 1 << 63, (1 << 64) - 1):
        channel.submit(question, number)
        assert channel.answer(number)[-1].kind == "Done"
    assert_breach(owned, channel.submission(question, (1 << 64) - 1), channel)
    for first, second in ((7, 7), (7, 6), (7, 0)):
        channel = owned.connect()
        channel.submit(question, first)
        channel.answer(first)
        assert_breach(owned, channel.submission(question, second), channel)
    for number in (0, 1):  # 1 was the greeting's VerifyToken
        channel = owned.connect()
        assert_breach(owned, frame(number, "VerifyToken", {"token": owned.token(), "peer": PEER}), channel)
    assert_breach(owned, frame(5, "Refused", {"handle": (0, 0), "peer": PEER}))
    untouched()


BAD_FIELDS = {
    "a NUL": {"command": ["a\0b"]},
    "bad UTF-8": {"command": [b"\xff"]},
    "overlong UTF-8": {"command": [b"\xc0\xaf"]},
    "a surrogate": {"command": [b"\xed\xa0\x80"]},
    "an argument that is too long": {"command": ["x" * (32 * 1024 + 1)]},
    "a label's value that is too long": {"labels": [("a", "x" * 1025)]},
    "a name like an id": {"name": "0123456789ab"},
    "a name with a slash": {"name": "a/b"},
    "a host name": {"hostname": "_a"},
    "a user": {"user": "a:b:c"},
    "a directory of the kernel's": {"working_dir": "/proc/self/fd/8"},
    "a network like a container": {"network": "container:x"},
    "a network like a path": {"network": "ns:/proc/1/ns/net"},
    "a variable's name": {"environment": [("A=B", "x")]},
    "2^32-1 elements": {"command": Raw(b"\xff" * 4)},
    "1025 elements": {"command": ["x"] * 1025},
    "more elements than there are": {"command": Raw(U32.encode(2) + TEXT.encode("x"))},
    "a bool of 2": {"detach": Raw(b"\2")},
    "an optional of 2": {"name": Raw(b"\2" + TEXT.encode("x"))},
    "an unknown protocol": {"ports": [(80, 2, 8003)]},
    "an unknown restart policy": {"restart": (4, 0)},
    "bytes that are left over": {"shm": Raw(b"\0\0")},
    "a label of ours": {"labels": [("docker-control.owner", "tenant_a")]},
    "a label of ours in capitals": {"labels": [("Docker-Control.proof", "x")]},
}


@pytest.mark.parametrize("fields", BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_I06_fields(owned, channel, untouched, fields):
    """A value that its type refuses makes the whole frame a breach."""
    assert_breach(owned, submission(channel, ("RunContainer", {**SLEEP, **fields})), channel)
    untouched()
