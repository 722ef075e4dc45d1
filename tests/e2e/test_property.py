# SPDX-License-Identifier: Apache-2.0
"""Whatever is asked for, what was created satisfies INV1 and INV2, as harness/oracle.py judges by
`docker inspect`. DOCKER_CONTROL_PROPERTY_RUNS asks for more requests than the few of every day."""

import contextlib
import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from harness import oracle

RUNS = int(os.environ.get("DOCKER_CONTROL_PROPERTY_RUNS", "200"))
SEED = int(os.environ.get("DOCKER_CONTROL_PROPERTY_SEED", "20261121"))

POLICY = """\
[service.tt_studio_backend]
scopes   = ["containers:*"]
images   = ["alpine:", "tenstorrent/"]
networks = ["bridge", "none", "dc_net"]
ports    = {{host = ["8003-8102"], address = "127.0.0.1"}}
memory   = {{default = "32m", max = "64m"}}
swap     = {{default = "0", max = "16m"}}
cpus     = {{default = 0.2, max = 1}}
pids     = {{default = 32, max = 64}}
shm      = {{default = "1m", max = "8m"}}
tmpfs    = {{default = "1m", max = "4m"}}
mounts   = [
  {{source = "{root}/data", mode = "rw"}},
  {{source = "{root}/models", name = "models", mode = "ro"}},
  {{source = "{root}/jobs", mode = "rw", subdirs = true}},
]
volumes  = ["dc_cache", "dc_sly"]
devices  = ["/dev/{devices}/[0-9]+"]
capabilities = {{allow = ["IPC_LOCK", "SYS_NICE"], all_means = ["IPC_LOCK"]}}
ulimits  = {{nofile = 4096, memlock = 8388608}}
restart  = ["on-failure"]
logs     = {{drivers = ["json-file", "local"], size = {{default = "1m", max = "2m"}}, files = {{default = 2, max = 3}}}}
dns      = ["10.0.0.53"]
extra_hosts = ["db:10.0.0.5"]
groups   = ["44"]
health_interval = "10s"
reserved_names = ["kept-*"]
quota    = {{containers = 1000, memory = "1t", cpus = 4000, ports = 1000}}
rate     = 100000
"""


def bounds(root, devices):
    return oracle.Bounds(
        memory=64 << 20, swap=16 << 20, cpus=1, pids=64, shm=8 << 20, tmpfs=4 << 20,
        networks={"bridge", "none", "dc_net"}, ports=range(8003, 8103),
        mounts={f"{root}/data": True, f"{root}/models": False}, parents={f"{root}/jobs": True},
        volumes={"dc_cache", "dc_sly"}, devices=f"/dev/{devices}/[0-9]+", capabilities={"IPC_LOCK", "SYS_NICE"},
        ulimits={"nofile": 4096, "memlock": 8388608}, restart={"on-failure"}, log_drivers={"json-file", "local"},
        log_bytes=6 << 20, dns={"10.0.0.53"}, extra_hosts={"db:10.0.0.5"}, groups={"44"}, interval=10 * 10**9, reserved="kept-.*",
    )  # fmt: skip


