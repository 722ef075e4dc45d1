# SPDX-License-Identifier: Apache-2.0
"""A front in an attacker's hands: raw frames to the real broker, through the real keeper.

The names are those of the threat model's list. A breach is a frame that no honest front can have
sent: the front is killed, and the audit says so. A denial is an ordinary answer. What the Engine was
asked is seen by the recording proxy, which answers every pull by itself.
"""

import array
import contextlib
import json
import os
import random
import re
import signal
import socket
import threading
import time
import urllib.parse

import pytest

from harness import policies, procs
from harness.fake_engine import reply
from harness.proxy import is_create, is_pull
from harness.raw_channel import (
    COMMAND, CREDITS, ERRORS, MAX_FRAME, PEER, TEXT, U32, OwnedService, Raw, frame,
)
from harness.wait import wait_for
from test_image_policy import VECTORS, images_with, is_present, pulled_name, short

FULL_ID = re.compile("[0-9a-f]{64}")
REFUSED_RUN = ("RunContainer", {"image": "evil/x:1", "command": ["true"], "ports": [(80, 0, 8003)], "name": "xx"})
SLEEP = {"image": "alpine:3", "command": ["sleep", "1000"], "init": True}


@pytest.fixture(scope="module")
def owned(engine, programs, proxy):
    """The service whose front is ours, shared by the tests of this file."""
    directory = engine.directory / "service-owned"
    service = OwnedService(directory, programs, proxy.path, policy=policies.standard())
    try:
        yield service.start()
    finally:
        service.close()


@pytest.fixture(autouse=True)
def same_broker(owned, proxy):
    """Whatever a test sends, the broker stays and serves the next front."""
    proxy.clear()
    proxy.answer(is_pull, reply(404, {"message": "pull access denied"}))
    yield
    assert owned.process.poll() is None, owned.log[-4000:]
    proxy.clear()
    assert owned.connect().ask("ListContainers", {"all": True}).kind == "Done"


@pytest.fixture
def channel(owned):
    return owned.connect()


@pytest.fixture
def untouched(proxy, docker):
    """Asserts that the Engine was not asked to change anything, and holds no container."""

    def check():
        assert proxy.mutations() == []
        assert docker.containers(all=True) == []

    return check


def assert_breach(owned, data, channel=None):
    """These bytes cost the front its life. Sent on a new channel unless one is given."""
    channel = channel or owned.connect()
    before, front = owned.breaches, owned.front
    channel.send(data)
    assert channel.is_over(), f"no breach: {short(data)}"
    assert owned.breaches == before + 1, f"ended, but not as a breach: {short(data)}"
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


# --- image references, as in test_image_policy.py ------------------------------------------------


@pytest.mark.parametrize("image", images_with("allow"), ids=short)
def test_image_allowed(channel, proxy, docker, image):
    """Sent canonical or as the client wrote it, it reaches the Engine under its canonical name."""
    canonical = VECTORS[image]["canonical"]
    for text in (canonical, image):
        proxy.requests.clear()
        answer = channel.run(image=text)
        if is_present(docker, canonical):
            assert answer.kind == "ContainerStarted"
            assert json.loads(next(filter(is_create, proxy.requests)).body)["Image"] == canonical
        else:
            assert failure(answer) == "not_found"
            assert [pulled_name(request) for request in filter(is_pull, proxy.requests)] == [canonical]


def test_images_refused(owned, channel, untouched):
    """A reference outside the list is denied, with nobody but the broker to do it."""
    images = images_with("refuse")
    before = len(results(owned))
    for image in images:
        for text in (image, VECTORS[image]["canonical"]):
            assert failure(channel.run(image=text)) == "image_not_allowed", text
    wait_for(lambda: len(results(owned)) == before + 2 * len(images), what="the audit's last line")
    assert set(results(owned)[before:]) == {"image_not_allowed"}
    untouched()


@pytest.mark.parametrize("image", images_with("invalid"), ids=short)
def test_image_malformed(owned, channel, untouched, image):
    """What is no reference is no frame either."""
    data = image.encode("utf-8", "surrogatepass")
    assert_breach(owned, submission(channel, ("RunContainer", {**SLEEP, "image": data})), channel)
    untouched()


