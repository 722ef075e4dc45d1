# SPDX-License-Identifier: Apache-2.0
"""Mounts, devices and capabilities as raw frames: a front of the attacker's gets no more of the host than HTTP does."""

import pytest

from harness import procs
from harness.owned_front import failure
from harness.raw_channel import OwnedService
from harness.wait import wait_for
from test_devices import REFUSED as DEVICES
from test_devices import REFUSED_BELOW as DEVICES_BELOW
from test_mounts import BAD_TARGETS, REFUSED, REFUSED_BELOW

IPC_LOCK, SYS_ADMIN, NET_RAW, ALL = 14, 21, 13, 41
DENIED = {
    "mount_not_allowed", "device_not_allowed", "capability_not_allowed", "field_not_allowed", "limit_exceeded",
    "invalid_request", "conflict",
}  # fmt: skip


@pytest.fixture(scope="module")
def owned(engine, programs, proxy, places):
    """The service whose front is ours, with something of the host to give."""
    service = OwnedService(engine.directory / "service-owned-given", programs, proxy.path, policy=places.policy)
    try:
        yield service.start()
    finally:
        service.close()


@pytest.fixture
def channel(owned):
    return owned.connect("given")


@pytest.fixture
def assert_refused(owned, untouched):
    """Denied, or a breach where the bytes are no value at all; the Engine hears nothing of it."""

    def check(**fields):
        channel, front, before = owned.connect("given"), owned.front, owned.breaches
        number = channel.submit(("RunContainer", {"image": "alpine:3", "command": ["true"], **fields}))
        try:
            answer = channel.answer(number)[-1]
        except AssertionError:
            wait_for(lambda: owned.breaches == before + 1, 5, f"a breach of {fields}")
            wait_for(lambda: not procs.alive(front), 5, "the front to be killed")
        else:
            assert failure(answer) in DENIED, (fields, answer)
        untouched()

    return check


def test_given(channel, places, docker):
    """What the policy lists is given to such a front as well."""
    answer = channel.run(mounts=[(f"{places.root}/models", "/m", None)], devices=[(f"{places.devices}/1", True, True)],
                         cap_add=[IPC_LOCK])  # fmt: skip
    assert answer.kind == "ContainerStarted", answer
    seen = docker.inspect_container(answer.body["id"])
    assert [(mount["Source"], mount["RW"]) for mount in seen["Mounts"]] == [(f"{places.root}/models", False)]
    assert [device["CgroupPermissions"] for device in seen["HostConfig"]["Devices"]] == ["rw"]


@pytest.mark.parametrize("source", REFUSED, ids=lambda text: ascii(text[:30]))
def test_source(assert_refused, source):
    assert_refused(mounts=[(source, "/m", True)])


@pytest.mark.parametrize("source", ["/gone", "/gone/deeper", *REFUSED_BELOW])
def test_source_below(assert_refused, places, source):
    assert_refused(mounts=[(f"{places.root}{source}", "/m", True)])
    assert not (places.root / "gone").exists()


@pytest.mark.parametrize("target", BAD_TARGETS, ids=ascii)
def test_target(assert_refused, places, target):
    assert_refused(mounts=[(f"{places.root}/models", target, True)])
    assert_refused(tmpfs=[(target, 4096, None, None, None)])


def test_writable(assert_refused, places):
    assert_refused(mounts=[(f"{places.root}/models", "/m", False)])


@pytest.mark.parametrize("path", DEVICES, ids=ascii)
def test_device(assert_refused, path):
    assert_refused(devices=[(path, True, True)])


@pytest.mark.parametrize("path", ["/7", "/gone", "/empty", *DEVICES_BELOW])
def test_device_below(assert_refused, places, path):
    assert_refused(devices=[(f"{places.devices}{path}", True, True)])


@pytest.mark.parametrize("capability", [SYS_ADMIN, NET_RAW, 16, 17, 19, 22, 25, 34, 2, 9, 38, 39, 40, 42, 255])
def test_capability(assert_refused, capability):
    assert_refused(cap_add=[capability])


def test_all_is_what_the_policy_says(channel, docker):
    answer = channel.run(cap_add=[ALL])
    added = docker.inspect_container(answer.body["id"])["HostConfig"]["CapAdd"]
    assert "IPC_LOCK" in str(added) and "ALL" not in str(added) and "SYS_ADMIN" not in str(added)


@pytest.mark.parametrize("fields", [
    {"ulimits": [(8, 2, 1)]}, {"ulimits": [(8, 1, 2**64 - 1)]}, {"ulimits": [(99, 1, 1)]},
    {"memswap": 2**64 - 1}, {"memswap": 2**63}, {"memswap": 1}, {"stop_timeout": 2**32 - 1}, {"stop_timeout": 301},
    {"tmpfs": [("/x", 2**63, None, None, None)]}, {"tmpfs": [("/x", None, 0o7777, None, None)]},
    {"healthcheck": ((), 1, None, None, None)}, {"healthcheck": (("CMD",), None, None, None, None)},
    {"log": (2, None, None)}, {"log": (0, 2**62, None)}, {"log": (0, None, 2**32 - 1)}, {"log": (9, None, None)},
    {"gpus": [("nvidia", 2**32 - 1)]}, {"gpus": [("nvidia", 0)]}, {"gpus": [("cdi", 1)]},
    {"dns": ["10.0.0.1"]}, {"dns": ["x"]}, {"extra_hosts": [("db", "10.0.0.1")]}, {"extra_hosts": [("db\n", "10.1.2.3")]},
    {"groups": ["0"]}, {"groups": ["a:b"]}, {"stop_signal": "SIGX"}, {"pull": 9}, {"devices": [("/dev/null", False, False)]},
])  # fmt: skip
def test_other_fields(assert_refused, fields):
    assert_refused(**fields)