def wishes(root, devices):
    """For each field values that may pass, and values that must not or that bend something."""
    data, models, jobs = f"{root}/data", f"{root}/models", f"{root}/jobs"
    device = f"/dev/{devices}"
    return {
        "volumes": (
            [{data: "/data"}, {data: {"bind": "/d", "mode": "ro"}}, {models: {"bind": "/m", "mode": "ro"}},
             {"models": "/m"}, [f"{jobs}/one:/job:rw"], {"dc_cache": "/cache"}, {f"{root}//data/": "/data"}],
            [{"/": "/host"}, {"/etc": "/e"}, {"/var/run/docker.sock": "/s"}, {models: {"bind": "/m", "mode": "rw"}},
             {jobs: "/j"}, {f"{jobs}/one/two": "/j"}, {f"{jobs}/link": "/j"}, {f"{data}/..": "/x"}, {data: "/proc"},
             {f"{data}X": "/x"}, {"other": "/x"}, {"dc_sly": "/x"}, {data: {"bind": "/d", "mode": "ro,rshared"}}, {"/proc/1/root": "/r"}],
        ),
        "name": (
            ["dc-one", "dc_two.3", "Dc-Four"],
            ["", "-x", "a/b", "../x", "a b", "kept-db", "KEPT-db", "x" * 300, "caf\u00e9", "a\nb", 7],
        ),
        "hostname": (
            ["dc-one", "node.example", "N1"],
            ["", "-x", "a_b", "a/b", "a b", "kept-db", "Kept-db", "x" * 64, "a..b", "a\nb", "caf\u00e9", 7],
        ),
        "devices": (
            [[device], [f"{device}/0"], [f"{device}/1:{device}/1:r"], [f"{device}/0:{device}/0:rwm"]],
            [["/dev/mem"], ["/dev/sda"], ["/dev"], [f"{device}/00"], [f"{device}/../mem"], [f"{device}/0:/dev/x"],
             [f"{device}/link"], [f"{device}/block"], ["/dev/kmsg"]],
        ),
        "cap_add": (
            [["IPC_LOCK"], ["cap_sys_nice"], ["ALL"]],
            [["SYS_ADMIN"], ["CAP_SYS_PTRACE"], ["NET_ADMIN"], ["21"], ["SYS_MODULE", "IPC_LOCK"], ["NET_RAW"]],
        ),
        "cap_drop": ([["ALL"], ["CHOWN"], ["cap_kill"]], [["NOTHING"], [7]]),
        "mem_limit": (["16m", "64m", 33554432], ["65m", "0", 0, -1, "1t", "5m"]),
        "memswap_limit": (["64m", "80m"], [-1, "1g", "1m"]),
        "cpus": ([0.1, 1], [1.5, -1, 1e9]),
        "pids_limit": ([16, 64], [0, -1, 65, 10**9]),
        "shm_size": (["2m", "8m"], ["9m", -1, "1t"]),
        "tmpfs": (
            [{"/t": "size=2m"}, {"/t": ""}, {"/t": "size=4m,mode=1777"}],
            [{"/t": "size=5m"}, {"/t": "exec"}, {"/proc": ""}, {"/t": "size=1m,suid"}, {"/t": "size=0"}],
        ),
        "ulimits": (
            [[{"Name": "nofile", "Soft": 64, "Hard": 4096}], [{"name": "memlock", "soft": 1, "hard": 1}]],
            [[{"Name": "nofile", "Soft": -1, "Hard": -1}], [{"Name": "rtprio", "Soft": 1, "Hard": 1}],
             [{"Name": "nofile", "Soft": 10, "Hard": 4097}]],
        ),
        "network": (["bridge", "none", "dc_net"], ["host", "container:x", "ns:/proc/1/ns/net", "default", "other"]),
        "ports": ([{"80/tcp": 8003}, {"53/udp": 8050}], [{"80/tcp": 22}, {"80/tcp": 8002}, {"80": None}, {"80/tcp": ["0.0.0.0", 8004]}]),
        "restart_policy": (["no", {"Name": "on-failure", "MaximumRetryCount": 3}], ["always", {"Name": "on-failure", "MaximumRetryCount": 99}]),
        "log_config": (
            [{"Type": "local"}, {"Type": "json-file", "Config": {"max-size": "2m", "max-file": "3"}}],
            [{"Type": "syslog"}, {"Type": "json-file", "Config": {"max-size": "1g"}}, {"Type": "none"},
             {"Type": "json-file", "Config": {"labels": "x"}}],
        ),
        "dns": ([["10.0.0.53"]], [["8.8.8.8"], ["x"]]),
        "extra_hosts": ([{"db": "10.0.0.5"}], [{"db": "10.0.0.6"}, {"x": "host-gateway"}]),
        "group_add": ([["44"], [44]], [["0"], ["root"]]),
        "healthcheck": (
            [{"test": ["CMD", "true"], "interval": 10 * 10**9}, {"test": ["NONE"]}],
            [{"test": ["CMD", "true"], "interval": 10**6}, {"test": ["SHELL"]}, {"test": "true", "interval": 1}],
        ),
        "user": (["1000", "nobody", "0:0"], ["a:b:c"]),
        "working_dir": (["/tmp"], ["/proc/self/fd/8", "/dev/fd/3"]),
        "stop_signal": (["SIGINT", 15], ["SIGNONE", 99]),
        "stop_timeout": ([0, 300], [-1, 301]),
        "read_only": ([True, False], ["yes"]),
        "init": ([True, False], ["yes"]),
        "tty": ([True, False], [3]),
        "privileged": ([False, None], [True]),
        "auto_remove": ([False], ["x"]),
        "labels": ([{"a": "b"}], [{"docker-control.owner": "x"}, {"Docker-Control.proof": "x"}]),
        "device_requests": ([[]], [[{"Count": -1, "Capabilities": [["gpu"]]}]]),
        "environment": ([{"A": "1"}], [["A"], {"A B": "1"}]),
    }  # fmt: skip


