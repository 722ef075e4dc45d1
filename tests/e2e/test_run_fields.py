# SPDX-License-Identifier: Apache-2.0
"""Each field of a run, as the Engine's own inspect shows it."""

import pytest

from harness.policies import PORTS, WITHOUT_LIMITS
from harness.wait import wait_for

MIB = 1024 * 1024
NAMESPACE = "docker-control."
DOCKERS_CAPABILITIES = {
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
    "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
}  # fmt: skip


def run_and_inspect(client, docker, **fields):
    return docker.inspect_container(client.started(**fields)["id"])


def finite_limits(seen):
    """INV2: the limits that every container must have."""
    host = seen["HostConfig"]
    assert host["Memory"] > 0 and host["MemorySwap"] == host["Memory"], host
    assert host["NanoCpus"] > 0 and host["PidsLimit"] > 0 and host["ShmSize"] > 0, host
    log = host["LogConfig"]
    assert log["Type"] in ("json-file", "local"), log
    assert log["Config"].get("max-size") and log["Config"].get("max-file"), log
    return host


def test_the_answer(client, docker):
    """The answer names the container as the live service does."""
    answer = client.started(name="named")
    seen = docker.inspect_container("named")
    assert answer["status"] == "success"
    assert answer["container_id"] == answer["id"] == seen["Id"]
    assert answer["container_name"] == answer["name"] == "named"
    assert isinstance(answer["port_bindings"], dict)
    assert seen["State"]["Running"]


def test_a_name_is_made_up(client, docker):
    """Without a name the Engine makes one up, and the answer tells it."""
    answer = client.started()
    assert docker.inspect_container(answer["id"])["Name"] == "/" + answer["name"]


@pytest.mark.parametrize(
    "command, argv",
    [
        (["sleep", "1000"], ["sleep", "1000"]),
        ("sleep 1000", ["sleep", "1000"]),
        ("sh -c 'echo \"a b\"; sleep 1000'", ["sh", "-c", 'echo "a b"; sleep 1000']),
        ("sh -c \"sleep 1000\" a\\ b '' ''", ["sh", "-c", "sleep 1000", "a b", "", ""]),
    ],
)
def test_command(client, docker, command, argv):
    """A string is split as POSIX shlex does, a list is taken as it is."""
    assert run_and_inspect(client, docker, command=command)["Config"]["Cmd"] == argv


@pytest.mark.parametrize("entrypoint", ["sh -c", ["sh", "-c"]])
def test_entrypoint(client, docker, entrypoint):
    """The entrypoint, in both spellings."""
    seen = run_and_inspect(client, docker, entrypoint=entrypoint, command=["sleep 1000"])
    assert seen["Config"]["Entrypoint"] == ["sh", "-c"]
    assert seen["Config"]["Cmd"] == ["sleep 1000"]


@pytest.mark.parametrize("environment", [{"A": "1", "B_2": "x=y z"}, ["A=1", "B_2=x=y z"]])
def test_environment(client, docker, environment):
    """The environment, in both spellings."""
    values = run_and_inspect(client, docker, environment=environment)["Config"]["Env"]
    assert {"A=1", "B_2=x=y z"} <= set(values)


@pytest.mark.parametrize("key", ["8000/tcp", "8000"])
def test_port(client, docker, key):
    """A published port answers, on the policy's address; a key without a protocol is TCP."""
    port = PORTS[5]
    answer = client.started(command="httpd -f -p 8000 -h /www", init=True, ports={key: port})
    binding = docker.inspect_container(answer["id"])["HostConfig"]["PortBindings"]
    assert binding == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    assert str(port) in str(answer["port_bindings"]["8000/tcp"])
    wait_for(lambda: _page(client, port) == "hello from the container\n", what="the published port")


def _page(client, port):
    try:
        return client.session.get(f"http://127.0.0.1:{port}/", timeout=5).text
    except OSError:
        return None


def test_udp_port(client, docker):
    """UDP ports are published too."""
    seen = run_and_inspect(client, docker, ports={"5300/udp": PORTS[6]})
    assert list(seen["HostConfig"]["PortBindings"]) == ["5300/udp"]


def test_network(client, docker):
    """The container is on the named network and on no other."""
    network = docker.create_network("tt_studio_network", driver="bridge")
    seen = run_and_inspect(client, docker, network="tt_studio_network")
    networks = seen["NetworkSettings"]["Networks"]
    assert {n["NetworkID"] for n in networks.values()} == {network["Id"]}


