# SPDX-License-Identifier: Apache-2.0
"""Networks: made, listed, joined, left and removed, and by whom they are not."""

import contextlib
import threading

import pytest
from docker.errors import NotFound

from harness import policies
from harness.client import assert_error

NET = "tt_studio_network"
OURS = {"docker-control.owner", "docker-control.nonce", "docker-control.proof"}


@pytest.fixture
def caller(checked_service, proxy):
    proxy.clear()
    with contextlib.closing(checked_service.client()) as client:
        yield client


@pytest.fixture
def pair(checked_service, proxy):
    """Two services that may use the same networks and see only their own."""
    proxy.clear()
    with contextlib.ExitStack() as stack:
        clients = [checked_service.client(name) for name in ("net_a", "net_b")]
        yield [stack.enter_context(contextlib.closing(client)) for client in clients]


def create(client, name=NET, **fields):
    return client.post("/networks/create", {"name": name, **fields})


def created(client, docker, name=NET):
    """The witness's view of a network that must come to be."""
    response = create(client, name)
    assert response.status_code == 200, response.text
    return docker.inspect_network(name)


def remove(client, name=NET):
    return client.session.delete(f"{client.api}/networks/{name}", timeout=60)


def change(client, verb, container, name=NET, **fields):
    return client.post(f"/networks/{name}/{verb}", {"container": container, **fields})


def listed(client, **query):
    response = client.get("/networks", params=query)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["status"] == "success"
    return {item["name"]: item for item in body["networks"]}


def networks_of(docker, container):
    return set(docker.inspect_container(container)["NetworkSettings"]["Networks"])


def names(docker):
    return {network["Name"] for network in docker.networks()}


def success(response, message):
    assert response.status_code == 200, response.text
    assert response.json() == {"status": "success", "message": message}


def test_life(caller, docker):
    """As the live client goes about it, and as the Engine saw it."""
    made = caller.started(name="web")
    success(create(caller, driver="bridge"), f"Network {NET} created successfully")
    seen = docker.inspect_network(NET)
    assert (seen["Driver"], seen["Scope"], seen["Options"]) == ("bridge", "local", {})
    assert not (seen["Internal"] or seen["Attachable"] or seen["Ingress"] or seen["EnableIPv6"])
    assert set(seen["Labels"]) == OURS and seen["Labels"]["docker-control.owner"] == policies.SERVICE
    assert_error(create(caller), 409, "conflict", "already exists")
    success(change(caller, "connect", "web"), f"Container web connected to network {NET}")
    assert networks_of(docker, made["id"]) == {"bridge", NET}
    endpoint = docker.inspect_container(made["id"])["NetworkSettings"]["Networks"][NET]
    assert endpoint["Aliases"] == [made["id"][:12]] and not endpoint["IPAMConfig"]
    assert_error(change(caller, "connect", "web"), 409, "conflict", "already")
    assert_error(remove(caller), 409, "conflict", "in use")
    success(change(caller, "disconnect", made["id"][:12], force=False),
            f"Container {made['id'][:12]} disconnected from network {NET}")
    assert networks_of(docker, made["id"]) == {"bridge"}
    assert_error(change(caller, "disconnect", "web"), 409, "conflict", "not on the network")
    assert_error(change(caller, "disconnect", "web", force=True), 409, "conflict")
    success(remove(caller), f"Network {NET} removed successfully")
    assert NET not in names(docker)
    assert_error(remove(caller), 404, "not_found", "Network not found")
    assert_error(change(caller, "connect", "web"), 404, "not_found", "Network not found")


def test_list(caller, docker):
    """Each network once, every field in both spellings, and no label of ours."""
    seen = created(caller, docker)
    all_of_them = listed(caller)
    assert set(all_of_them) == {"bridge", "host", "none", NET}
    item = all_of_them[NET]
    for key in ("Id", "Name", "Driver", "Scope", "Created"):
        assert item[key] == item[key.lower()] == seen[key]
    assert set(item) == {x for key in ("Id", "Name", "Driver", "Scope", "Created") for x in (key, key.lower())}
    assert seen["Labels"]["docker-control.proof"] not in caller.get("/networks").text
    assert set(listed(caller, names=NET)) == {NET}
    assert set(listed(caller, names=f"{NET},bridge")) == {NET, "bridge"}
    assert listed(caller, names="absent") == {}
    assert_error(caller.get("/networks?names=a&names=b"), 400)


def test_list_shows_owned_and_allowed(pair, docker):
    """With visible = "owned": what the policy names and what is proven its own."""
    docker.create_network("private", driver="bridge")
    docker.create_network("net_two", driver="bridge")
    created(pair[0], docker, "net_one")
    for client in pair:
        assert set(listed(client)) == {"bridge", "net_one", "net_two"}
        assert listed(client, names="private") == {}


