# SPDX-License-Identifier: Apache-2.0
"""The policies that are shipped, each as its user would use it: what it is for works, the rest is refused."""

import contextlib
import os
import shutil
import stat
import tomllib
from pathlib import Path

import pytest

from harness.client import assert_error
from harness.engine import import_image
from harness.events import read_logs
from harness.paths import ROOT

PACKAGING = ROOT / "packaging"
PRESETS = sorted((PACKAGING / "presets").glob("*.toml"))
UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
NET = "tt_studio_network"
NULL = os.makedev(1, 3)


def preset(name):
    return (PACKAGING / "presets" / f"{name}.toml").read_text()


def size(text):
    return int(text[:-1]) * UNITS[text[-1]]


def assert_refused(response, docker, code, count=0):
    assert_error(response, 400, code)
    assert len(docker.containers(all=True)) == count


@contextlib.contextmanager
def imported(docker, *names):
    """Images of BusyBox by these names."""
    try:
        for name in names:
            import_image(docker, name)
        yield
    finally:
        for name in names:
            docker.remove_image(name, force=True)


def foreign(docker, name, image):
    """A container that somebody else made; it prints a line."""
    host = docker.create_host_config(init=True)
    made = docker.create_container(
        image, ["sh", "-c", "echo ready; exec sleep 1000"], name=name, environment={"TOKEN": "hunter2"}, host_config=host
    )
    docker.start(made)
    return made["Id"]


@pytest.mark.parametrize("file", PRESETS, ids=lambda file: file.stem)
def test_defaults_fill_the_quota(file):
    """As many containers of the default size as the quota says have room in all of it."""
    (profile,) = tomllib.loads(file.read_text())["service"].values()
    quota = profile["quota"]
    if "containers" not in quota:
        assert not {"containers:run", "containers:*"} & set(profile["scopes"])
        return
    assert size(quota["memory"]) >= quota["containers"] * size(profile["memory"]["default"])
    assert quota["cpus"] >= quota["containers"] * profile["cpus"]["default"]


# --- tt-studio -------------------------------------------------------------------------------------

MODEL = "ghcr.io/tenstorrent/tt-inference-server/tt-metal-yolov4-src-base:v1"
BACKEND = "ghcr.io/tenstorrent/tt-studio/backend:v0.0.1"
AGENT = "agent_image:v1"


class Board:
    """The host's part of TT-Studio: cards, huge pages and the persistent volume, as far as they are missing."""

    devices = Path("/dev/tenstorrent")
    hugepages = Path("/dev/hugepages-1G")
    volume = Path("/srv/tt-studio")

    def __init__(self):
        self.made = []
        self.model = self.volume / f"volume_e2e-{os.getpid()}"
        if self._make(self.devices):
            for card in "01":
                os.mknod(self.devices / card, stat.S_IFCHR | 0o666, NULL)
                (self.devices / card).chmod(0o666)
        self._make(self.hugepages, 0o1777)
        self._make(self.volume)
        self._make(self.model)
        os.chown(self.model, 1000, 1000)

    def _make(self, path, mode=0o755):
        if path.exists():
            return False
        self.made.append(path)
        path.mkdir()
        path.chmod(mode)
        return True

    def close(self):
        for path in reversed(self.made):
            shutil.rmtree(path, ignore_errors=True)

    @property
    def cards(self):
        names = sorted((entry.name for entry in self.devices.iterdir() if entry.name.isdecimal()), key=int)
        return [f"{self.devices}/{name}" for name in names]


@pytest.fixture(scope="module")
def board():
    with contextlib.closing(Board()) as board:
        yield board


@pytest.fixture(scope="module")
def studio(service_maker, docker, board):
    """TT-Studio's policy; only the processors are as many as this host has."""
    text = preset("tt-studio")
    assert "cpus   = {default = 4," in text
    policy = text.replace("cpus   = {default = 4,", f"cpus   = {{default = {min(4, os.cpu_count())},")
    service = service_maker(policy=policy)
    try:
        with imported(docker, MODEL, BACKEND, AGENT):
            yield service.start()
    finally:
        service.close()


@pytest.fixture
def backend(studio):
    with contextlib.closing(studio.client()) as client:  # a token without exp, as the backend makes it
        yield client