# --- I01 to I06: frames --------------------------------------------------------------------------


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
    "a host name": {"hostname": "a_b"},
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


# --- I07 to I09: rights --------------------------------------------------------------------------


def test_I07_guessed_handles(owned, channel, untouched):
    """No handle but a verified token's is worth anything, and it is never the same twice."""
    choose = random.Random(3)
    high, low = channel.handle
    near = [(high ^ 1 << bit, low) for bit in range(64)] + [(high, low ^ 1 << bit) for bit in range(64)]
    guesses = [(0, 0), (1, 0), (low, high), *near] + [
        (choose.getrandbits(64), choose.getrandbits(64)) for _ in range(1000)
    ]
    for guess in guesses:
        number = channel.submit(("RunContainer", SLEEP), handle=guess)
        assert failure(channel.answer(number)[-1]) == "unauthenticated"
    assert len({str(channel.verify(owned.token()).body["handle"]) for _ in range(5)}) == 5
    untouched()


def test_I07_expired_handle(owned, channel, untouched):
    """A handle ends with its token."""
    expiry = int(time.time()) - 29  # 30 s of difference between the clocks are borne with
    verified = channel.verify(owned.token(exp=expiry))
    assert verified.kind == "TokenVerified" and verified.body["lifetime"] <= 2000
    unknown = {"container": "not-there"}  # a read: while the handle lives, nothing is made
    wait_for(lambda: failure(channel.ask("InspectContainer", unknown)) == "unauthenticated", 5, "the end of the handle")
    assert failure(channel.run()) == "unauthenticated"
    assert failure(channel.verify(owned.token(exp=expiry - 60))) == "unauthenticated"
    untouched()


def test_I07_handle_of_an_old_channel(owned, channel, untouched):
    """A recorded session is worth nothing on another channel."""
    old = channel.handle
    recorded = [
        frame(1, "VerifyToken", {"token": owned.token(), "peer": PEER}),
        channel.submission(("RunContainer", SLEEP), 2),
    ]
    channel = owned.connect(None)
    channel.greet()
    for data in recorded:
        channel.send(data)
    assert channel.answer(2)[-1].body["code"] == "unauthenticated"
    channel.handle, channel.last_id = old, 2
    assert failure(channel.run()) == "unauthenticated"
    untouched()


def test_I07_token_of_none(owned, channel, untouched):
    """Tokens that are none, forged or over the size."""
    good = owned.token()
    for token in ("", "x", "..", good[:-2], good + "A", good.replace(".", "..", 1), "A" * 8192):
        assert failure(channel.verify(token)) == "unauthenticated"
    number = channel.next_id()
    assert_breach(owned, frame(number, "VerifyToken", {"token": "A" * 8193, "peer": PEER}), channel)
    untouched()


