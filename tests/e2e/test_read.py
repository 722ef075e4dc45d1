# SPDX-License-Identifier: Apache-2.0
"""List and get: the live service's shapes."""

import re

import pytest
import requests

from harness.client import Client, assert_error

ITEM = {
    "id", "name", "status", "image", "image_tags", "attrs", "Config", "NetworkSettings",
    "HostConfig", "environment",
}  # fmt: skip


def test_list_shape(client, docker):
    """Each item holds the summary, the full inspect document, and its parts again."""
    made = client.started(name="shown", environment={"A": "1"}, labels={"k": "v"})
    item = client.containers()[0]
    assert set(item) == ITEM
    seen = docker.inspect_container(made["id"])
    assert (item["id"], item["name"], item["status"]) == (made["id"], "shown", "running")
    assert item["image"] and "alpine:3" in item["image_tags"]
    assert item["attrs"]["Id"] == made["id"]
    for part in ("Config", "NetworkSettings", "HostConfig"):
        assert item[part] == item["attrs"][part], part
    assert item["environment"] == item["Config"]["Env"] == seen["Config"]["Env"]
    assert item["HostConfig"] == seen["HostConfig"]
    assert item["Config"]["Labels"]["k"] == "v"


def test_get_shape(client, docker):
    """One container: the same at top level, with created, ports and networks."""
    made = client.started(name="shown", ports={"80/tcp": 8051})
    response = client.get("/containers/shown")
    assert response.status_code == 200
    item = response.json()
    assert ITEM | {"created", "ports", "networks"} <= set(item)
    assert item["id"] == made["id"]
    assert item["status"] == "running"  # the container's, as the live service answers
    assert item["networks"] == ["bridge"]
    seen = docker.inspect_container(made["id"])
    assert item["created"] == seen["Created"]
    assert item["ports"] == seen["NetworkSettings"]["Ports"]
    assert item["ports"]["80/tcp"][0]["HostPort"] == "8051"


def test_empty_list(client):
    """No containers: an empty list."""
    assert client.get("/containers").json() == {"status": "success", "containers": []}


def test_all(client, docker):
    """Stopped containers are listed only when asked for."""
    running = client.started(name="up")
    stopped = client.started(name="down", command=["true"], detach=False)
    assert {item["id"] for item in client.containers()} == {running["id"]}
    for spelling in ("true", "True", "1"):
        listed = {item["id"]: item["status"] for item in client.containers(all=spelling)}
        assert listed == {running["id"]: "running", stopped["id"]: "exited"}
    assert len(client.containers(all="false")) == 1


def test_order(client):
    """The newest container comes first, as the Engine lists them."""
    for name in ("first", "second", "third"):
        client.started(name=name)
    assert [item["name"] for item in client.containers()] == ["third", "second", "first"]


@pytest.mark.parametrize(
    "query, names",
    [
        ({"name": "web"}, {"web-1", "web-2"}),
        ({"label": "tier"}, {"web-1", "db"}),
        ({"label": "tier=back"}, {"db"}),
        ({"status": "exited"}, {"web-2"}),
        ({"filters": '{"label": ["tier=front"]}', "all": "true"}, {"web-1"}),
        ({"filters": '{"name": {"db": true}}', "all": "true"}, {"db"}),
        ({"name": "nothing", "all": "true"}, set()),
    ],
)
def test_filters(client, query, names):
    """Filters by name, label and status, plain and as docker-py encodes them."""
    client.started(name="web-1", labels={"tier": "front"})
    client.started(name="web-2", command=["true"], detach=False)
    client.started(name="db", labels={"tier": "back"})
    query.setdefault("all", "true")
    assert {item["name"] for item in client.containers(**query)} == names


@pytest.mark.parametrize("query", ["all=maybe", "all=true&all=true", "status=odd", "filters=x"])
def test_bad_query(client, query):
    """A malformed query is refused."""
    assert_error(client.get(f"/containers?{query}"), 400)


def test_many(client, docker):
    """A list over many chunks of the channel is complete and in order."""
    names = [f"many-{number:02}" for number in range(40)]
    for name in names:
        made = docker.create_container("alpine:3", ["true"], name=name, labels={"pad": "x" * 3000})
        assert made["Id"]
    listed = client.containers(all="true")
    assert [item["name"] for item in listed] == names[::-1]
    assert all(item["Config"]["Labels"]["pad"] == "x" * 3000 for item in listed)


def test_large_document(client, docker):
    """An inspect document of some hundred kilobytes passes whole."""
    variables = {f"V{number}": "x" * 1000 for number in range(300)}
    docker.create_container("alpine:3", ["true"], name="large", environment=variables)
    item = client.get("/containers/large").json()
    assert item["name"] == "large"


def test_removed_while_listing(client, docker):
    """A container that goes away while the list is made is left out, and the list succeeds."""
    for number in range(5):
        client.started(name=f"brief-{number}", command=["true"], auto_remove=True)
        client.containers(all="true")


def test_by_prefix_and_name(client):
    """A container answers to its id, an unambiguous prefix and its name."""
    made = client.started(name="called")
    for reference in (made["id"], made["id"][:12], made["id"][:6], "called"):
        assert client.get(f"/containers/{reference}").json()["id"] == made["id"], reference


@pytest.mark.parametrize("reference", ["missing", "0" * 64, "ffffffffffff"])
def test_missing(client, reference):
    """No such container is a 404."""
    assert_error(client.get(f"/containers/{reference}"), 404, "not_found")


@pytest.mark.parametrize(
    "reference",
    ["-x", "a%20b", "%2e%2e", "a%2Fb", "a%00", "a%0d%0ab", "x" * 129, "a%3Fx=1", "..%2f..%2finfo", "%5c"],
)
def test_malformed_reference(client, reference):
    """What cannot be a container's name is refused, and never becomes part of an Engine path."""
    url = f"{client.api}/containers/{reference}"
    prepared = client.session.prepare_request(requests.Request("GET", url))
    prepared.url = url  # as it is: requests would tidy the dots away
    response = client.session.send(prepared, timeout=10)
    assert response.status_code in (400, 404), response.text


def test_health(service):
    """health, livez and readyz answer without a token, and health is cached, constant text."""
    anonymous = Client(service.url, None)
    health = anonymous.get("/health").json()
    assert health["status"] in ("healthy", "degraded")
    assert {"docker", "disk"} <= set(health["checks"])
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", health["timestamp"])
    assert anonymous.get("/livez").status_code == 200
    assert anonymous.get("/readyz").status_code == 200
    garbage = Client(service.url, "garbage")
    assert garbage.get("/health").json()["checks"] == health["checks"]
