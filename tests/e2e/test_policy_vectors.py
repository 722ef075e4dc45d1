# SPDX-License-Identifier: Apache-2.0
"""What /policy/explain says of a run and what becomes of it are one thing, for every row of the shared vectors.

The front's own check is off, so that it is the broker that decides."""

import contextlib

import pytest

from harness.audit import FailedRuns
from harness.client import assert_error
from harness.engine import import_image
from harness.vectors import IMAGE, VECTORS, named_places, policy_of

STATUS = {"scope_denied": 403, "conflict": 409}  # of a refusal; any other is 400

# Rows that the policy allows and that yet need not run on every host: the answer where they do not, and why.
LACKING = {
    "GPUs": (409, "conflict", "GPU"),  # the Engine has no driver of GPUs
    "ulimit without an end where listed": (409, "conflict", "over what the host grants"),  # root itself is bounded
    "group": (400, "invalid_request", "does not exist in the image"),  # these tests' image has no group "video"
}


@pytest.fixture
def image(docker):
    import_image(docker, IMAGE)
    yield
    docker.remove_image(IMAGE, force=True)


@pytest.fixture
def places():
    with named_places():
        yield


@pytest.fixture
def volume(docker):
    """The volume that one row has made."""
    yield
    docker.remove_volume("cache1")


def check_refused(row, told, response, docker, failures):
    """The run is refused in the very words of explain, audited with its rule, and nothing is made."""
    body = assert_error(response, STATUS.get(row["expect"], 400), code=row["expect"])
    assert body == {key: told[key] for key in ("detail", "code", "hint") if key in told}, row["name"]
    line = failures.next(row["expect"])
    assert line["decision"] == "deny", line
    assert (line.get("rule"), line.get("wanted")) == (row.get("rule"), row.get("wanted")), row["name"]
    assert docker.containers(all=True) == [], row["name"]


def check_allowed(row, response, docker):
    """The container is made, or the host or the Engine lacks what LACKING names."""
    if response.status_code != 200:
        assert row["name"] in LACKING, (row["name"], response.text)
        status, code, said = LACKING[row["name"]]
        assert_error(response, status, code=code, mentions=said)
        assert docker.containers(all=True) == [], row["name"]
        return
    (made,) = docker.containers(all=True)
    assert made["Id"] == response.json()["id"], row["name"]
    docker.remove_container(made["Id"], force=True)


@pytest.mark.timeout(400)  # hundreds of requests, dozens of containers
def test_explained_and_run(start_service, docker, image, places, volume):
    """Every row is explained as the table says, and the broker does as explained."""
    service = start_service(policy=policy_of(VECTORS), front_policy_check=False)
    failures = FailedRuns(service)
    with contextlib.ExitStack() as stack:
        clients = {name: stack.enter_context(contextlib.closing(service.client(name))) for name in VECTORS["profiles"]}
        for row in VECTORS["vectors"]:
            client, request = clients[row["profile"]], row["request"]
            answer = client.post("/policy/explain", {"operation": "containers.run", "request": request})
            assert answer.status_code == 200, (row["name"], answer.text)
            told = answer.json()
            assert told["verdict"] == ("allowed" if row["expect"] == "allowed" else "refused"), row["name"]
            assert told.get("code", "allowed") == row["expect"], (row["name"], told)
            assert (told.get("rule"), told.get("wanted")) == (row.get("rule"), row.get("wanted")), row["name"]
            failures.skip()
            response = client.post("/containers/run", request)
            if row["expect"] == "allowed":
                check_allowed(row, response, docker)
            else:
                check_refused(row, told, response, docker, failures)
