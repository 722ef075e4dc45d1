# SPDX-License-Identifier: Apache-2.0
"""What the Engine is asked: only bytes that our serializer made."""

import contextlib
import json
import re

import pytest

from harness.proxy import is_pull

HEADERS = {"host", "user-agent", "accept", "content-type", "content-length", "connection"}

# A caller's name or prefix is looked up; everything else goes by the full id.
ASKED = re.compile(
    r"(/v1\.\d\d)?/(_ping|version|info|events|containers/json|containers/[A-Za-z0-9][A-Za-z0-9_.-]*/(json|logs)"
    r"|images/json|images/[a-z0-9._:/@-]+/json|networks(/[A-Za-z0-9][A-Za-z0-9_.-]*)?|exec/[0-9a-f]{64}/json)"
)
CHANGED = re.compile(
    r"(/v1\.\d\d)?/(containers/create|containers/[0-9a-f]{64}(/(start|stop|restart|wait|exec))?|images/create"
    r"|images/(docker\.io|ghcr\.io|127\.0\.0\.1:[0-9]+)/[a-z0-9._/-]+:[a-z0-9.]+"
    r"|networks/create|networks/[0-9a-f]{64}(/(connect|disconnect))?|exec/[0-9a-f]{64}/start)"
)

CREATE = {
    "Image", "Cmd", "Entrypoint", "Env", "Labels", "Hostname", "User", "WorkingDir", "ExposedPorts",
    "HostConfig", "NetworkingConfig", "Tty", "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout",
    "AttachStderr", "Volumes", "Healthcheck",
}  # fmt: skip

HOST_CONFIG = {
    "Memory", "MemorySwap", "NanoCpus", "PidsLimit", "ShmSize", "LogConfig", "NetworkMode", "PortBindings",
    "AutoRemove", "Init", "ReadonlyRootfs", "RestartPolicy", "Privileged", "IpcMode", "CgroupnsMode",
    "CapAdd", "CapDrop", "SecurityOpt", "PublishAllPorts", "PidMode", "UTSMode", "UsernsMode", "Binds",
    "Mounts", "Devices", "Ulimits", "OomScoreAdj", "OomKillDisable", "Tmpfs", "DeviceRequests", "Dns", "ExtraHosts",
    "GroupAdd", "Runtime",
}  # fmt: skip

MARK = "zz9marker"


@pytest.fixture
def caller(checked_service, proxy):
    proxy.clear()
    with contextlib.closing(checked_service.client()) as client:
        client.session.headers.update({
            "X-Registry-Auth": MARK, "X-Forwarded-For": MARK, "User-Agent": MARK, "Cookie": MARK,
            "X-Docker": MARK, "Accept-Language": MARK,
        })  # fmt: skip
        yield client


def assert_ours(requests):
    assert requests
    for request in requests:
        login = {"x-registry-auth"} if request.path.endswith("/images/create") else set()
        assert {name for name, _ in request.headers} <= HEADERS | login, request.raw
        assert len(request.headers) == len({name for name, _ in request.headers}), request.raw
        assert request.start_line.endswith(" HTTP/1.1")
        known = ASKED if request.method in ("GET", "HEAD") else CHANGED
        assert known.fullmatch(request.path), request.start_line
        assert MARK.encode() not in request.raw, request.raw
        if request.body:
            assert isinstance(json.loads(request.body), dict)


def test_every_operation(caller, proxy, docker):
    """A whole life of a container, with odd headers and queries of the caller's."""
    made = caller.started(
        name="life", environment={"A": "1"}, ports={"80/tcp": 8090}, labels={"a": "b"}, hostname="h",
        user="1000", working_dir="/tmp", mem_limit="64m", cpus=0.5, pids_limit=20, shm_size="1m", read_only=True,
        restart_policy={"Name": "no"}, entrypoint=["sleep"], command=["1000"], init=True,
    )  # fmt: skip
    caller.get(f"/containers/{made['id']}?{MARK}=1")
    caller.get("/containers?all=true")
    for verb, body in (("stop", {"timeout": 0}), ("start", None), ("restart", {"timeout": 0})):
        assert caller.post(f"/containers/life/{verb}", body).status_code == 200
    assert caller.post("/containers/life/dir-size", {"path": "/bin", "timeout": 10}).status_code == 200
    assert caller.post("/networks/create", {"name": "tt_studio_network"}).status_code == 200
    assert caller.get(f"/networks?names=bridge&{MARK}={MARK}").status_code == 200
    for verb in ("connect", "disconnect"):
        response = caller.post(f"/networks/tt_studio_network/{verb}", {"container": "life"})
        assert response.status_code == 200, response.text
    assert caller.session.delete(f"{caller.api}/networks/tt_studio_network").status_code == 200
    assert caller.post("/containers/life/remove?force=true").status_code == 200
    assert_ours(proxy.requests)


