# SPDX-License-Identifier: Apache-2.0
"""Containers that others made and that a profile adopts, and what cannot make a container one's own:
labels in an image, and a name that was somebody else's."""

import contextlib

import pytest

from harness.client import assert_error
from harness.engine import import_image
from harness.wait import wait_for

POLICY = """\
[service.tt_studio_backend]
scopes   = ["containers:*"]
images   = ["tenstorrent/"]
networks = ["bridge"]
visible  = "owned"
adopt    = [
  {name = "tt-*", image = "alpine:"},
  {name = "exactly-this"},
  {image = "ghcr.io/tenstorrent/x:1"},
]

[service.other]
scopes   = ["containers:*"]
images   = ["alpine:", "forged/"]
networks = ["bridge"]
"""
VERBS = ["stop", "start", "restart", "rename?new_name=taken-over", "remove?force=true"]

# Who: name, image, adopted or not.
FOREIGN = [
    ("tt-one", "alpine:3", True),
    ("tt-", "alpine:latest", True),
    ("exactly-this", "tenstorrent/model:latest", True),
    ("any-name", "ghcr.io/tenstorrent/x:1", True),
    ("tt-one", "tenstorrent/model:latest", False),
    ("xtt-one", "alpine:3", False),
    ("TT-one", "alpine:3", False),
    ("exactly-this2", "alpine:3", False),
    ("nothing-of-it", "tenstorrent/model:latest", False),
]


@pytest.fixture(scope="module")
def service(service_maker):
    made = service_maker(policy=POLICY)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def client(service):
    with contextlib.closing(service.client()) as client:
        yield client


@pytest.fixture
def other(service):
    with contextlib.closing(service.client("other")) as other:
        yield other


def foreign(docker, name, image="alpine:3", **options):
    host = docker.create_host_config(init=True)
    made = docker.create_container(
        image, ["sleep", "1000"], name=name, environment={"TOKEN": "hunter2"}, host_config=host, **options
    )
    docker.start(made)
    return made["Id"]


@pytest.mark.parametrize("name, image, adopted", FOREIGN)
def test_rules(client, docker, name, image, adopted):
    made = foreign(docker, name, image)
    seen = client.get(f"/containers/{made}")
    if not adopted:
        assert_error(seen, 404, "not_found")
        for verb in VERBS:
            assert_error(client.post(f"/containers/{made}/{verb}"), 404, "not_found")
        assert docker.inspect_container(made)["State"]["Running"]
        return
    assert seen.status_code == 200 and "hunter2" not in seen.text  # adopted is not made
    assert [item["id"] for item in client.containers()] == [made]
    assert client.post(f"/containers/{made}/stop", {"timeout": 0}).status_code == 200
    assert not docker.inspect_container(made)["State"]["Running"]
    assert client.post(f"/containers/{made}/start").status_code == 200
    assert client.get(f"/containers/{made}/logs?follow=false").status_code == 200
    assert client.post(f"/containers/{made}/remove", {"force": True}).status_code == 200
    assert docker.containers(all=True) == []


def test_a_services_own_is_not_adopted(client, other, docker):
    """What another service has proven its own is its own, whatever it is called."""
    made = other.started(name="tt-theirs")
    assert_error(client.get("/containers/tt-theirs"), 404, "not_found")
    for verb in VERBS:
        assert_error(client.post(f"/containers/tt-theirs/{verb}"), 404, "not_found")
    assert docker.inspect_container(made["id"])["State"]["Running"]


def test_a_new_name_does_not_adopt(client, other, docker):
    """A service cannot rename its way to what it may not touch: the rule is asked of the name of now."""
    made = foreign(docker, "elsewhere")
    assert_error(client.post(f"/containers/{made}/rename?new_name=tt-mine"), 404, "not_found")
    docker.rename(made, "tt-mine")
    assert client.get(f"/containers/{made}").status_code == 200
    docker.rename(made, "elsewhere")
    assert_error(client.post(f"/containers/{made}/stop"), 404, "not_found")
    assert docker.inspect_container(made)["State"]["Running"]


def test_labels_in_an_image_change_nothing(client, other, docker):
    """An image that brings the labels of a real container: what is made of it is its maker's alone."""
    real = docker.inspect_container(client.started(image="tenstorrent/model", name="real")["id"])
    labels = {key: value for key, value in real["Config"]["Labels"].items() if key.startswith("docker-control.")}
    assert len(labels) >= 3
    import_image(docker, "forged/base:1", marker=b"forged")
    forger = docker.create_container("forged/base:1", ["true"], labels=labels)
    docker.commit(forger["Id"], repository="forged/image", tag="1")
    docker.remove_container(forger["Id"])
    try:
        made = other.started(image="forged/image:1", name="forged")
        now = docker.inspect_container(made["id"])["Config"]["Labels"]
        assert now["docker-control.owner"] == "other"
        assert all(now[key] != labels[key] for key in ("docker-control.nonce", "docker-control.proof"))
        assert_error(client.get("/containers/forged"), 404, "not_found")
        bare = foreign(docker, "bare", "forged/image:1")
        assert docker.inspect_container(bare)["Config"]["Labels"]["docker-control.proof"] == labels["docker-control.proof"]
        for caller in (client, other):
            assert_error(caller.post("/containers/bare/stop"), 404, "not_found")
        assert docker.inspect_container(bare)["State"]["Running"]
    finally:
        for container in docker.containers(all=True):
            docker.remove_container(container["Id"], force=True)
        for image in ("forged/image:1", "forged/base:1"):
            docker.remove_image(image, force=True)


def test_a_recycled_name(client, other, docker):
    """A name is asked of the Engine each time: what was mine under it gives no right over what is."""
    client.started(image="tenstorrent/model", name="recycled")
    assert client.get("/containers/recycled").status_code == 200
    assert client.post("/containers/recycled/remove", {"force": True}).status_code == 200
    theirs = other.started(name="recycled")
    for verb in VERBS:
        assert_error(client.post(f"/containers/recycled/{verb}"), 404, "not_found")
    assert docker.inspect_container(theirs["id"])["State"]["Running"]


def test_a_container_named_like_the_id_of_mine(client, docker):
    """A short id of mine that is another's name means the other's, which is not mine to touch."""
    mine = client.started(image="tenstorrent/model")["id"]
    theirs = foreign(docker, mine[:12])
    for verb in VERBS:
        assert_error(client.post(f"/containers/{mine[:12]}/{verb}"), 404, "not_found")
    for container in (mine, theirs):
        assert docker.inspect_container(container)["State"]["Running"]
    assert client.post(f"/containers/{mine}/stop", {"timeout": 0}).status_code == 200
    wait_for(lambda: not docker.inspect_container(mine)["State"]["Running"], 5, "mine to end")
    assert docker.inspect_container(theirs)["State"]["Running"]
