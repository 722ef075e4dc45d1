# SPDX-License-Identifier: Apache-2.0
"""CIS Docker Benchmark, section 5 (container runtime): the items that a policy can hold, each by what
the Engine says of a container, or by a refusal after which there is none. Of the others 5.1, 5.2 and
5.30 are the Engine's configuration, 5.6 is the image's content."""

import contextlib
import json

import pytest

from harness.client import assert_error

POLICY = """\
[service.tt_studio_backend]
scopes   = ["containers:*"]
images   = ["alpine:3"]
networks = ["cis_net"]
ports    = {host = ["8003-8102"], address = "127.0.0.1"}
memory   = {default = "32m", max = "64m"}
cpus     = {default = 0.5, max = 1}
pids     = {default = 32, max = 64}
restart  = ["on-failure"]
require_read_only = true
require_non_root  = true
"""

GOOD = {"network": "cis_net", "read_only": True, "user": "1000"}


@pytest.fixture(scope="module")
def cis(service_maker):
    made = service_maker(policy=POLICY)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def client(cis, docker):
    docker.create_network("cis_net", driver="bridge")
    with contextlib.closing(cis.client()) as client:
        yield client


def config(client, docker, **fields):
    made = client.started(**{**GOOD, **fields})
    return docker.inspect_container(made["id"])


def refused(client, docker, code=None, **fields):
    """Refused, by a policy's word, and nothing exists."""
    assert_error(client.run(**{**GOOD, **fields}), 400, code)
    assert docker.containers(all=True) == []


def test_5_3_capabilities(client, docker):
    host = config(client, docker)["HostConfig"]
    assert host["CapDrop"] == ["ALL"] and not {"NET_RAW", "MKNOD", "SYS_ADMIN"} & set(host["CapAdd"])
    status = docker.exec_start(docker.exec_create(docker.containers()[0]["Id"], ["cat", "/proc/1/status"])["Id"]).decode()
    assert "CapEff:\t0000000000000000" in status  # not root, so not even those