def test_network_and_exec_bodies(caller, proxy, docker):
    """The bodies of a network's create, of its connections and of a du, key by key."""
    made = caller.started(name="life")
    assert caller.post("/networks/create", {"name": "tt_studio_network"}).status_code == 200
    network = docker.inspect_network("tt_studio_network")["Id"]
    for verb in ("connect", "disconnect"):
        assert caller.post(f"/networks/tt_studio_network/{verb}", {"container": "life"}).status_code == 200
    assert caller.post("/containers/life/dir-size", {"path": "/bin", "timeout": 10}).status_code == 200
    bodies = {request.path.split("/", 2)[2]: request.body for request in proxy.mutations()}
    bodies = {path: json.loads(body, object_pairs_hook=_no_key_twice) for path, body in bodies.items() if body}
    create = bodies["networks/create"]
    labels = create.pop("Labels")
    assert create == {"Name": "tt_studio_network", "Driver": "bridge", "CheckDuplicate": True}
    assert set(labels) == {"docker-control.owner", "docker-control.nonce", "docker-control.proof"}
    assert bodies[f"networks/{network}/connect"] == {"Container": made["id"], "EndpointConfig": {}}
    assert bodies[f"networks/{network}/disconnect"] == {"Container": made["id"], "Force": False}
    assert bodies[f"containers/{made['id']}/exec"] == {"AttachStdout": True, "Cmd": ["du", "-sb", "--", "/bin"]}
    start = [body for path, body in bodies.items() if re.fullmatch("exec/[0-9a-f]{64}/start", path)]
    assert start == [{"Detach": False, "Tty": False}]


def test_every_operation_on_images(caller, proxy, docker, registry):
    """A pull asks for one reference, with the credentials of its body and of no header."""
    name = registry.publish(docker, "library/bytes", "1")
    login = {"username": "joe", "password": "secret-secret"}
    for auth in (None, login):
        assert caller.post("/images/pull", {"name": name, "registry_auth": auth}).status_code == 200
    pulls = [request for request in proxy.requests if is_pull(request)]
    assert [request.target.partition("/images/create")[2] for request in pulls] == [
        f"?fromImage={name.removesuffix(':1')}&tag=1"
    ] * 2
    assert [bool(request.header("x-registry-auth")) for request in pulls] == [False, True]
    assert not any(request.body for request in pulls)
    caller.get(f"/images?name={name}&{MARK}=1")
    caller.get(f"/images/exists?name={name}&{MARK}=1")
    assert caller.session.delete(caller.api + f"/images/{name}").status_code == 200
    assert proxy.mutations()[-1].target.endswith(f"/images/{name}?force=0&noprune=0")
    assert_ours(proxy.requests)


def test_the_create(caller, proxy, docker):
    """A create has known keys only, each once, and finite limits."""
    caller.started(environment={"A": "1"}, ports={"80/tcp": 8091})
    creates = [request for request in proxy.requests if request.path.endswith("/containers/create")]
    assert len(creates) == 1
    body = json.loads(creates[0].body, object_pairs_hook=_no_key_twice)
    assert set(body) <= CREATE, set(body) - CREATE
    host = body["HostConfig"]
    assert set(host) <= HOST_CONFIG, set(host) - HOST_CONFIG
    assert host["Memory"] == host["MemorySwap"] > 0
    assert host["NanoCpus"] > 0 and host["PidsLimit"] > 0 and host["ShmSize"] > 0
    assert not host.get("Privileged") and not host.get("Binds") and not host.get("Devices")
    assert {"docker-control.owner", "docker-control.nonce", "docker-control.proof"} <= set(body["Labels"])


def _no_key_twice(pairs):
    assert len(pairs) == len(dict(pairs)), pairs
    return dict(pairs)


