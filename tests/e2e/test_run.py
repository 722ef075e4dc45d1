# SPDX-License-Identifier: Apache-2.0
"""A run as a transaction: pulls, exits, conflicts, and what is left behind."""

import contextlib
import socket
import threading

import pytest

from harness.client import assert_error
from harness.policies import PORTS
from harness.wait import wait_for


def test_wait_for_the_end(client, docker):
    """detach=false answers with the exit code and both output streams."""
    answer = client.started(command=["sh", "-c", "echo out; echo err >&2; exit 3"], detach=False)
    assert answer["status"] == "success"
    assert answer["exit_code"] == 3
    assert "out\n" in answer["logs"] and "err\n" in answer["logs"]
    assert docker.inspect_container(answer["id"])["State"]["ExitCode"] == 3


def test_wait_without_output(client):
    """A run that prints nothing has empty logs."""
    answer = client.started(command=["true"], detach=False)
    assert (answer["exit_code"], answer["logs"]) == (0, "")


def test_output_is_data(client):
    """Output that is not text, or looks like JSON, arrives as a string."""
    answer = client.started(command=["printf", '"}\\n\\033[1m\\377\\000x'], detach=False)
    assert answer["logs"].startswith('"}\n\x1b[1m')
    assert answer["logs"].endswith("x")


def test_much_output(client):
    """A run that prints without end costs a bounded answer."""
    answer = client.started(command=["sh", "-c", "yes | head -c 3000000"], detach=False)
    assert answer["exit_code"] == 0
    assert 0 < len(answer["logs"]) < 1_000_000


def test_auto_remove(client, docker):
    """auto_remove leaves nothing once the command has ended."""
    client.started(command=["true"], auto_remove=True)
    wait_for(lambda: docker.containers(all=True) == [], what="the automatic removal")


def test_auto_remove_and_wait(client, docker):
    """auto_remove with detach=false still answers with exit code and logs."""
    answer = client.started(command=["sh", "-c", "echo hi; exit 4"], auto_remove=True, detach=False)
    assert (answer["exit_code"], answer["logs"]) == (4, "hi\n")
    wait_for(lambda: docker.containers(all=True) == [], what="the automatic removal")


def test_port_in_use(client, docker):
    """A host port that is taken is a conflict, and the half-made container is gone."""
    with contextlib.closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", PORTS[40]))
        taken.listen()
        response = client.run(name="late", ports={"80/tcp": PORTS[40]})
        assert_error(response, 409, "conflict")
    assert docker.containers(all=True) == []
    client.started(name="late", ports={"80/tcp": PORTS[40]})


@pytest.mark.parametrize("auto_remove", [False, True])
def test_command_that_cannot_start(client, docker, auto_remove):
    """A start that the Engine refuses leaves nothing, whoever removes it first."""
    response = client.run(name="broken", command=["/no/such/program"], auto_remove=auto_remove)
    assert response.status_code in (400, 502), response.text
    wait_for(lambda: docker.containers(all=True) == [], what="the roll-back")
    client.started(name="broken")


def test_name_taken(client, docker):
    """A taken name is a conflict, and the container that has it is untouched."""
    first = client.started(name="one")
    assert_error(client.run(name="one"), 409, "conflict")
    listed = docker.containers(all=True)
    assert [item["Id"] for item in listed] == [first["id"]]
    assert listed[0]["State"] == "running"


def test_same_name_at_once(service, docker):
    """Of ten runs with one name at the same time exactly one wins."""
    statuses = []

    def run():
        with contextlib.closing(service.client()) as client:
            statuses.append(client.run(name="contested").status_code)

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 9
    assert len(docker.containers(all=True)) == 1


def test_missing_network(client, docker):
    """A network that the policy allows and the Engine does not have is a 404."""
    assert_error(client.run(network="tt_studio_network"), 404, "not_found")
    assert docker.containers(all=True) == []


def test_missing_image_is_pulled(client, docker, registry):
    """An image that is not there is pulled first."""
    image = registry.publish(docker, "library/pulled", "1")
    assert not docker.images(image)
    answer = client.started(image=image)
    assert docker.inspect_container(answer["id"])["State"]["Running"]
    assert docker.images(image)
    docker.remove_container(answer["id"], force=True)
    docker.remove_image(image)


def test_unknown_image(client, docker, registry):
    """An image that the registry does not know is a 404."""
    assert_error(client.run(image=f"{registry.host}/library/nothing:1"), 404, "not_found")
    assert docker.containers(all=True) == []


def test_what_is_pulled_is_limited_too(client, docker, registry):
    """A pulled image gets the same limits and owner labels as any other."""
    image = registry.publish(docker, "library/limited", "1")
    seen = docker.inspect_container(client.started(image=image)["id"])
    assert seen["HostConfig"]["Memory"] > 0
    assert seen["Config"]["Labels"]["docker-control.owner"] == "tt_studio_backend"
    docker.remove_container(seen["Id"], force=True)
    docker.remove_image(image)


def test_labels_of_an_image_prove_nothing(client, service, docker):
    """An image that bakes in our labels does not make its containers look owned by another."""
    made = docker.create_container("alpine:3", ["true"])["Id"]
    forged = {"docker-control.owner": "tenant_a", "docker-control.proof": "0" * 64}
    lines = [f'LABEL {key}="{value}"' for key, value in forged.items()]
    docker.commit(made, repository="tenstorrent/forged", tag="1", changes=lines)
    docker.remove_container(made)
    answer = client.started(image="tenstorrent/forged:1")
    labels = docker.inspect_container(answer["id"])["Config"]["Labels"]
    assert labels["docker-control.owner"] == "tt_studio_backend"
    assert labels["docker-control.proof"] != "0" * 64
    assert service.client("tenant_a").get(f"/containers/{answer['id']}").status_code == 404
    docker.remove_container(answer["id"], force=True)
    docker.remove_image("tenstorrent/forged:1")