# Members of Docker's own API and of docker-py that must never get through.
SMUGGLED = {
    "HostConfig": {"Privileged": True}, "Binds": ["/:/host"], "mounts": [{"Type": "bind", "Source": "/", "Target": "/h"}],
    "pid_mode": "host", "ipc_mode": "host", "userns_mode": "host", "uts_mode": "host", "security_opt": ["seccomp=unconfined"],
    "cgroup_parent": "/", "sysctls": {"kernel.shmmax": "1"}, "volumes_from": ["x"], "runtime": "other",
    "Privileged": True, "privileged ": True, "device_cgroup_rules": ["a *:* rwm"], "network_mode": "host",
}  # fmt: skip


@pytest.fixture
def root():
    """Directories of root's, and nodes like those of a device."""
    root = Path(tempfile.mkdtemp(prefix="dc-property-", dir="/srv"))
    root.chmod(0o755)
    devices = f"dc-{root.name[-8:].replace('_', '-')}"
    try:
        for name in ("data", "models", "jobs/one/two"):
            (root / name).mkdir(parents=True)
        (root / "jobs" / "link").symlink_to("/")
        nodes = Path("/dev") / devices
        nodes.mkdir()
        for number in range(2):
            os.mknod(nodes / str(number), 0o20666, os.makedev(1, 3))
        (nodes / "link").symlink_to("/dev/mem")
        os.mknod(nodes / "block", 0o60600, os.makedev(7, 200))
        yield root, devices
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(Path("/dev") / devices, ignore_errors=True)


def wish(chance, table):
    """One random request: most of its values may pass, so that many requests do."""
    request = {"image": chance.choice(["alpine:3", "alpine:3", "tenstorrent/model:latest"]), "command": ["true"]}
    harm = chance.random() < 0.5
    for field in chance.sample(sorted(table), chance.randint(0, 8)):
        good, bad = table[field]
        request[field] = chance.choice(bad if harm and chance.random() < 0.2 else good)
    if harm and chance.random() < 0.1:
        name = chance.choice(sorted(SMUGGLED))
        request[name] = SMUGGLED[name]
    return request


def volumes_of(docker, document):
    """What the Engine says of each volume of a container, by name."""
    names = [mount["Name"] for mount in document["Mounts"] if mount["Type"] == "volume"]
    return {name: docker.inspect_volume(name) for name in names}


@pytest.fixture
def no_volumes_left(docker):
    yield
    for container in docker.containers(all=True):
        docker.remove_container(container["Id"], force=True)
    for volume in docker.volumes()["Volumes"] or ():
        docker.remove_volume(volume["Name"])