@pytest.mark.parametrize(
    "field, value, section, key, seen_as",
    [
        ("hostname", "worker-1", "Config", "Hostname", "worker-1"),
        ("hostname", "tt-metal-yolov4-src-base_p8003", "Config", "Hostname", "tt-metal-yolov4-src-base_p8003"),
        ("user", "1000:1000", "Config", "User", "1000:1000"),
        ("user", "guest", "Config", "User", "guest"),
        ("working_dir", "/scratch", "Config", "WorkingDir", "/scratch"),
        ("mem_limit", "64m", "HostConfig", "Memory", 64 * MIB),
        ("mem_limit", 64 * MIB, "HostConfig", "Memory", 64 * MIB),
        ("mem_limit", "1G", "HostConfig", "Memory", 1024 * MIB),
        ("cpus", 0.5, "HostConfig", "NanoCpus", 500_000_000),
        ("cpus", 1, "HostConfig", "NanoCpus", 1_000_000_000),
        ("pids_limit", 50, "HostConfig", "PidsLimit", 50),
        ("shm_size", "32m", "HostConfig", "ShmSize", 32 * MIB),
        ("shm_size", 32 * MIB, "HostConfig", "ShmSize", 32 * MIB),
        ("init", True, "HostConfig", "Init", True),
        ("read_only", True, "HostConfig", "ReadonlyRootfs", True),
    ],
)
def test_plain_field(client, docker, field, value, section, key, seen_as):
    """A field with one counterpart in the Engine's inspect."""
    seen = run_and_inspect(client, docker, **{field: value})
    assert seen[section][key] == seen_as
    finite_limits(seen)


@pytest.mark.parametrize(
    "policy, name, retries",
    [
        ("no", "no", 0),
        ({"Name": "no"}, "no", 0),
        ({"Name": "on-failure", "MaximumRetryCount": 3}, "on-failure", 3),
    ],
)
def test_restart_policy(client, docker, policy, name, retries):
    """Restart policies, as a name and as docker-py's object."""
    seen = run_and_inspect(client, docker, restart_policy=policy)["HostConfig"]["RestartPolicy"]
    assert seen == {"Name": name, "MaximumRetryCount": retries}


def test_labels(client, docker):
    """The caller's labels stand beside ours."""
    seen = run_and_inspect(client, docker, labels={"team": "models", "empty": ""})
    labels = seen["Config"]["Labels"]
    assert labels["team"] == "models" and labels["empty"] == ""
    ours = {key for key in labels if key.startswith(NAMESPACE)}
    assert {NAMESPACE + "owner", NAMESPACE + "nonce", NAMESPACE + "proof"} <= ours
    assert labels[NAMESPACE + "owner"] == "tt_studio_backend"


def test_nothing_given(client, docker):
    """Without any optional field the container is confined and limited all the same."""
    seen = run_and_inspect(client, docker)
    host = finite_limits(seen)
    assert host["Memory"] == 256 * MIB and host["NanoCpus"] == 1_000_000_000
    assert host["PidsLimit"] == 256 and host["ShmSize"] == 64 * MIB
    assert not host["Privileged"] and not host["PublishAllPorts"] and not host["AutoRemove"]
    assert not host["Binds"] and not host["Devices"]
    assert host["CapDrop"] == ["ALL"]
    added = {name.removeprefix("CAP_") for name in host["CapAdd"]}
    assert added <= DOCKERS_CAPABILITIES - {"NET_RAW", "MKNOD", "AUDIT_WRITE", "SETFCAP"}
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert host["PidMode"] == host["UTSMode"] == host["UsernsMode"] == ""
    assert host["IpcMode"] == "private"
    assert not seen["Mounts"]
    assert host["RestartPolicy"]["Name"] in ("", "no")


def test_no_limits_in_the_policy(start_service, docker):
    """A policy that leaves limits out still gives finite ones."""
    client = start_service(policy=WITHOUT_LIMITS).client()
    finite_limits(run_and_inspect(client, docker))


@pytest.mark.parametrize(
    "fields",
    [
        {"mem_limit": "65m"},
        {"mem_limit": 64 * MIB + 1},
        {"cpus": 1.01},
        {"pids_limit": 33},
        {"shm_size": "17m"},
    ],
)
def test_over_the_maximum(service, docker, fields):
    """A limit above the profile's maximum is refused."""
    response = service.client("small").run(**fields)
    assert response.status_code == 400, response.text
    assert docker.containers(all=True) == []


def test_at_the_maximum(service, docker):
    """The maximum itself is granted, and the profile's own defaults hold for the rest."""
    client = service.client("small")
    seen = run_and_inspect(client, docker, mem_limit="64m", pids_limit=32)
    assert seen["HostConfig"]["Memory"] == 64 * MIB
    assert seen["HostConfig"]["NanoCpus"] == 500_000_000
    assert seen["HostConfig"]["ShmSize"] == 8 * MIB