# (fields over HTTP, the same as a front that skips its checks would send them, code)
DENIALS = [
    ({"ports": {"80/tcp": 22}}, {"ports": [(80, 0, 22)]}, "port_not_allowed"),
    ({"ports": {"80/tcp": 2375}}, {"ports": [(80, 0, 2375)]}, "port_not_allowed"),
    ({"ports": {"80/udp": 9999}}, {"ports": [(80, 1, 9999)]}, "port_not_allowed"),
    ({"ports": {"80/tcp": None}}, {"ports": [(80, 0, None)]}, "port_not_allowed"),
    ({"ports": {"80/tcp": 0}}, {"ports": [(80, 0, 0)]}, "port_not_allowed"),
    (None, {"ports": [(0, 0, 8003)]}, "invalid_request"),
    (None, {"ports": [(80, 0, 8003), (81, 0, 8003)]}, "conflict"),
    (None, {"ports": [(port, 0, port) for port in range(8003, 8020)]}, "invalid_request"),
    ({"network": "host"}, {"network": "host"}, "network_not_allowed"),
    ({"network": "none"}, {"network": "none"}, "network_not_allowed"),
    ({"network": "default"}, {"network": "default"}, "network_not_allowed"),
    ({"network": "docker_gwbridge"}, {"network": "docker_gwbridge"}, "network_not_allowed"),
    ({"mem_limit": "17g"}, {"memory": 17 << 30}, "limit_exceeded"),
    (None, {"memory": 0}, "invalid_request"),
    (None, {"memory": (1 << 64) - 1}, "limit_exceeded"),
    ({"cpus": 9}, {"nano_cpus": 9 * 10**9}, "limit_exceeded"),
    (None, {"nano_cpus": 0}, "invalid_request"),
    ({"pids_limit": 4097}, {"pids": 4097}, "limit_exceeded"),
    (None, {"pids": 0}, "invalid_request"),
    (None, {"pids": (1 << 64) - 1}, "limit_exceeded"),
    ({"shm_size": "2g"}, {"shm": 2 << 30}, "limit_exceeded"),
    (None, {"shm": 0}, "invalid_request"),
    ({"restart_policy": "always"}, {"restart": (2, 0)}, "field_not_allowed"),
    (None, {"restart": (3, 0)}, "field_not_allowed"),
    (None, {"restart": (1, 6)}, "invalid_request"),
    (None, {"restart": (0, 1)}, "invalid_request"),
    (None, {"restart": (1, 1), "auto_remove": True}, "invalid_request"),
    (None, {"environment": [("A", "1"), ("A", "2")]}, "invalid_request"),
    (None, {"environment": [(f"V{number}", "") for number in range(257)]}, "invalid_request"),
    (None, {"labels": [("a", "1"), ("a", "2")]}, "invalid_request"),
    (None, {"labels": [(f"l{number}", "") for number in range(65)]}, "invalid_request"),
    (None, {"command": ["x"] * 513}, "invalid_request"),
    (None, {"command": ["x" * 20000], "entrypoint": ["x" * 20000]}, "invalid_request"),
]


def test_I08_denials(channel, service, untouched):
    """What the policy refuses is refused without the front's check, and in the same words."""
    with contextlib.closing(service.client()) as client:
        for over_http, fields, code in DENIALS:
            answer = channel.run(**fields)
            assert failure(answer) == code, (fields, answer)
            if over_http is None:
                continue
            said = client.run(**over_http).json()
            assert said["code"] == code and said["detail"] == answer.body["detail"], fields
            assert said.get("hint", "") == answer.body["hint"]
    untouched()


def test_I08_scopes(owned, untouched):
    """Scopes hold for every command, the token's narrowing too, and a service without profile has none."""
    channel = owned.connect("observer")
    for command in ("StartContainer", "StopContainer", "RestartContainer", "RemoveContainer"):
        assert failure(channel.ask(command, {"container": "x"})) == "scope_denied"
    assert failure(channel.run()) == "scope_denied"
    for token in (owned.token("nobody"), owned.token(scope="images:read")):
        assert channel.verify(token).kind == "TokenVerified"
        assert failure(channel.ask("ListContainers", {})) == "scope_denied"
    untouched()


def test_I08_other_commands(channel, untouched):
    """Bounds of the other commands."""
    for command in ("StopContainer", "RestartContainer"):
        for timeout in (301, 1 << 31, (1 << 32) - 1):
            assert failure(channel.ask(command, {"container": "x", "timeout": timeout})) == "invalid_request"
    hidden = ["docker-control.proof", "docker-control.nonce=x"]
    for filters in ({"names": ["x"] * 17}, {"labels": hidden[:1]}, {"labels": hidden[1:]}):
        assert failure(channel.ask("ListContainers", filters)) == "invalid_request"
    untouched()


REFERENCES = ["", ".", "..", "../x", "x/..", "/x", "x?force=1", "x#", "x%2f..", "x\r\nX: y", "x y", "x\0", "-x",
              "é", "x" * 129]  # fmt: skip


# Commands that name a container, with the other fields that they need.
NAMING = {
    "InspectContainer": {}, "StartContainer": {}, "StopContainer": {}, "RestartContainer": {}, "RemoveContainer": {},
    "RenameContainer": {"name": "renamed"}, "WaitContainer": {}, "ReadStats": {}, "ReadLogs": {},
    "MeasureDirectory": {"path": "/"}, "ConnectNetwork": {"network": "tt_studio_network"},
    "DisconnectNetwork": {"network": "tt_studio_network"},
}  # fmt: skip


