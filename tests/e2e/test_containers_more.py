# SPDX-License-Identifier: Apache-2.0
"""Wait, stats, rename."""

import contextlib
import threading

import pytest
import requests

from harness.client import assert_error
from harness.http_bytes import RawConnection, request
from harness.proxy import is_wait
from harness.wait import wait_for

GONE = 5  # seconds on a busy machine for what takes less than one


@pytest.fixture
def others(service):
    """Clients of a service that does not see our containers, and of one that sees but may not manage."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(service.client(name))) for name in ("tenant_b", "onlooker")]


def name_of(docker, container):
    return docker.inspect_container(container)["Name"].lstrip("/")


# --- wait ------------------------------------------------------------------------------------------


def test_wait(client, docker):
    """The answer comes when the container ends, with its exit code; for an ended one at once."""
    made = client.started(command=["sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 7"])["id"]
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.post(f"/containers/{made}/wait")))
    waiting.start()
    waiting.join(1)
    assert not answers and docker.inspect_container(made)["State"]["Running"]
    docker.exec_start(docker.exec_create(made, ["touch", "/tmp/end"])["Id"])
    waiting.join(30)
    for answer in (*answers, client.post(f"/containers/{made}/wait", {})):
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"status": "success", "exit_code": 7}
    assert docker.inspect_container(made)["State"]["ExitCode"] == 7


def test_wait_killed(client, docker):
    """A container that is killed and removed answers as well."""
    made = client.started()["id"]
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(client.post(f"/containers/{made[:12]}/wait")))
    waiting.start()
    docker.remove_container(made, force=True)
    waiting.join(30)
    # The removal may come before the wait has begun.
    assert answers[0].status_code in (200, 404), answers[0].text
    if answers[0].status_code == 200:
        assert answers[0].json()["exit_code"] == 137


def test_wait_refused(client, others, docker):
    """Missing, invisible, malformed; who only sees a container may wait for it."""
    assert_error(client.post("/containers/missing/wait"), 404, "not_found")
    made = client.started(command=["true"])["id"]
    tenant, onlooker = others
    assert_error(tenant.post(f"/containers/{made}/wait"), 404, "not_found")
    assert onlooker.post(f"/containers/{made}/wait").json()["exit_code"] == 0
    assert_error(client.post(f"/containers/{made}/wait", {"condition": "removed"}), 400, mentions="condition")
    assert_error(client.post(f"/containers/{made}/wait?condition=removed"), 400, mentions="condition")
    assert_error(client.get(f"/containers/{made}/wait"), 405)


def test_wait_abandoned(start_service, own_proxy, docker):
    """A client that leaves, or says that it sends no more, ends the Engine's part of the wait."""
    service = start_service(docker_socket=own_proxy.path)
    with contextlib.closing(service.client()) as client:
        made = client.started()["id"]
        bearer = ("Authorization", f"Bearer {service.token()}")
        for how in ("close", "shutdown"):
            with RawConnection(service.port) as connection:
                connection.send(request("POST", f"/api/v1/containers/{made}/wait", [bearer]))
                wait_for(lambda: own_proxy.open_for(is_wait), 10)
                getattr(connection.socket, how)(*([1] if how == "shutdown" else []))
                wait_for(lambda: not own_proxy.open_for(is_wait), GONE, f"the end after {how}")
        with pytest.raises(requests.ReadTimeout):
            client.post(f"/containers/{made}/wait", timeout=0.5)
        wait_for(lambda: not own_proxy.open_for(is_wait), GONE)
    assert docker.inspect_container(made)["State"]["Running"]


def test_waits_leave_room(service, client, docker):
    """More waits than a service has places for short work: everything else is answered."""
    made = client.started()["id"]
    bearer = ("Authorization", f"Bearer {service.token()}")
    with contextlib.ExitStack() as stack:
        for number in range(100):
            waiting = stack.enter_context(RawConnection(service.port, source=f"127.0.0.{2 + number // 50}"))
            waiting.send(request("POST", f"/api/v1/containers/{made}/wait", [bearer]))
        assert len(client.containers()) == 1
        other = client.started()["id"]
        assert client.post(f"/containers/{other}/stop", {"timeout": 0}).status_code == 200


# --- stats -----------------------------------------------------------------------------------------


def test_stats(client, docker):
    """One snapshot of a running container: the Engine's own document."""
    made = client.started(mem_limit="64m")["id"]
    response = client.get(f"/containers/{made}/stats")
    assert response.status_code == 200
    assert set(response.json()) == {"status", "stats"}
    stats, witness = response.json()["stats"], docker.stats(made, stream=False)
    assert set(stats) == set(witness)
    assert stats["id"] == made
    assert stats["pids_stats"]["current"] == witness["pids_stats"]["current"] > 0
    # Two samples, so that the use of the processor can be told.
    assert stats["cpu_stats"]["system_cpu_usage"] > stats["precpu_stats"]["system_cpu_usage"] > 0


def test_stats_ended(client, docker):
    """A container that has ended uses nothing."""
    made = client.started(command=["true"], detach=False)["id"]
    response = client.get(f"/containers/{made}/stats")
    assert response.status_code == 200
    assert not response.json()["stats"]["pids_stats"]


def test_stats_refused(client, others, docker):
    """Missing and invisible; who only sees a container may ask."""
    assert_error(client.get("/containers/missing/stats"), 404, "not_found")
    made = client.started()["id"]
    tenant, onlooker = others
    assert_error(tenant.get(f"/containers/{made}/stats"), 404, "not_found")
    assert onlooker.get(f"/containers/{made}/stats").status_code == 200
    assert_error(client.post(f"/containers/{made}/stats"), 405)


# --- rename ----------------------------------------------------------------------------------------


def test_rename(client, docker):
    """The container has the new name, stays ours, and goes by it from then on."""
    made = client.started(name="before")["id"]
    response = client.post("/containers/before/rename?new_name=after")
    assert response.status_code == 200, response.text
    assert response.json()["status"] == "success" and "after" in response.json()["message"]
    assert name_of(docker, made) == "after"
    assert_error(client.get("/containers/before"), 404)
    assert client.post("/containers/after/stop", {"timeout": 0}).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "", "?new_name=", "?new_name=a", "?new_name=a%20b", "?new_name=a/b", "?new_name=..", "?new_name=-a",
        "?new_name=" + "a" * 64, "?new_name=" + "f" * 12, "?new_name=" + "0" * 63, "?new_name=a%00b",
        "?new_name=new&new_name=new", "?new_name=new&x=1", "?name=new",
    ],
)  # fmt: skip
def test_bad_name(client, docker, query):
    """What is no name of a container, or looks like an id, is refused."""
    made = client.started(name="before")["id"]
    assert_error(client.post(f"/containers/before/rename{query}"), 400)
    assert name_of(docker, made) == "before"


def test_name_taken(client, docker):
    """A name that another has is a conflict; both keep theirs."""
    made, other = client.started(name="one")["id"], client.started(name="two")["id"]
    assert_error(client.post("/containers/one/rename?new_name=two"), 409, "conflict", "already exists")
    assert (name_of(docker, made), name_of(docker, other)) == ("one", "two")


def test_rename_foreign(client, others, docker):
    """Another's container keeps its name."""
    made = client.started(name="mine")["id"]
    for other, status in zip(others, (404, 403), strict=True):
        assert_error(other.post(f"/containers/{made}/rename?new_name=theirs"), status)
    assert_error(client.post("/containers/missing/rename?new_name=theirs"), 404, "not_found")
    assert name_of(docker, made) == "mine"
