# SPDX-License-Identifier: Apache-2.0
"""Stop, start, restart, remove."""

import time

import pytest

from harness.client import assert_error

SUCCESS = {"status": "success"}


def state(docker, container):
    return docker.inspect_container(container)["State"]


def test_stop(client, docker):
    """A running container is stopped; with an init process at once."""
    made = client.started()
    response = client.post(f"/containers/{made['id']}/stop", {"timeout": 10})
    assert (response.status_code, response.json()) == (200, SUCCESS)
    assert not state(docker, made["id"])["Running"]


def test_stop_timeout(client, docker):
    """A container that ignores SIGTERM is killed after the timeout, no sooner and not much later."""
    made = client.started(command=["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    start = time.monotonic()
    assert client.post(f"/containers/{made['id']}/stop", {"timeout": 1}).status_code == 200
    assert 0.9 < time.monotonic() - start < 8
    assert state(docker, made["id"])["ExitCode"] == 137


def test_stop_twice(client):
    """A container that is stopped already counts as success."""
    made = client.started()
    for _ in range(2):
        response = client.post(f"/containers/{made['id']}/stop", {"timeout": 1})
        assert (response.status_code, response.json()) == (200, SUCCESS)


@pytest.mark.parametrize("timeout", [-1, 301, 1.5, "10", True, [], 1e20])
def test_bad_timeout(client, docker, timeout):
    """A timeout outside 0 to 300 whole seconds is refused; the container runs on."""
    made = client.started()
    for verb in ("stop", "restart"):
        assert_error(client.post(f"/containers/{made['id']}/{verb}", {"timeout": timeout}), 400)
    assert state(docker, made["id"])["Running"]


def test_start(client, docker):
    """A stopped container starts again; starting a running one is success."""
    made = client.started()
    client.post(f"/containers/{made['id']}/stop", {"timeout": 1})
    for _ in range(2):
        response = client.post(f"/containers/{made['id']}/start")
        assert (response.status_code, response.json()) == (200, SUCCESS)
        assert state(docker, made["id"])["Running"]


def test_restart(client, docker):
    """A restarted container has a new process."""
    made = client.started()
    before = state(docker, made["id"])["Pid"]
    response = client.post(f"/containers/{made['id']}/restart", {"timeout": 1})
    assert (response.status_code, response.json()) == (200, SUCCESS)
    after = state(docker, made["id"])
    assert after["Running"] and after["Pid"] != before


def test_remove(client, docker):
    """A stopped container is removed."""
    made = client.started(command=["true"], detach=False)
    response = client.post(f"/containers/{made['id']}/remove")
    assert (response.status_code, response.json()) == (200, SUCCESS)
    assert docker.containers(all=True) == []


def test_remove_running(client, docker):
    """A running container is not removed without force."""
    made = client.started()
    assert_error(client.post(f"/containers/{made['id']}/remove"), 409, "conflict")
    assert state(docker, made["id"])["Running"]


@pytest.mark.parametrize(
    "query, body",
    [
        ("?force=true", None),
        ("", {"force": True}),
        ("?force=true", {"force": True}),
        ("?force=True", {"force": True, "v": True}),
        ("?force=1", {"v": False}),
    ],
)
def test_force(client, docker, query, body):
    """force by query, as the live server reads it, and by body, as the live client sends it."""
    made = client.started()
    assert client.post(f"/containers/{made['id']}/remove{query}", body).status_code == 200
    assert docker.containers(all=True) == []


@pytest.mark.parametrize(
    "query, body", [("?force=true", {"force": False}), ("?force=false", {"force": True})]
)
def test_force_disagrees(client, docker, query, body):
    """Two places that disagree are refused."""
    made = client.started()
    assert_error(client.post(f"/containers/{made['id']}/remove{query}", body), 400)
    assert state(docker, made["id"])["Running"]


@pytest.mark.parametrize("verb", ["stop", "start", "restart", "remove"])
def test_missing(client, verb):
    """No such container is a 404 for every verb."""
    assert_error(client.post(f"/containers/missing/{verb}"), 404, "not_found")


@pytest.mark.parametrize("verb", ["stop", "start", "restart", "remove"])
def test_unknown_member(client, docker, verb):
    """An unknown member of the body is refused by name."""
    made = client.started()
    response = client.post(f"/containers/{made['id']}/{verb}", {"signal": "KILL"})
    assert_error(response, 400, mentions="signal")
    assert state(docker, made["id"])["Running"]


@pytest.mark.parametrize("verb", ["stop", "restart", "remove"])
def test_by_name_and_prefix(client, docker, verb):
    """Verbs take names and prefixes as well as ids."""
    for number, shorten in enumerate((lambda m: m["name"], lambda m: m["id"][:12])):
        made = client.started(name=f"called-{number}")
        if verb == "remove":
            docker.stop(made["id"], timeout=0)
        body = None if verb == "remove" else {"timeout": 1}
        assert client.post(f"/containers/{shorten(made)}/{verb}", body).status_code == 200


def test_ambiguous_prefix(client, docker):
    """A prefix that fits two containers moves neither."""
    ids = []
    while True:
        ids.append(docker.create_container("alpine:3", ["true"])["Id"])
        firsts = [container_id[0] for container_id in ids]
        if len(set(firsts)) < len(firsts):
            break
    shared = next(first for first in firsts if firsts.count(first) > 1)
    response = client.post(f"/containers/{shared}/remove")
    assert response.status_code in (400, 404, 409), response.text
    assert len(docker.containers(all=True)) == len(ids)