def model(board, port=8003, **fields):
    """What the backend sends to run a model."""
    name = f"tt-metal-yolov4-src-base_p{port}"
    return {
        "image": MODEL,
        "detach": True,
        "name": name,
        "hostname": name,
        "command": "sh -c 'echo ready; exec sleep 1000'",
        "environment": {"DEVICE_ID": "0", "MODEL_WEIGHTS_ID": "", "CACHE_ROOT": "/home/container_app_user/cache_root"},
        "ports": {"7000/tcp": port},
        "volumes": {str(board.hugepages): str(board.hugepages), str(board.model): "/home/container_app_user/cache_root"},
        "network": NET,
        "devices": [f"{board.devices}:{board.devices}"],
        "cap_add": ["ALL"],
        "shm_size": "32G",
        **fields,
    }


def make_network(client):
    assert NET not in [network["name"] for network in client.get("/networks").json()["networks"]]
    assert client.post("/networks/create", {"name": NET, "driver": "bridge"}).status_code == 200


def test_studio_runs_a_model(backend, docker, board):
    make_network(backend)
    answer = backend.post("/containers/run", model(board))
    assert answer.status_code == 200, answer.text
    made = docker.inspect_container(answer.json()["container_id"])
    host, config = made["HostConfig"], made["Config"]
    assert config["Hostname"] == "tt-metal-yolov4-src-base_p8003" == made["Name"][1:]
    assert [entry["PathOnHost"] for entry in host["Devices"]] == board.cards
    assert not host["Privileged"] and "ALL" not in host["CapAdd"]
    assert "IPC_LOCK" in [name.removeprefix("CAP_") for name in host["CapAdd"]]
    assert host["ShmSize"] == 32 * 2**30 < host["Memory"] and host["NanoCpus"] > 0
    assert {(mount["Source"], mount["Destination"], mount["RW"]) for mount in made["Mounts"]} == {
        (str(board.hugepages), str(board.hugepages), True),
        (str(board.model), "/home/container_app_user/cache_root", True),
    }
    assert host["PortBindings"] == {"7000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8003"}]}
    assert list(made["NetworkSettings"]["Networks"]) == [NET]


def test_studio_keeps_weights(backend, docker, board):
    """A model that is not root writes into its own directory, on the host."""
    make_network(backend)
    command = "sh -c 'echo weights >/home/container_app_user/cache_root/w && echo kept'"
    answer = backend.post("/containers/run", model(board, user="1000", command=command, detach=False))
    assert answer.status_code == 200 and answer.json()["logs"] == "kept\n", answer.text
    assert (board.model / "w").read_text() == "weights\n"


def test_studio_cards_go_round(backend, docker, board):
    """All cards belong to one running model at a time."""
    make_network(backend)
    first = backend.post("/containers/run", model(board)).json()["id"]
    assert_error(backend.post("/containers/run", model(board, 8004)), 409, "conflict")
    assert backend.post(f"/containers/{first}/stop", {"timeout": 0}).status_code == 200
    assert backend.post("/containers/run", model(board, 8004)).status_code == 200


def test_studio_looks_after_a_model(backend, docker, board):
    """Its own life with a model, by the calls of its client."""
    make_network(backend)
    made = backend.post("/containers/run", model(board)).json()["id"]
    assert read_logs(backend, made, follow="false", tail=200)[0]["message"] == "ready"
    renamed = backend.post(f"/containers/{made}/rename?new_name=renamed_model")
    assert renamed.status_code == 200, renamed.text
    assert backend.get(f"/containers/{made}").json()["name"].lstrip("/") == "renamed_model"
    answer = backend.post(f"/containers/{made}/dir-size", {"path": "/etc", "timeout": 4.0})
    assert answer.status_code == 200 and answer.json()["bytes"] > 0
    assert backend.post(f"/containers/{made}/stop", {"timeout": 1}).status_code == 200
    assert backend.post(f"/containers/{made}/remove", params={"force": True}).status_code == 200
    assert docker.containers(all=True) == []