BAD = [
    ("POST", "/containers/run", {"image": "alpine:3", "HostConfig": {"Privileged": True, "x": MARK}}),
    ("POST", "/containers/run", {"image": "alpine:3", "privileged": True}),
    ("POST", "/containers/run", {"image": "alpine:3", "volumes": {"/": {"bind": "/host", "mode": "rw"}}}),
    ("POST", "/containers/run", {"image": f"alpine:3&fromSrc={MARK}"}),
    ("POST", "/containers/run", {"image": "alpine:3", "name": f"a&{MARK}"}),
    ("POST", "/containers/run", {"image": "alpine:3", "name": f"a\r\nX: {MARK}"}),
    ("POST", "/containers/run", {"image": "alpine:3", "network": f"container:{MARK}"}),
    ("POST", f"/containers/{MARK}%2F..%2F..%2Finfo/stop", None),
    ("POST", f"/containers/a%3Fx={MARK}/start", None),
    ("POST", f"/containers/a%0d%0aX:{MARK}/remove", None),
    ("GET", f"/containers/..%2Fjson%3F{MARK}", None),
    ("POST", "/images/pull", {"name": "alpine:3", "fromSrc": MARK}),
    ("POST", "/images/pull", {"name": f"alpine:3&fromSrc={MARK}"}),
    ("POST", "/images/pull", {"image_name": "alpine", "image_tag": f"3&repo={MARK}"}),
    ("POST", f"/images/pull?fromSrc={MARK}", {"name": "alpine:3"}),
    ("POST", "/images/pull/start", {"image_name": "alpine", "pull_id": f"../{MARK}"}),
    ("GET", f"/images/pull/progress/..%2F{MARK}", None),
    ("GET", f"/images/{MARK}%3Fx/exists", None),
    ("GET", f"/images/exists?name=alpine&tag=3%2Fjson%3F{MARK}", None),
    ("DELETE", f"/images/..%2Fcontainers%2F{MARK}", None),
    ("DELETE", f"/images/alpine:3?force=true&noprune={MARK}", None),
    ("POST", "/images/create", {"fromSrc": MARK}),
    ("POST", "/containers/x/exec", {"Cmd": [MARK]}),
    ("POST", "/containers/x/dir-size", {"path": MARK}),
    ("POST", "/containers/x/dir-size", {"path": "/", "cmd": [MARK]}),
    ("POST", "/networks/create", {"name": "tt_studio_network", "options": {"parent": MARK}}),
    ("POST", "/networks/create", {"name": "tt_studio_network", "driver": MARK}),
    ("POST", "/networks/create", {"name": MARK}),
    ("POST", "/networks/tt_studio_network/connect", {"container": "x", "aliases": [MARK]}),
    ("POST", f"/networks/{MARK}%2F..%2Fprune/connect", {"container": "x"}),
    ("GET", f"/networks?names={MARK}%0d%0a", None),
    ("DELETE", f"/networks/{MARK}%3Fx=1", None),
    ("DELETE", "/networks/bridge", None),
    ("POST", "/containers/create", {"Image": "alpine:3", "x": MARK}),
    ("GET", f"/containers/x/archive?path=/{MARK}", None),
    ("POST", "/build", None),
    ("POST", "/exec/x/start", {"Detach": True}),
]


@pytest.mark.parametrize("method, path, body", BAD, ids=lambda value: str(value)[:40])
def test_bad_input_never_arrives(caller, proxy, docker, method, path, body):
    """What is refused leaves no mutation and no trace of its bytes at the Engine."""
    response = caller.session.request(method, caller.api + path, json=body, timeout=20)
    assert response.status_code in (400, 404, 405), response.text
    assert proxy.mutations() == []
    for request in proxy.requests:
        assert MARK.encode() not in request.raw
    assert docker.containers(all=True) == []


def test_values_arrive_as_data(caller, proxy, docker):
    """Values full of JSON's and HTTP's special characters arrive as the values they are."""
    nasty = '"}],"Privileged":true,"x":[{"a":"\\'
    text = 'tab\t quote" backslash\\ \u2028 é 😀 \x7f'
    made = caller.started(environment={"A": nasty, "B": text}, labels={"note": nasty})
    seen = docker.inspect_container(made["id"])
    assert f"A={nasty}" in seen["Config"]["Env"] and f"B={text}" in seen["Config"]["Env"]
    assert seen["Config"]["Labels"]["note"] == nasty
    assert not seen["HostConfig"]["Privileged"]
    shown = caller.get(f"/containers/{made['id']}").json()
    assert f"A={nasty}" in shown["environment"] and f"B={text}" in shown["environment"]