@pytest.mark.timeout(120 + RUNS)
def test_what_is_created_is_within_bounds(start_service, docker, root, no_volumes_left, figures):
    directory, devices = root
    service = start_service(policy=POLICY.format(root=directory, devices=devices))
    limits = bounds(str(directory), devices)
    table = wishes(str(directory), devices)
    chance = random.Random(SEED)
    docker.create_network("dc_net", driver="bridge")
    docker.create_volume("dc_sly", driver="local", driver_opts={"type": "none", "o": "bind", "device": "/"})
    created = refused = 0
    with contextlib.closing(service.client()) as client:
        for number in range(RUNS):
            request = wish(chance, table)
            answer = client.post("/containers/run", request)
            assert answer.status_code in (200, 400, 409), (number, request, answer.text, service.log[-600:])
            containers = docker.containers(all=True)
            if answer.status_code != 200:
                assert containers == [], (number, request, answer.text)
                refused += 1
                continue
            created += 1
            assert [item["Id"] for item in containers] == [answer.json()["id"]], (number, request)
            document = docker.inspect_container(answer.json()["id"])
            assert oracle.violations(document, limits, volumes_of(docker, document)) == [], (number, request)
            docker.remove_container(document["Id"], force=True, v=True)
    assert created >= RUNS // 10 and refused >= RUNS // 10, (created, refused)
    figures["random requests"] = f"{RUNS} asked, {created} created and judged good, {refused} refused and nothing made"


@pytest.mark.parametrize(
    "options, word",
    [
        ({"privileged": True}, "Privileged"), ({"pid_mode": "host"}, "PidMode"), ({"ipc_mode": "host"}, "IpcMode"),
        ({"cap_add": ["SYS_ADMIN"]}, "SYS_ADMIN"), ({"security_opt": ["seccomp=unconfined"]}, "unconfined"),
        ({"binds": ["/:/host"]}, "bind of /"), ({"devices": ["/dev/null:/dev/null:rwm"]}, "rwm"),
        ({"network_mode": "host"}, "networks"), ({"mem_limit": "1g"}, "Memory"), ({"cgroup_parent": "x"}, "CgroupParent"),
        ({"sysctls": {"net.core.somaxconn": "9"}}, "Sysctls"), ({"log_config": {"type": "syslog", "config": {}}}, "log driver"),
        ({"port_bindings": {80: 22}}, "host port 22"), ({"tmpfs": {"/x": "exec"}}, "tmpfs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_oracle_can_say_no(docker, options, word):
    """What must never be, made by the witness, is found."""
    made = docker.create_container("alpine:3", ["true"], ports=[80], host_config=docker.create_host_config(**options))
    document = docker.inspect_container(made["Id"])
    document["NetworkSettings"]["Networks"].setdefault(document["HostConfig"]["NetworkMode"], {})
    found = oracle.violations(document, oracle.Bounds(networks={"bridge", "default"}))
    assert any(word in item for item in found), found


def test_the_oracle_looks_at_volumes(docker, no_volumes_left):
    """A volume of a listed name that is another place of the host is found."""
    docker.create_volume("dc_sly", driver="local", driver_opts={"type": "none", "o": "bind", "device": "/"})
    mounts = [{"Type": "volume", "Source": "dc_sly", "Target": "/x"}]
    made = docker.create_container("alpine:3", ["true"], host_config={"Mounts": mounts})
    document = docker.inspect_container(made["Id"])
    found = oracle.violations(document, oracle.Bounds(volumes={"dc_sly"}), volumes_of(docker, document))
    assert any("options of volume dc_sly" in item for item in found), found


def test_the_oracle_looks_at_names(docker):
    made = docker.create_container("alpine:3", ["true"], name="kept-db", hostname="Kept-db", host_config=docker.create_host_config())
    found = oracle.violations(docker.inspect_container(made["Id"]), oracle.Bounds(reserved="kept-.*"))
    assert "name kept-db" in found and "host name Kept-db" in found, found