def test_studio_adopts_models_of_the_inference_server(backend, docker, board):
    """Found by its image; a new name does not take it away."""
    make_network(backend)
    made = foreign(docker, "tt-inference-server-1a2b", MODEL)
    assert backend.post(f"/containers/{made}/rename?new_name=Llama-3.2-1B_p8003").status_code == 200
    assert backend.post(f"/networks/{NET}/connect", {"container": made}).status_code == 200
    assert NET in docker.inspect_container(made)["NetworkSettings"]["Networks"]
    assert read_logs(backend, made, follow="false")[0]["message"] == "ready"
    assert backend.post(f"/networks/{NET}/disconnect", {"container": made}).status_code == 200
    assert backend.post(f"/containers/{made}/stop", {"timeout": 1}).status_code == 200
    assert backend.post(f"/containers/{made}/remove", params={"force": True}).status_code == 200
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("name, image", [("tt_studio_backend_api", BACKEND), ("tt-x", "alpine:3"), ("tt_studio_chroma", "alpine:3")])
def test_studio_leaves_its_own_services_alone(backend, docker, name, image):
    """It sees TT-Studio's compose containers and others of the host, and can do nothing to them."""
    made = foreign(docker, name, image)
    assert made in [item["id"] for item in backend.containers()]
    for call in ("stop", "restart", "rename?new_name=taken", "remove?force=true"):
        assert_error(backend.post(f"/containers/{made}/{call}"), 403, "scope_denied")
    assert_error(backend.get(f"/containers/{made}/logs"), 403, "scope_denied")
    assert docker.inspect_container(made)["State"]["Running"]
    assert "hunter2" not in backend.get(f"/containers/{made}").text


def test_studio_runs_agents(backend, docker):
    """The agent's image, on the ports that agents get."""
    make_network(backend)
    body = {"image": AGENT, "name": "agent_p8201", "command": "sleep 1000", "network": NET, "ports": {"8080/tcp": 8201}}
    answer = backend.post("/containers/run", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["port_bindings"] == {"8080/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8201"}]}


STUDIO_REFUSED = [
    ("image_not_allowed", {"image": "docker.io/evil/model:1"}),
    ("privileged_not_allowed", {"privileged": True}),
    ("mount_not_allowed", {"volumes": {"/srv/tt-studio": "/v"}}),
    ("mount_not_allowed", {"volumes": {"/srv/tt-studio/volume_x/deeper": "/v"}}),
    ("mount_not_allowed", {"volumes": {"/var/run/docker.sock": "/s"}}),
    ("device_not_allowed", {"devices": ["/dev/mem"]}),
    ("capability_not_allowed", {"cap_add": ["SYS_ADMIN"]}),
    ("limit_exceeded", {"shm_size": "33G"}),
    ("limit_exceeded", {"mem_limit": "129g"}),
    ("port_not_allowed", {"ports": {"80/tcp": 8301}}),
    ("port_not_allowed", {"ports": {"80/tcp": 8002}}),
    ("network_not_allowed", {"network": "host"}),
    ("field_not_allowed", {"hostname": "tt-studio-backend-api"}),
    ("field_not_allowed", {"name": "docker-control"}),
]


@pytest.mark.parametrize("code, fields", STUDIO_REFUSED, ids=str)
def test_studio_refuses(backend, docker, board, code, fields):
    make_network(backend)
    assert_refused(backend.post("/containers/run", model(board, **fields)), docker, code)


# --- readonly --------------------------------------------------------------------------------------


@pytest.fixture
def host_with_work(docker):
    """What a dashboard looks at: a container of somebody's, with a secret in its environment."""
    return foreign(docker, "web-1", "tenstorrent/model:latest")


def test_dashboard_sees(start_service, docker, host_with_work):
    docker.create_network("work")
    client = start_service(policy=preset("readonly")).client("dashboard")
    assert [item["id"] for item in client.containers()] == [host_with_work]
    shown = client.get(f"/containers/{host_with_work}")
    assert shown.json()["status"] == "running" and "hunter2" not in shown.text
    assert client.get(f"/containers/{host_with_work}/stats").status_code == 200
    tags = [tag for image in client.get("/images").json()["images"] for tag in image["tags"]]
    assert {"tenstorrent/model:latest", "ghcr.io/tenstorrent/x:1", "alpine:3"} <= set(tags)
    assert "work" in [network["name"] for network in client.get("/networks").json()["networks"]]
    assert client.get("/metrics").status_code == 200


