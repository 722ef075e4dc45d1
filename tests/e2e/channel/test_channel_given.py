# SPDX-License-Identifier: Apache-2.0
"""Mounts, devices and capabilities as raw frames: a front of the attacker's gets no more of the host than HTTP does."""

import pytest

from harness import procs
from harness.audit import FailedRuns
from harness.owned_front import failure
from harness.raw_channel import OwnedService
from harness.wait import wait_for
from test_devices import REFUSED as DEVICES
from test_devices import REFUSED_BELOW as DEVICES_BELOW
from test_escapes import NETWORKS
from test_mounts import BAD_TARGETS, REFUSED, REFUSED_BELOW

IPC_LOCK, NET_RAW, ALL = 14, 13, 41
BREACH = "breach"  # where the bytes are no value at all: the front is killed


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
    """Denied with this code and on record with this rule, or a breach; the Engine hears nothing of it."""

    def check(code, rule=None, service="given", **fields):
        channel, front, before = owned.connect(service), owned.front, owned.breaches
        failures = FailedRuns(owned)
        number = channel.submit(("RunContainer", {"image": "alpine:3", "command": ["true"], **fields}))
        if code == BREACH:
            assert channel.is_over(), fields
            wait_for(lambda: owned.breaches == before + 1, 5, f"a breach of {fields}")
            wait_for(lambda: not procs.alive(front), 5, "the front to be killed")
        else:
            assert failure(channel.answer(number)[-1]) == code, fields
            line = failures.next(code)
            # What is missing on the host is no denial, and told as well.
            assert line["decision"] == ("allow" if code == "conflict" else "deny"), line
            assert line.get("rule") == rule, line
        untouched()

    return check


def as_frame(code, rule):
    """What HTTP calls invalid in the rows of the other tests is no value of the channel's types."""
    return (BREACH, None) if code == "invalid_request" else (code, rule)


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
    # HTTP takes "//" and "/." for "/", and a front must have done so.
    expected = (BREACH, None) if source in ("//", "/.") else as_frame(*REFUSED[source])
    assert_refused(*expected, mounts=[(source, "/m", True)])


@pytest.mark.parametrize("source", REFUSED_BELOW)
def test_source_below(assert_refused, places, source):
    assert_refused(*as_frame(*REFUSED_BELOW[source]), mounts=[(f"{places.root}{source}", "/m", True)])


@pytest.mark.parametrize("source", ["/gone", "/gone/deeper", "/file/deeper"])
def test_source_missing(assert_refused, places, source):
    assert_refused("conflict", mounts=[(f"{places.root}{source}", "/m", True)])
    assert not (places.root / "gone").exists()


@pytest.mark.parametrize("target", BAD_TARGETS, ids=ascii)
def test_target(assert_refused, places, target):
    assert_refused(BREACH, mounts=[(f"{places.root}/models", target, True)])
    assert_refused(BREACH, tmpfs=[(target, 4096, None, None, None)])


def test_writable(assert_refused, places):
    assert_refused("mount_not_allowed", "mounts", mounts=[(f"{places.root}/models", "/m", False)])


@pytest.mark.parametrize("path", DEVICES, ids=ascii)
def test_device(assert_refused, path):
    assert_refused(*as_frame(*DEVICES[path]), devices=[(path, True, True)])


@pytest.mark.parametrize("path", DEVICES_BELOW)
def test_device_below(assert_refused, places, path):
    assert_refused(*as_frame(*DEVICES_BELOW[path]), devices=[(f"{places.devices}{path}", True, True)])


@pytest.mark.parametrize("path", ["/7", "/gone", "/empty"])
def test_device_missing(assert_refused, places, path):
    assert_refused("conflict", devices=[(f"{places.devices}{path}", True, True)])


@pytest.mark.parametrize("network", NETWORKS, ids=ascii)
def test_network(assert_refused, network):
    """No mode that leads to another's or to the host's network."""
    assert_refused(*as_frame(*NETWORKS[network]), service="barred", network=network)


@pytest.mark.parametrize("capability", [21, 16, 17, 19, 22, 25, 34, 2, 9, 38, 39, 40])
def test_capability(assert_refused, capability):
    assert_refused("capability_not_allowed", cap_add=[capability])


def test_capability_not_listed(assert_refused):
    assert_refused("capability_not_allowed", "capabilities.allow", cap_add=[NET_RAW])


@pytest.mark.parametrize("capability", [42, 255])
def test_no_capability(assert_refused, capability):
    assert_refused(BREACH, cap_add=[capability])


def test_all_is_what_the_policy_says(channel, docker):
    answer = channel.run(cap_add=[ALL])
    added = docker.inspect_container(answer.body["id"])["HostConfig"]["CapAdd"]
    assert "IPC_LOCK" in str(added) and "ALL" not in str(added) and "SYS_ADMIN" not in str(added)


OTHER_FIELDS = {
    ("invalid_request", None): [
        {"ulimits": [(8, 2, 1)]}, {"memswap": 1}, {"stop_timeout": 2**32 - 1}, {"stop_timeout": 301},
        {"tmpfs": [("/x", None, 0o7777, None, None)]}, {"healthcheck": ((), 1, None, None, None)},
        {"healthcheck": (("CMD",), None, None, None, None)}, {"gpus": [("nvidia", 0)]},
        {"devices": [("/dev/null", False, False)]},
    ],
    ("limit_exceeded", "ulimits.nofile"): [{"ulimits": [(8, 1, 2**64 - 1)]}],
    ("limit_exceeded", "swap.max"): [{"memswap": 2**64 - 1}, {"memswap": 2**63}],
    ("limit_exceeded", "tmpfs.max"): [{"tmpfs": [("/x", 2**63, None, None, None)]}],
    ("limit_exceeded", "logs.size.max"): [{"log": (0, 2**62, None)}],
    ("limit_exceeded", "logs.files.max"): [{"log": (0, None, 2**32 - 1)}],
    ("field_not_allowed", "logs.drivers"): [{"log": (2, None, None)}],
    ("field_not_allowed", "dns"): [{"dns": ["10.0.0.1"]}],
    ("field_not_allowed", "extra_hosts"): [{"extra_hosts": [("db", "10.0.0.1")]}],
    ("field_not_allowed", "groups"): [{"groups": ["0"]}],
    ("device_not_allowed", "gpus.count"): [{"gpus": [("nvidia", 2**32 - 1)]}],
    ("device_not_allowed", "gpus.drivers"): [{"gpus": [("cdi", 1)]}],
    (BREACH, None): [
        {"ulimits": [(99, 1, 1)]}, {"log": (9, None, None)}, {"dns": ["x"]}, {"extra_hosts": [("db\n", "10.1.2.3")]},
        {"groups": ["a:b"]}, {"stop_signal": "SIGX"}, {"pull": 9},
    ],
}  # fmt: skip


@pytest.mark.parametrize("code, rule, fields", [(*key, fields) for key, all in OTHER_FIELDS.items() for fields in all])
def test_other_fields(assert_refused, code, rule, fields):
    assert_refused(code, rule, **fields)