@pytest.mark.parametrize("name", ["NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "NET_RAW", "ALL"])
def test_5_3_capabilities_refused(client, docker, name):
    refused(client, docker, "capability_not_allowed", cap_add=[name])


def test_5_4_privileged(client, docker):
    refused(client, docker, "privileged_not_allowed", privileged=True)
    assert config(client, docker)["HostConfig"]["Privileged"] is False


@pytest.mark.parametrize("path", ["/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"])
def test_5_5_sensitive_directories(client, docker, path):
    refused(client, docker, "mount_not_allowed", volumes={path: {"bind": "/host", "mode": "ro"}})


@pytest.mark.parametrize("port", [22, 80, 443, 1023])
def test_5_7_privileged_ports(client, docker, port):
    refused(client, docker, "port_not_allowed", ports={"80/tcp": port})


def test_5_8_only_needed_ports(client, docker):
    refused(client, docker, "port_not_allowed", ports={"80/tcp": 9000})
    assert config(client, docker)["HostConfig"]["PublishAllPorts"] is False


def test_5_9_host_network(client, docker):
    refused(client, docker, "network_not_allowed", network="host")


def test_5_10_memory(client, docker):
    refused(client, docker, "limit_exceeded", mem_limit="65m")
    host = config(client, docker)["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 32 << 20


def test_5_11_cpu(client, docker):
    refused(client, docker, "limit_exceeded", cpus=1.5)
    assert config(client, docker)["HostConfig"]["NanoCpus"] == 500_000_000


def test_5_12_read_only_root(client, docker):
    refused(client, docker, "field_not_allowed", read_only=False)
    assert config(client, docker)["HostConfig"]["ReadonlyRootfs"] is True


def test_5_13_host_interface(client, docker):
    refused(client, docker, None, ports={"80/tcp": ["0.0.0.0", 8003]})
    bindings = config(client, docker, ports={"80/tcp": 8003})["HostConfig"]["PortBindings"]
    assert bindings == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8003"}]}


def test_5_14_restart(client, docker):
    refused(client, docker, "field_not_allowed", restart_policy="always")
    refused(client, docker, None, restart_policy={"Name": "on-failure", "MaximumRetryCount": 6})
    policy = config(client, docker, restart_policy={"Name": "on-failure"})["HostConfig"]["RestartPolicy"]
    assert policy == {"Name": "on-failure", "MaximumRetryCount": 5}


@pytest.mark.parametrize(
    "field", ["pid_mode", "ipc_mode", "uts_mode", "userns_mode"], ids=["5_15", "5_16", "5_20", "5_30"]
)
def test_host_namespaces(client, docker, field):
    refused(client, docker, "invalid_request", **{field: "host"})


def test_5_15_16_20_namespaces(client, docker):
    host = config(client, docker)["HostConfig"]
    assert (host["PidMode"], host["IpcMode"], host["UTSMode"], host["UsernsMode"]) == ("", "private", "", "")


@pytest.mark.parametrize("device", ["/dev/sda", "/dev/mem", "/dev/kmsg", "/dev/net/tun", "/dev/null", "/dev"])
def test_5_17_devices(client, docker, device):
    refused(client, docker, None if device == "/dev" else "device_not_allowed", devices=[device])


def test_5_18_ulimits(client, docker):
    refused(client, docker, None, ulimits=[{"Name": "nofile", "Soft": 1048576, "Hard": 1048576}])


def test_5_19_propagation(client, docker):
    refused(client, docker, "invalid_request", volumes={"/srv": {"bind": "/x", "mode": "rw,rshared"}})


@pytest.mark.parametrize("option", ["seccomp=unconfined", "apparmor=unconfined", "label=disable"])
def test_5_21_security_options(client, docker, option):
    refused(client, docker, "invalid_request", security_opt=[option])


def test_5_22_5_23_exec(start_service, own_proxy, docker):
    """The one command that is run in a container, du: not privileged, and as the container's own user."""
    docker.create_network("cis_net", driver="bridge")
    with contextlib.closing(start_service(docker_socket=own_proxy.path, policy=POLICY).client()) as client:
        made = client.started(**GOOD)
        answer = client.post(f"/containers/{made['id']}/dir-size", {"path": "/tmp"})
        assert answer.status_code == 200, answer.text
    (asked,) = [json.loads(request.body) for request in own_proxy.requests if request.path.endswith("/exec")]
    assert asked["Cmd"][0] == "du" and not {"Privileged", "User"} & set(asked), asked
    (started,) = [request.path for request in own_proxy.requests if request.path.endswith("/start") and "/exec/" in request.path]
    process = docker.exec_inspect(started.split("/")[-2])["ProcessConfig"]
    assert process["entrypoint"] == "du" and process["privileged"] is False and process["user"] == GOOD["user"], process


def test_5_24_cgroup(client, docker):
    refused(client, docker, "invalid_request", cgroup_parent="/x")


def test_5_25_no_new_privileges(client, docker):
    assert config(client, docker)["HostConfig"]["SecurityOpt"] == ["no-new-privileges:true"]


def test_5_26_health_check_floor(client, docker):
    often = {"test": ["CMD", "true"], "interval": 2_000_000_000}
    refused(client, docker, "limit_exceeded", healthcheck=often)


def test_5_27_version_of_the_image(client, docker):
    """`alpine:3` in the list is that tag alone."""
    refused(client, docker, "image_not_allowed", image="alpine:latest")
    refused(client, docker, "image_not_allowed", image="alpine")


def test_5_28_pids(client, docker):
    refused(client, docker, "limit_exceeded", pids_limit=65)
    assert config(client, docker)["HostConfig"]["PidsLimit"] == 32


def test_5_29_default_bridge(client, docker):
    refused(client, docker, "network_not_allowed", network="bridge")
    assert_error(client.run(read_only=True, user="1000"), 400, "network_not_allowed")


@pytest.mark.parametrize("path", ["/var/run/docker.sock", "/run/docker.sock", "/run", "/var/run"])
def test_5_31_docker_socket(client, docker, path):
    refused(client, docker, "mount_not_allowed", volumes={path: "/var/run/docker.sock"})


@pytest.mark.parametrize("user", [None, "root", "0", "00", "0:1000", "nobody"])
def test_4_1_not_root(client, docker, user):
    """No root inside; a name may be anybody, so only a number will do."""
    fields = {**GOOD, "user": user}
    assert_error(client.run(**fields), 400, "field_not_allowed")
    assert docker.containers(all=True) == []
