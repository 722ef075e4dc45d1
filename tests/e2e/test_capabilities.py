# SPDX-License-Identifier: Apache-2.0
"""Capabilities of a run: what the container has in the end, as its own kernel says."""

import pytest

from harness.refusals import refused_run

BASE = {
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
NUMBERS = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
    "NET_BIND_SERVICE": 10, "IPC_LOCK": 14, "SYS_CHROOT": 18, "SYS_NICE": 23,
}  # fmt: skip

UNLISTED = ["NET_ADMIN", "NET_RAW", "MKNOD", "SETFCAP", "AUDIT_WRITE"]
NEVER = [
    "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "SYS_BOOT", "SYS_TIME", "SYSLOG", "DAC_READ_SEARCH", "BPF",
    "PERFMON", "MAC_ADMIN", "MAC_OVERRIDE", "CHECKPOINT_RESTORE", "AUDIT_CONTROL", "WAKE_ALARM", "LINUX_IMMUTABLE",
    "cap_sys_admin", "Sys_Admin", " SYS_ADMIN", "SYS_ADMIN\n", "CAP_SYS_ADMIN",
]  # fmt: skip
NONE = ["CAP_CAP_SYS_ADMIN", "21", "", "CAP_", "SYS ADMIN", "SYS_ADMIN,NET_RAW", "IPC_LOCK\0", "*", "SYS_ADMI\u039d"]


def effective(given, **fields):
    """The names that /proc shows the container to have, and its bounding set."""
    command = ["grep", "-E", "Cap(Eff|Bnd)", "/proc/1/status"]
    lines = given.started(command=command, detach=False, **fields)["logs"].split()
    sets = [{name for name, bit in NUMBERS.items() if int(mask, 16) >> bit & 1} for mask in lines[1::2]]
    assert [bin(int(mask, 16)).count("1") for mask in lines[1::2]] == [len(names) for names in sets], lines
    assert sets[0] == sets[1]
    return sets[0]


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, BASE),
        ({"cap_add": ["IPC_LOCK"]}, BASE | {"IPC_LOCK"}),
        ({"cap_add": ["cap_ipc_lock", " Sys_Nice "]}, BASE | {"IPC_LOCK", "SYS_NICE"}),
        ({"cap_add": ["IPC_LOCK", "CAP_IPC_LOCK"]}, BASE | {"IPC_LOCK"}),
        ({"cap_add": ["CHOWN"]}, BASE),
        ({"cap_drop": ["CHOWN", "cap_setuid"]}, BASE - {"CHOWN", "SETUID"}),
        ({"cap_drop": ["SYS_ADMIN"]}, BASE),
        ({"cap_drop": ["ALL"]}, set()),
        ({"cap_drop": ["ALL"], "cap_add": ["KILL"]}, {"KILL"}),
        ({"cap_add": ["ALL"]}, BASE | {"IPC_LOCK"}),
        ({"cap_add": ["all"]}, BASE | {"IPC_LOCK"}),
        ({"cap_add": ["CAP_ALL"]}, BASE | {"IPC_LOCK"}),
    ],
)
def test_effective(given, fields, expected):
    """The policy's base, with what it lets be added and without what is dropped; ALL is what it stands for."""
    assert effective(given, **fields) == expected


def test_in_the_inspect(given, docker):
    """The Engine is told each by name, and drops everything else."""
    host = docker.inspect_container(given.started(cap_add=["ALL"], cap_drop=["KILL"])["id"])["HostConfig"]
    assert {name.removeprefix("CAP_") for name in host["CapAdd"]} == BASE - {"KILL"} | {"IPC_LOCK"}
    assert host["CapDrop"] == ["ALL"] and not host["Privileged"]


@pytest.mark.parametrize("name", [*NEVER, *UNLISTED], ids=ascii)
def test_never(checked_given, docker, name):
    """What is never given, and what this policy does not list."""
    rule = "capabilities.allow" if name in UNLISTED else None
    refused_run(checked_given, docker, "capability_not_allowed", rule=rule, cap_add=[name])
    refused_run(checked_given, docker, "capability_not_allowed", rule=rule, cap_add=["IPC_LOCK", name])


@pytest.mark.parametrize("name", NONE, ids=ascii)
def test_no_capability(given, docker, name):
    """What is no name of one is refused in both fields."""
    for field in ("cap_add", "cap_drop"):
        refused_run(given, docker, "invalid_request", **{field: [name]})


@pytest.mark.parametrize("value", ["ALL", [21], {"ALL": True}, [["ALL"]], [None]])
def test_malformed(given, docker, value):
    for field in ("cap_add", "cap_drop"):
        assert field in refused_run(given, docker, "invalid_request", **{field: value})["detail"]


def test_all_without_a_meaning(barred, docker):
    """Where the policy does not say what ALL stands for, it is refused."""
    refused_run(barred, docker, "capability_not_allowed", rule="capabilities.all_means", cap_add=["ALL"])


def test_on_the_hosts_network(given, docker):
    """There nothing is added, and no low port of the host's can be taken."""
    refused_run(given, docker, "capability_not_allowed", network="host", cap_add=["IPC_LOCK"])
    assert effective(given, network="host") == BASE - {"NET_BIND_SERVICE"}