def test_dashboard_changes_nothing(start_service, docker, host_with_work):
    client = start_service(policy=preset("readonly")).client("dashboard")
    assert_error(client.run("tenstorrent/model:latest"), 403, "scope_denied")
    for call in ("start", "stop", "restart", "rename?new_name=x1", "remove?force=true"):
        assert_error(client.post(f"/containers/{host_with_work}/{call}"), 403, "scope_denied")
    assert_error(client.get(f"/containers/{host_with_work}/logs"), 403, "scope_denied")
    assert_error(client.post("/images/pull/start", {"image_name": "alpine", "image_tag": "3"}), 403, "scope_denied")
    assert_error(client.post("/networks/create", {"name": "mine"}), 403, "scope_denied")
    assert docker.inspect_container(host_with_work)["State"]["Running"]
    assert len(docker.containers(all=True)) == 1 and not docker.networks(names=["mine"])


def test_dashboard_with_logs(start_service, docker, host_with_work):
    """As the file says: one more scope, and whose logs; still nothing can be changed."""
    text = preset("readonly").replace("# adopt", "adopt").replace('"containers:read",', '"containers:read", "containers:logs",')
    client = start_service(policy=text).client("dashboard")
    other = foreign(docker, "db-1", "tenstorrent/model:latest")
    assert read_logs(client, host_with_work, follow="false")[0]["message"] == "ready"
    assert_error(client.get(f"/containers/{other}/logs"), 403, "scope_denied")
    for call in ("stop", "remove?force=true"):
        assert_error(client.post(f"/containers/{host_with_work}/{call}"), 403, "scope_denied")
    assert docker.inspect_container(host_with_work)["State"]["Running"]


# --- ci-runner -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ci_service(service_maker):
    service = service_maker(policy=preset("ci-runner"))
    try:
        yield service.start()
    finally:
        service.close()


@pytest.fixture
def ci(ci_service):
    with contextlib.closing(ci_service.client("ci")) as client:
        yield client


@pytest.fixture
def cache(docker):
    """The cache, prepared as the file says."""
    docker.create_volume("ci-cache")
    host = docker.create_host_config(binds=["ci-cache:/cache"])
    made = docker.create_container("alpine:3", ["sh", "-c", "touch /cache/.keep; chown -R 1000:1000 /cache"], host_config=host)
    docker.start(made)
    assert docker.wait(made)["StatusCode"] == 0
    docker.remove_container(made)
    yield "ci-cache"
    _remove_cache(docker)


def _remove_cache(docker):
    for container in docker.containers(all=True):
        docker.remove_container(container["Id"], force=True, v=True)
    if "ci-cache" in [volume["Name"] for volume in docker.volumes()["Volumes"] or ()]:
        docker.remove_volume("ci-cache")


def job(client, script, **fields):
    """The answer to a job that runs to its end, as the user that jobs run as."""
    fields = {"user": "1000", "detach": False, "auto_remove": True, "network": "bridge", **fields}
    return client.run(command=["sh", "-c", script], **fields)