def test_I09_references(owned, proxy, untouched):
    """A reference that could leave its place in a URL is a breach, in every command that takes one."""
    commands = list(NAMING.items())
    assert set(NAMING) == {name for name, kind in COMMAND.kinds.items() if "container" in kind.fields}
    for number, reference in enumerate(REFERENCES):
        for command, others in commands if reference == "../x" else [commands[number % len(commands)]]:
            assert_breach(owned, submission(owned.connect(), (command, {"container": reference, **others})))
    assert [r for r in proxy.requests if r.path.count("/containers/") and not r.path.endswith("/json")] == []
    untouched()


def test_I09_foreign_containers(owned, proxy, docker):
    """Containers of others, by name, id or prefix, with forged labels or not."""
    forged = {"docker-control.owner": "tenant_a", "docker-control.proof": "0" * 64, "docker-control.nonce": "0" * 32}
    own = owned.connect("tenant_b").run(name="of-b").body["id"]
    foreign = [docker.create_container("alpine:3", ["sleep", "9"], name="plain")["Id"]]
    foreign += [docker.create_container("alpine:3", ["sleep", "9"], name="forged", labels=forged)["Id"]]
    before = {item["Id"]: item["State"] for item in docker.containers(all=True)}
    proxy.requests.clear()
    channel = owned.connect("tenant_a")
    for reference in ("of-b", own, own[:12], "plain", "forged", *foreign, *(item[:12] for item in foreign)):
        for command, others in NAMING.items():
            if "network" in others:  # test_networks.py has those
                continue
            answer = channel.ask(command, {"container": reference, **others})
            assert failure(answer) == "not_found", (command, reference)
    assert proxy.mutations() == []
    assert {item["Id"]: item["State"] for item in docker.containers(all=True)} == before


def test_I09_full_ids(channel, proxy):
    """Whatever the caller calls a container, the Engine is asked to change the full id."""
    made = channel.run(name="mine").body["id"]
    for command, reference in (("StopContainer", made[:12]), ("StartContainer", "mine"), ("RemoveContainer", "mine")):
        fields = {"container": reference, **({"timeout": 0} if command == "StopContainer" else {})}
        if command == "RemoveContainer":
            fields["force"] = True
        assert channel.ask(command, fields).kind == "Done"
    changes = [request for request in proxy.mutations() if not is_create(request)]
    assert len(changes) >= 4
    for request in changes:
        assert FULL_ID.fullmatch(urllib.parse.unquote(request.path).split("/containers/")[1].split("/")[0])


# --- I10 to I12: floods, credit, descriptors -----------------------------------------------------


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


# --- I13, I14, I17: ends and the audit -----------------------------------------------------------


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
    """What the front reports is marked as its word, keeps to its line, and is bounded."""
    before = len(owned.audit)
    report = {"handle": channel.handle, "operation": 2, "code": 2, "command": REFUSED_RUN}
    peer = '\r\n\x1b[1m{"event":"x"}\u2028'
    channel.send(frame(0, "Refused", {**report, "peer": peer}))
    channel.send(frame(0, "Refused", {**report, "peer": PEER, "handle": (1, 1)}))  # nobody's word
    assert channel.ask("ListContainers").kind == "Done"
    wait_for(lambda: len(owned.audit) >= before + 2, what="the audit's last line")
    line, listed = owned.audit[before:]
    assert listed["operation"] == "containers.list"
    assert (line["peer"], line["detail"], line["outcome"]) == (peer, "refused by the front", "image_not_allowed")
    assert "\x1b" not in owned.audit_file.read_text()
    for fields in ({"peer": "x" * 65}, {"operation": len(COMMAND.kinds), "peer": ""}, {"code": len(ERRORS), "peer": ""}):
        again = owned.connect()
        assert_breach(owned, frame(0, "Refused", {**report, "handle": again.handle, **fields}), again)
    untouched()
