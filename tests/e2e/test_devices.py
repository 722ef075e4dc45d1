# SPDX-License-Identifier: Apache-2.0
"""Devices of a run: nodes by pattern, directories of them, GPUs; and what is never a device."""

import os
import threading

import pytest

from harness.client import assert_error
from harness.proxy import is_create
from harness.refusals import refused_run
from harness.wait import wait_for

LISTED = ("device_not_allowed", "devices")  # (code, the key that would allow it)
NEVER = ("device_not_allowed", None)
NO_DEVICE = ("invalid_request", None)

REFUSED = {
    **dict.fromkeys([
        "/dev/sda", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/loop0",
        "/dev/loop-control", "/dev/mapper/control", "/dev/nvme0n1", "/dev/input/event0", "/dev/uinput", "/dev/vfio/vfio",
        "/dev/ttyS0", "/dev/console", "/dev/tty", "/dev/btrfs-control", "/dev/vhost-net", "/dev/fd/3",
    ], NEVER),
    "/dev/null": LISTED,
    **dict.fromkeys([
        "/dev/../dev/mem", "/dev", "/dev/", "/etc/passwd", "null", "", ":/dev/null", "/dev/nu\u04cfl", "/dev/a b",
    ], NO_DEVICE),
}  # fmt: skip

REFUSED_BELOW = {
    **dict.fromkeys(["/0x", "/-1", "/00", "/four/x", "/four/00", "/four/4294967296x"], LISTED),
    **dict.fromkeys(["/3", "/mem", "/mem/0", "/block", "/block/0", "/links", "/links/0", "/plain", "/plain/0"], NEVER),
    "/0/../../mem": NO_DEVICE,
}  # fmt: skip

BAD_SPELLINGS = ["{0}:{0}:rwmx", "{0}:{0}:w:", "{0}:{0}:", "{0}:{0}:m", "{0}:{0}:rr", "{0}:{0}:RW", "{0}:/dev/other",
                 "{0}:", "{0}::", "{0}:{0}:rw:x"]  # fmt: skip