REFUSED = [
    {"name": "not_listed"},
    {"name": "bridge"}, {"name": "host"}, {"name": "none"}, {"name": "default"}, {"name": "ingress"},
    {"name": "docker_gwbridge"}, {"name": "Bridge"},
    {"name": NET, "driver": "macvlan"}, {"name": NET, "driver": "host"}, {"name": NET, "driver": "overlay"},
    {"name": NET, "options": {"com.docker.network.bridge.name": "docker0"}},
    {"name": NET, "ipam": {"Config": [{"Subnet": "10.0.0.0/8"}]}},
    {"name": NET, "internal": True}, {"name": NET, "labels": {"docker-control.owner": "x"}},
    {"name": NET, "enable_ipv6": True}, {"name": NET, "attachable": True}, {"name": NET, "scope": "swarm"},
    {"name": NET, "ConfigOnly": True}, {"name": "a/../b"}, {"name": ""}, {},
]  # fmt: skip


@pytest.mark.parametrize("fields", REFUSED, ids=str)
def test_refused_create(caller, proxy, docker, fields):
    """Nothing of it reaches the Engine."""
    before = names(docker)
    assert_error(caller.post("/networks/create", fields), 400)
    assert names(docker) == before and proxy.mutations() == []


@pytest.mark.parametrize("name", ["bridge", "host", "none", "not_listed", "default", "ingress"])
def test_refused_remove(caller, proxy, docker, name):
    docker.create_network("not_listed", driver="bridge")
    before = names(docker)
    assert_error(remove(caller, name), 400, "network_not_allowed")
    assert names(docker) == before and proxy.mutations() == []


@pytest.mark.parametrize("name", ["host", "none", "not_listed", "default", "ingress", "Host"])
@pytest.mark.parametrize("verb", ["connect", "disconnect"])
def test_refused_membership(caller, proxy, docker, verb, name):
    made = caller.started()
    docker.create_network("not_listed", driver="bridge")
    before = proxy.mutations()
    assert_error(change(caller, verb, made["id"], name), 400, "network_not_allowed")
    assert networks_of(docker, made["id"]) == {"bridge"} and proxy.mutations() == before


def test_bridge_can_be_left_and_joined(caller, docker):
    made = caller.started()
    assert change(caller, "disconnect", made["id"], "bridge").status_code == 200
    assert networks_of(docker, made["id"]) == set()
    assert change(caller, "connect", made["id"], "bridge").status_code == 200
    assert networks_of(docker, made["id"]) == {"bridge"}


def test_a_stopped_container(caller, docker):
    made = caller.started(name="still")
    created(caller, docker)
    assert caller.post("/containers/still/stop", {"timeout": 0}).status_code == 200
    assert change(caller, "connect", "still").status_code == 200
    assert caller.post("/containers/still/start").status_code == 200
    assert networks_of(docker, made["id"]) == {"bridge", NET}


def test_scope(service):
    """containers:* is no right to networks, and networks:* alone none to see a container."""
    client = service.client("tenant_a")
    assert_error(client.get("/networks"), 403, "scope_denied")
    assert_error(create(client, "bridge"), 403, "scope_denied")
    assert_error(remove(client, "bridge"), 403, "scope_denied")
    assert_error(change(client, "connect", "x", "bridge"), 403, "scope_denied")
    narrow = service.client("net_a", scope="networks:read")
    assert narrow.get("/networks").status_code == 200
    assert_error(create(narrow, "net_one"), 403, "scope_denied")


def test_anothers_network_stays(pair, docker):
    """Who has not made it may join it, where the policy lists it, and not remove it."""
    a, b = pair
    network = created(a, docker, "net_one")
    assert_error(create(b, "net_one"), 409, "conflict")
    assert_error(remove(b, "net_one"), 403, "scope_denied")
    assert docker.inspect_network("net_one")["Id"] == network["Id"]
    made = b.started()
    assert change(b, "connect", made["id"], "net_one").status_code == 200
    assert networks_of(docker, made["id"]) == {"bridge", "net_one"}


def test_anothers_container_is_left_alone(pair, caller, docker):
    """Nobody pulls another's container onto a network, or off one."""
    a, b = pair
    created(a, docker, "net_one")
    made = a.started(name="mine", network="net_one")
    for verb, name in (("connect", "net_two"), ("connect", "bridge"), ("disconnect", "net_one")):
        assert_error(change(b, verb, "mine", name), 404)
    docker.create_network(NET, driver="bridge")
    for verb in ("connect", "disconnect"):
        assert_error(change(caller, verb, made["id"]), 403, "scope_denied")
    assert networks_of(docker, made["id"]) == {"net_one"}


def test_what_others_made_is_not_removed(caller, docker):
    """A network of the administrator's can be joined and not removed."""
    docker.create_network(NET, driver="bridge")
    made = caller.started()
    assert change(caller, "connect", made["id"]).status_code == 200
    assert change(caller, "disconnect", made["id"]).status_code == 200
    assert_error(remove(caller), 403, "scope_denied")
    assert NET in names(docker)


