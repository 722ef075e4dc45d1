# SPDX-License-Identifier: Apache-2.0
"""Who sees and who may touch a container."""

import contextlib

import pytest

from harness.client import assert_error

VERBS = ["stop", "start", "restart", "remove"]


@pytest.fixture
def tenants(service):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(service.client(f"tenant_{x}"))) for x in "ab"]


@pytest.fixture
def foreign(docker):
    """A container that some other tool made."""
    made = docker.create_container(
        "alpine:3", ["sleep", "1000"], name="foreign", environment={"SECRET_TOKEN": "hunter2"}
    )
    docker.start(made)
    return made["Id"]


def running(docker, container):
    return docker.inspect_container(container)["State"]["Running"]


def test_invisible_is_missing(tenants, docker):
    """With visible = "owned", another's container is the same 404 as one that does not exist."""
    a, b = tenants
    made = a.started(name="mine")
    for reference in (made["id"], made["id"][:12], "mine"):
        missing = b.get(f"/containers/{'0' * 64}")
        hidden = b.get(f"/containers/{reference}")
        assert (hidden.status_code, hidden.json()) == (missing.status_code, missing.json())
    for verb in VERBS:
        assert_error(b.post(f"/containers/{made['id']}/{verb}"), 404, "not_found")
    assert b.containers(all="true") == []
    assert [item["id"] for item in a.containers()] == [made["id"]]
    assert running(docker, made["id"])


def test_foreign_is_missing(tenants, foreign, docker):
    """What other tools made is invisible too with visible = "owned"."""
    client = tenants[0]
    assert client.containers(all="true") == []
    assert_error(client.get("/containers/foreign"), 404, "not_found")
    for verb in VERBS:
        assert_error(client.post(f"/containers/{foreign}/{verb}"), 404, "not_found")
    assert running(docker, foreign)


def test_foreign_environment_is_masked(client, foreign):
    """With visible = "all" a foreign container is shown, the values of its environment are not."""
    for item in (client.get("/containers/foreign"), client.get("/containers")):
        assert item.status_code == 200
        assert "hunter2" not in item.text
    shown = client.get("/containers/foreign").json()
    assert shown["id"] == foreign
    for values in (shown["environment"], shown["Config"]["Env"], shown["attrs"]["Config"]["Env"]):
        assert any(value.startswith("SECRET_TOKEN=") for value in values), values


def test_anothers_environment_is_masked(client, tenants):
    """The same for a container of another service."""
    made = tenants[0].started(environment={"KEY": "hunter2"})
    assert "hunter2" not in client.get(f"/containers/{made['id']}").text
    assert "hunter2" in tenants[0].get(f"/containers/{made['id']}").text


def test_manage_by_image(client, foreign, docker):
    """manage = ["image-allowed"] reaches foreign containers of an allowed image."""
    assert client.post(f"/containers/{foreign}/stop", {"timeout": 0}).status_code == 200
    assert not running(docker, foreign)
    assert client.post(f"/containers/{foreign}/remove").status_code == 200
    assert docker.containers(all=True) == []


def test_manage_by_image_not_listed(service, foreign, docker):
    """... and no container of another image."""
    client = service.client("onlooker")
    assert client.get(f"/containers/{foreign}").status_code == 200
    for verb in VERBS:
        response = client.post(f"/containers/{foreign}/{verb}")
        assert response.status_code in (400, 403, 404), response.text
    assert running(docker, foreign)


def test_manage_anothers(client, tenants, docker):
    """A container that another service provably owns is not managed, whatever its image."""
    made = tenants[0].started()
    for verb in VERBS:
        response = client.post(f"/containers/{made['id']}/{verb}")
        assert response.status_code in (400, 403, 404), response.text
    assert running(docker, made["id"])


@pytest.mark.parametrize("copied", [("owner",), ("owner", "nonce"), ("owner", "nonce", "proof")])
def test_claimed_is_not_owned(tenants, docker, copied):
    """Labels that claim an owner prove nothing, not even copied from a real container of another
    image."""
    client = tenants[0]
    made = client.started()
    real = docker.inspect_container(made["id"])["Config"]["Labels"]
    labels = {f"docker-control.{name}": real[f"docker-control.{name}"] for name in copied}
    other = docker.create_container("tenstorrent/model:latest", ["sleep", "9"], labels=labels)["Id"]
    assert_error(client.get(f"/containers/{other}"), 404, "not_found")
    assert_error(client.post(f"/containers/{other}/remove"), 404, "not_found")
    assert [item["id"] for item in client.containers(all="true")] == [made["id"]]


def test_anothers_proof_under_my_name(tenants, docker):
    """Another's nonce and proof do not hold for a changed owner."""
    a, b = tenants
    real = docker.inspect_container(a.started()["id"])["Config"]["Labels"]
    ours = {key: value for key, value in real.items() if key.startswith("docker-control.")}
    forged = {**ours, "docker-control.owner": "tenant_b"}
    docker.create_container("alpine:3", ["true"], labels=forged, name="forged")
    assert b.containers(all="true") == []
    assert_error(b.post("/containers/forged/remove"), 404, "not_found")


def test_proof_is_never_shown(client, docker):
    """The proof label stays between broker and Engine."""
    made = client.started(name="proven")
    proof = docker.inspect_container(made["id"])["Config"]["Labels"]["docker-control.proof"]
    assert len(proof) >= 32
    for path in ("/containers", "/containers/proven"):
        text = client.get(path).text
        assert proof not in text and "docker-control.proof" not in text, path
        assert "docker-control.owner" in text


def test_known_again_after_a_restart(start_service, docker):
    """After a restart with the same instance key the owner still holds its containers."""
    service = start_service()
    made = service.client("tenant_a").started(name="kept")
    service.terminate()
    service.start()
    client = service.client("tenant_a")
    assert [item["id"] for item in client.containers()] == [made["id"]]
    assert client.post("/containers/kept/remove?force=true").status_code == 200
    assert docker.containers(all=True) == []


def test_another_instance_does_not_know(start_service, tenants):
    """An installation with another instance key does not."""
    made = tenants[0].started()
    other = start_service().client("tenant_a")
    assert_error(other.get(f"/containers/{made['id']}"), 404, "not_found")


def test_name_like_an_id(tenants, docker):
    """A foreign container named like the beginning of my id does not stand in for mine."""
    client = tenants[0]
    made = client.started()
    docker.create_container("alpine:3", ["true"], name=made["id"][:12])
    response = client.post(f"/containers/{made['id'][:12]}/remove?force=true")
    assert response.status_code in (200, 404, 409)
    names = {item["Names"][0] for item in docker.containers(all=True)}
    assert f"/{made['id'][:12]}" in names