def node(places, name, access="rw"):
    path = f"{places.devices}/{name}"
    return {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": access}


def devices_of(docker, answer):
    return docker.inspect_container(answer["id"])["HostConfig"]["Devices"]


@pytest.mark.parametrize(
    "spelled, access",
    [("{0}", "rw"), ("{0}:{0}", "rw"), ("{0}:{0}:rwm", "rw"), ("{0}:{0}:r", "r"), ("{0}:{0}:mw", "w"), ("/dev/./{1}", "rw")],
)
def test_node(given, places, docker, spelled, access):
    """A node that the policy's pattern means, in all spellings; m is never given."""
    device = spelled.format(f"{places.devices}/1", f"{places.devices.name}/1")
    assert devices_of(docker, given.started(devices=[device])) == [node(places, "1", access)]


def test_use(given, places):
    """The container can use what it is given, and make no node of its own."""
    path = f"{places.devices}/1"
    command = ["sh", "-c", f"echo x >{path} && echo used; mknod /tmp/n c 1 3 2>/dev/null || echo refused"]
    assert given.started(command=command, detach=False, devices=[path])["logs"] == "used\nrefused\n"


def test_directory(given, places, docker):
    """A directory is its nodes that the policy means, in their numbers' order."""
    four = [node(places, f"four/{number}") for number in range(4)]
    assert devices_of(docker, given.started(devices=[f"{places.devices}/four"])) == four


def test_directory_with_a_link(given, places, docker):
    """One among them that is a link: nothing is given."""
    refused_run(given, docker, "device_not_allowed", devices=[str(places.devices)])
    (places.devices / "3").unlink()
    try:
        seen = devices_of(docker, given.started(devices=[str(places.devices)]))
        assert [entry["PathOnHost"].rsplit("/", 1)[1] for entry in seen] == ["0", "1", "2", "10"]
    finally:
        (places.devices / "3").symlink_to("/dev/mem")


@pytest.mark.parametrize("path", REFUSED, ids=ascii)
def test_refused(checked_given, docker, path):
    """Nothing but what the policy's patterns mean."""
    code, rule = REFUSED[path]
    refused_run(checked_given, docker, code, rule=rule, devices=[path])
    refused_run(checked_given, docker, code, rule=rule, devices=[f"{path}:{path}:rwm"])


@pytest.mark.parametrize("path", REFUSED_BELOW)
def test_refused_below(checked_given, places, docker, path):
    """Links, block devices, plain files, other numbers, and the memory under another name."""
    code, rule = REFUSED_BELOW[path]
    refused_run(checked_given, docker, code, rule=rule, devices=[f"{places.devices}{path}"])


@pytest.mark.parametrize("spelled", BAD_SPELLINGS)
def test_bad_spelling(given, places, docker, spelled):
    refused_run(given, docker, "invalid_request", devices=[spelled.format(f"{places.devices}/1")])


@pytest.mark.parametrize("devices", ["/dev/null", {"/dev/null": "/dev/null"}, [3], [{"PathOnHost": "/dev/null"}], 3, [None]])
def test_malformed(given, docker, devices):
    refused_run(given, docker, "invalid_request", devices=devices)


@pytest.mark.parametrize("path", ["/7", "/gone", "/empty"])
def test_missing(checked_given, places, docker, path):
    """A listed device that is not there is told, and never made."""
    refused_run(checked_given, docker, "conflict", devices=[f"{places.devices}{path}"])
    assert not (places.devices / "7").exists()


def test_too_many(given, places, docker):
    """65 devices, named or in a directory."""
    refused_run(given, docker, "invalid_request", devices=[f"{places.devices}/{number}" for number in range(20, 85)])
    names = [f"empty/{number}" for number in range(65)]
    for name in names:
        places.node(name)
    try:
        refused_run(given, docker, "device_not_allowed", devices=[f"{places.devices}/empty"])
    finally:
        for name in names:
            (places.devices / name).unlink()


def test_replaced_before_the_start(start_service, own_proxy, places, docker):
    """A node that becomes another device between create and start: the container goes."""
    client = start_service(docker_socket=own_proxy.path, policy=places.policy).client("given")
    path = places.devices / "2"
    hold = own_proxy.hold(is_create)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(client.run(devices=[str(path)])))
    asking.start()
    assert hold.caught.wait(20)
    path.unlink()
    places.node("2", os.makedev(1, 5))
    try:
        hold.release()
        asking.join(30)
        assert_error(answers[0], 409, code="conflict")
        wait_for(lambda: docker.containers(all=True) == [], what="the container to be removed")
    finally:
        path.unlink()
        places.node("2")


# --- GPUs ----------------------------------------------------------------------------------------


def gpu(**members):
    return [{"Driver": "nvidia", "Count": 1, "Capabilities": [["gpu"]], **members}]


@pytest.mark.parametrize(
    "requests", [gpu(), [{"driver": "nvidia", "count": 2, "capabilities": [["gpu"]], "device_ids": [], "options": {}}], [{}]]
)
def test_gpu_without_driver(given, docker, requests):
    """They reach the Engine, which here has no such driver; nothing is left."""
    response = given.run(device_requests=requests)
    assert_error(response, 409, code="conflict", mentions="GPU")
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("requests", [
    gpu(Driver="cdi"), gpu(Count=3), gpu(Count=-1), gpu(Count=0), gpu(Count=-2), gpu(Count="1"), gpu(DeviceIDs=["0"]),
    gpu(Options={"a": "b"}), gpu(Capabilities=[["gpu", "utility"]]), gpu(Capabilities="gpu"), gpu(Extra=1), gpu(driver="nvidia"),
    gpu() * 2, "all", [3],
])  # fmt: skip
def test_gpu_refused(checked_given, docker, requests):
    """Another driver, more of them than the policy gives, or a choice of one's own."""
    refused_run(checked_given, docker, "device_not_allowed", "invalid_request", device_requests=requests)
