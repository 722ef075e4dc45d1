# SPDX-License-Identifier: Apache-2.0
"""I07 to I09: handles, scopes, limits and containers that are not the caller's."""

import contextlib
import random
import re
import time
import urllib.parse

from harness.owned_front import SLEEP, assert_breach, failure, submission
from harness.proxy import is_create
from harness.raw_channel import COMMAND, PEER, frame
from harness.wait import wait_for

FULL_ID = re.compile("[0-9a-f]{64}")


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
