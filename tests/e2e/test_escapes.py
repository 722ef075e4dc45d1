# SPDX-License-Identifier: Apache-2.0
"""Ways out of a container that are no field of ours: other containers' and the host's name spaces, forged labels,
labels that an image brings, and an Engine that does not do as it was told."""

import pytest

from harness.client import assert_error
from harness.images import busybox_archive
from harness.refusals import refused_run

# (code, the key that would allow it)
NETWORKS = {
    **dict.fromkeys(["host", "Host", "HOST", "slirp4netns", "nat"], ("network_not_allowed", "networks")),
    **dict.fromkeys(["default", "ingress", "docker_gwbridge"], ("network_not_allowed", None)),
    **dict.fromkeys([
        "container:x", "container:", "Container:x", "ns:/proc/1/ns/net", "ns:/var/run/docker.sock", " host", "host ",
        "none:", "bridge:", " ",
    ], ("invalid_request", None)),
}  # fmt: skip

# Of the Docker API and of docker-py: host name spaces, profiles, other containers' files.
FOREIGN_FIELDS = {
    "pid_mode": "host", "PidMode": "host", "ipc_mode": "host", "uts_mode": "host", "userns_mode": "host",
    "cgroupns": "host", "cgroup_parent": "/", "security_opt": ["seccomp=unconfined"], "SecurityOpt": ["apparmor=unconfined"],
    "volumes_from": ["x"], "VolumesFrom": ["x"], "mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}],
    "Binds": ["/:/host"], "HostConfig": {"Privileged": True}, "device_cgroup_rules": ["a *:* rwm"], "runtime": "runc",
    "sysctls": {"kernel.core_pattern": "|/x"}, "oom_score_adj": -1000, "network_mode": "host", "links": {"x": "y"},
    "volume_driver": "x", "storage_opt": {"size": "1g"}, "domainname": "x", "mac_address": "02:42:ac:11:00:02",
    "network_disabled": True, "isolation": "hyperv", "MaskedPaths": [], "ReadonlyPaths": [], "platform": "linux/arm64",
    "annotations": {"a": "b"}, "cpuset_cpus": "0", "blkio_weight": 10, "networking_config": {}, "use_config_proxy": True,
}  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS, ids=ascii)
def test_network_modes(barred, docker, network):
    """No mode that leads to another's or to the host's network."""
    code, rule = NETWORKS[network]
    refused_run(barred, docker, code, rule=rule, network=network)


def test_container_network(given, docker):
    """Nor that of a container of one's own."""
    answer = given.started()
    for network in (f"container:{answer['id']}", f"container:{answer['name']}"):
        refused_run(given, docker, "invalid_request", network=network)


@pytest.mark.parametrize("field", FOREIGN_FIELDS)
def test_foreign_fields(given, docker, field):
    """Fields that we do not have cannot be smuggled in, not even at their harmless values."""
    for value in (FOREIGN_FIELDS[field], None, "", False):
        assert field in refused_run(given, docker, "invalid_request", **{field: value})["detail"]


def test_privileged(given, docker):
    """Never, whatever else is allowed."""
    refused_run(given, docker, "privileged_not_allowed", privileged=True)


def test_forged_labels(given_service, given, docker):
    """A caller cannot say who owns a container."""
    for key in ("docker-control.owner", "docker-control.proof", "docker-control.nonce", "docker-control.transient"):
        refused_run(given, docker, "invalid_request", labels={key: "barred"})


def test_labels_of_an_image(given_service, given, docker):
    """An image with the labels of another's container gives nothing away: ours are set over them."""
    theirs = given_service.client("barred").started()
    labels = docker.inspect_container(theirs["id"])["Config"]["Labels"]
    changes = ['CMD ["sh"]', *(f'LABEL {key}="{value}"' for key, value in labels.items())]
    changes.append('LABEL docker-control.transient="true"')
    docker.import_image_from_data(busybox_archive(b"forged"), repository="tenstorrent/forged", tag="1", changes=changes)
    try:
        answer = given.started(image="tenstorrent/forged:1")
        seen = docker.inspect_container(answer["id"])["Config"]["Labels"]
        assert seen["docker-control.owner"] == "given" and seen["docker-control.transient"] == "false"
        assert seen["docker-control.proof"] != labels["docker-control.proof"]
        assert_error(given_service.client("barred").post(f"/containers/{answer['id']}/stop"), 404)
        by_hand = docker.create_container("tenstorrent/forged:1", command=["sleep", "1000"])
        docker.start(by_hand["Id"])
        assert_error(given_service.client("barred").post(f"/containers/{by_hand['Id']}/stop"), 404)
        assert docker.inspect_container(by_hand["Id"])["State"]["Running"]
    finally:
        for container in docker.containers(all=True):
            docker.remove_container(container["Id"], force=True)
        docker.remove_image("tenstorrent/forged:1", force=True)


CHANGED = [
    (b'"Propagation":"rprivate"', b'"Propagation":"rshared" '),
    (b'"RW":false', b'"RW":true '),
    (b'"IpcMode":"private"', b'"IpcMode":"host"   '),
    (b'"CapDrop":["ALL"]', b'"CapDrop":[]     '),
    (b'"Type":"bind","Source":"/srv', b'"Type":"bind","Source":"/etc'),
    (b'"CgroupPermissions":"rw"', b'"CgroupPermissions":"mw"'),
    (b'"Binds":null', b'"Binds":"/" '),
]


@pytest.mark.parametrize("old, new", CHANGED, ids=lambda part: part.decode())
def test_an_engine_that_did_otherwise(start_service, own_proxy, places, docker, old, new):
    """What the Engine says that it made is compared, and removed where it is not what was asked for."""
    client = start_service(docker_socket=own_proxy.path, policy=places.policy).client("given")
    fields = {"volumes": {f"{places.root}/models": "/m"}, "devices": [f"{places.devices}/1"]}
    client.started(**fields)
    docker.remove_container(docker.containers()[0]["Id"], force=True)
    own_proxy.substitute(old, new)
    response = client.run(**fields)
    assert_error(response, response.status_code, code="policy_not_enforced")
    assert docker.containers(all=True) == []