@pytest.mark.parametrize("source", ["container", "other network", "other owner", "no proof"])
def test_forged_labels(pair, docker, source):
    """Copied labels prove nothing: not a container's, not another network's, not for another."""
    a, b = pair
    made = a.started()
    if source == "container":
        labels = docker.inspect_container(made["id"])["Config"]["Labels"]
    else:
        labels = created(a, docker, "net_one")["Labels"]
    labels = {key: value for key, value in labels.items() if key in OURS}
    assert set(labels) == OURS
    forger, name = a, "net_two"
    if source == "other owner":
        assert remove(a, "net_one").status_code == 200
        labels["docker-control.owner"] = "net_b"
        forger, name = b, "net_one"
    if source == "no proof":
        del labels["docker-control.proof"]
    docker.create_network(name, driver="bridge", labels=labels)
    assert_error(remove(forger, name), 403, "scope_denied")
    assert name in names(docker)


def test_a_networks_proof_makes_no_container_ours(pair, docker):
    a = pair[0]
    labels = created(a, docker, "net_one")["Labels"]
    docker.create_container("alpine:3", ["true"], labels=labels, name="forged")
    assert a.containers(all="true") == []
    assert_error(a.post("/containers/forged/remove"), 404, "not_found")
    docker.inspect_container("forged")


def test_known_again_after_a_restart(start_service, docker):
    """The same instance key knows its networks, another does not."""
    service = start_service()
    created(service.client("net_a"), docker, "net_one")
    assert_error(remove(start_service().client("net_a"), "net_one"), 403)
    service.terminate()
    service.start()
    assert remove(service.client("net_a"), "net_one").status_code == 200
    assert "net_one" not in names(docker)


def test_not_a_bridge(caller, docker):
    """A network of another driver under an allowed name is not joined."""
    body = {"Name": NET, "Driver": "macvlan", "ConfigOnly": True}  # needs no such device in the kernel
    assert docker.post(f"{docker.base_url}/v1.41/networks/create", json=body).status_code == 201
    made = caller.started()
    for verb in ("connect", "disconnect"):
        assert_error(change(caller, verb, made["id"]), 400, "network_not_allowed", "local bridge")
    assert_error(remove(caller), 400, "network_not_allowed")
    assert networks_of(docker, made["id"]) == {"bridge"} and NET in names(docker)


def test_name_like_an_id(start_service, docker):
    """A name that the Engine would take for the prefix of an id is only ever a name."""
    victim = docker.create_network("victim", driver="bridge")["Id"]
    prefix = victim[:12]
    policy = policies.standard().replace('"net_one"', f'"{prefix}"')
    client = start_service(policy=policy).client("net_a")
    made = client.started()
    assert_error(remove(client, prefix), 404, "not_found")
    assert_error(change(client, "connect", made["id"], prefix), 404, "not_found")
    assert networks_of(docker, made["id"]) == {"bridge"} and "victim" in names(docker)


def test_made_anew_in_between(start_service, own_proxy, engine, docker):
    """The name is looked up once: a network made anew under it is not the one that is joined."""
    service = start_service(docker_socket=own_proxy.path)
    client = service.client()
    made = client.started()
    first = created(client, docker)["Id"]
    hold = own_proxy.hold(lambda request: request.path.endswith("/connect"))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(change(client, "connect", made["id"])))
    thread.start()
    assert hold.caught.wait(20)
    docker.remove_network(first)
    docker.create_network(NET, driver="bridge")
    hold.release()
    thread.join(20)
    assert_error(answers[0], 404, "not_found")
    assert networks_of(docker, made["id"]) == {"bridge"}


@pytest.mark.parametrize(
    "old, new",
    [(b'"Attachable":false', b'"Attachable":true '), (b'"Internal":false', b'"Internal":true '),
     (b'"Driver":"bridge"', b'"Driver":"macvln"'), (b"docker-control.owner", b"docker-contro1.owner")],
)  # fmt: skip
def test_made_otherwise(start_service, own_proxy, docker, old, new):
    """What the Engine made otherwise than asked is removed."""
    client = start_service(docker_socket=own_proxy.path).client()
    own_proxy.substitute(old, new)
    response = create(client)
    assert response.status_code in (400, 500), response.text
    assert NET not in names(docker)


def test_foreign_host_container(caller, docker):
    """A container of the host's network gets no other one."""
    host = docker.create_host_config(network_mode="host")
    made = docker.create_container("alpine:3", ["sleep", "100"], host_config=host, name="hosted")
    docker.start(made)
    created(caller, docker)
    assert_error(change(caller, "connect", "hosted"), 409, "conflict")
    assert networks_of(docker, made["Id"]) == {"host"}


def test_addresses_run_out(caller, docker):
    """When the Engine has no addresses left it is said so, and nothing is left behind."""
    with contextlib.ExitStack() as stack:
        for number in range(200):
            try:
                network = docker.create_network(f"pool-{number}", driver="bridge")
            except NotFound:
                break
            stack.callback(docker.remove_network, network["Id"])
        assert_error(create(caller), 409, "conflict", "addresses")
        assert NET not in names(docker)


def test_engine_is_away(start_service, tmp_path):
    client = start_service(docker_socket=tmp_path / "none.sock").client()
    assert_error(client.get("/networks"), 503)
    assert_error(create(client), 503)
    assert_error(remove(client), 503)