def test_job(ci, docker):
    """Its output and exit code; it is not root, has no capabilities, and leaves nothing."""
    answer = job(ci, "id -u; grep CapEff /proc/self/status; exit 3", tmpfs={"/work": "size=64m,mode=1777"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["exit_code"] == 3
    assert answer.json()["logs"] == "1000\nCapEff:\t0000000000000000\n"
    assert docker.containers(all=True) == []


def test_job_without_network(ci):
    answer = job(ci, "ls /sys/class/net", network="none")
    assert answer.status_code == 200 and answer.json()["logs"] == "lo\n", answer.text


def test_jobs_on_a_network_of_their_own(ci, docker):
    """A server and its test, on the network that the runner made for them."""
    assert ci.post("/networks/create", {"name": "ci"}).status_code == 200
    server = ci.run(command=["httpd", "-f", "-p", "8080", "-h", "/www"], user="1000", network="ci", name="server")
    assert server.status_code == 200, server.text
    address = docker.inspect_container("server")["NetworkSettings"]["Networks"]["ci"]["IPAddress"]
    answer = job(ci, f"wget -q -O - http://{address}:8080/", network="ci")
    assert answer.status_code == 200 and answer.json()["logs"] == "hello from the container\n", answer.text
    assert ci.post("/containers/server/remove", {"force": True}).status_code == 200
    assert ci.session.delete(f"{ci.api}/networks/ci", timeout=60).status_code == 200


def test_cache_between_jobs(ci, cache):
    volumes = {cache: {"bind": "/cache", "mode": "rw"}}
    assert job(ci, "echo built >/cache/object && echo kept", volumes=volumes).json()["logs"] == "kept\n"
    assert job(ci, "cat /cache/object", volumes=volumes).json()["logs"] == "built\n"


def test_cache_that_nobody_prepared(ci, docker):
    """Why the file tells how to: the Engine's new volume is root's."""
    try:
        answer = job(ci, "touch /cache/x 2>/dev/null || echo refused", volumes=["ci-cache:/cache:rw"])
        assert answer.json()["logs"] == "refused\n", answer.text
    finally:
        _remove_cache(docker)


CI_REFUSED = [
    ("field_not_allowed", {"user": None}),
    ("field_not_allowed", {"user": "0"}),
    ("field_not_allowed", {"user": "guest"}),
    ("image_not_allowed", {"image": "tenstorrent/model:latest"}),
    ("network_not_allowed", {"network": "host"}),
    ("invalid_request", {"network": "container:x"}),
    ("port_not_allowed", {"ports": {"80/tcp": 8003}}),
    ("capability_not_allowed", {"cap_add": ["CHOWN"]}),
    ("device_not_allowed", {"devices": ["/dev/fuse"]}),
    ("mount_not_allowed", {"volumes": {"/srv": "/s"}}),
    ("mount_not_allowed", {"volumes": {"other-cache": "/s"}}),
    ("mount_not_allowed", {"volumes": {"/var/run/docker.sock": "/s"}}),
    ("privileged_not_allowed", {"privileged": True}),
    ("limit_exceeded", {"mem_limit": "9g"}),
    ("field_not_allowed", {"restart_policy": "always", "auto_remove": False}),
]


@pytest.mark.parametrize("code, fields", CI_REFUSED, ids=str)
def test_job_refused(ci, docker, code, fields):
    assert_refused(job(ci, "true", **fields), docker, code)


# --- the default policy ----------------------------------------------------------------------------


@pytest.fixture
def shipped(start_service):
    return start_service(policy=(PACKAGING / "policy.toml").read_text()).client()


def test_default_policy(shipped, docker):
    """What the documents of the service that is replaced show."""
    listed = shipped.get("/containers")
    assert listed.status_code == 200 and listed.json()["containers"] == []
    assert shipped.post("/networks/create", {"name": NET}).status_code == 200
    made = shipped.started(
        image="tenstorrent/model:latest", name="my_model", ports={"8000/tcp": 7001}, network=NET, environment={"MODEL_TYPE": "llm"}
    )
    assert made["port_bindings"] == {"8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "7001"}]}
    assert docker.inspect_container("my_model")["HostConfig"]["Memory"] == 4 * 2**30
    assert shipped.post("/containers/my_model/stop", {"timeout": 1}).status_code == 200
    assert shipped.post("/containers/my_model/remove", {"force": True}).status_code == 200
    assert shipped.get("/images/exists", params={"name": "alpine", "tag": "3"}).json()["exists"] is True
    other = foreign(docker, "somebody", "alpine:3")
    assert shipped.post(f"/containers/{other}/stop", {"timeout": 1}).status_code == 200  # image-allowed


DEFAULT_REFUSED = [
    ("image_not_allowed", {"image": "evil/model:1"}),
    ("privileged_not_allowed", {"privileged": True}),
    ("network_not_allowed", {"network": "host"}),
    ("mount_not_allowed", {"volumes": {"/srv": "/s"}}),
    ("device_not_allowed", {"devices": ["/dev/tenstorrent/0"]}),
    ("capability_not_allowed", {"cap_add": ["ALL"]}),
    ("port_not_allowed", {"ports": {"80/tcp": 22}}),
    ("limit_exceeded", {"mem_limit": "17g"}),
    ("field_not_allowed", {"restart_policy": "always"}),
]


@pytest.mark.parametrize("code, fields", DEFAULT_REFUSED, ids=str)
def test_default_policy_refuses(shipped, docker, code, fields):
    assert_refused(shipped.run(**fields), docker, code)
