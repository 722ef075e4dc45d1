# SPDX-License-Identifier: Apache-2.0
"""The broker dies between two steps of a run."""

import contextlib
import threading

import requests
from docker.errors import APIError

from harness.proxy import is_create, is_start
from harness.wait import wait_for


def run_until_held(service, hold, **fields):
    def run():
        with contextlib.suppress(requests.RequestException), contextlib.closing(service.client()) as client:
            client.run(**fields)

    thread = threading.Thread(target=run)
    thread.start()
    assert hold.caught.wait(20)
    return thread


def test_between_create_and_start(start_service, own_proxy, docker):
    """The container that was made and never started is gone after the restart."""
    service = start_service(docker_socket=own_proxy.path)
    hold = own_proxy.hold(is_start)
    thread = run_until_held(service, hold, name="half")
    assert docker.inspect_container("half")["State"]["Status"] == "created"
    service.kill_broker()
    hold.drop()
    thread.join(10)
    own_proxy.clear()
    service.start()
    wait_for(lambda: docker.containers(all=True) == [], 10, "the sweep")
    assert service.client().run(name="half").status_code == 200


def test_before_create(start_service, own_proxy, docker):
    """A create that the Engine never saw leaves nothing."""
    service = start_service(docker_socket=own_proxy.path)
    hold = own_proxy.hold(is_create)
    thread = run_until_held(service, hold, name="half")
    service.kill_broker()
    hold.drop()
    thread.join(10)
    assert docker.containers(all=True) == []


def test_the_sweep_spares_the_rest(start_service, own_proxy, docker, service):
    """Stopped containers, another installation's, and containers of other tools survive the sweep."""
    own = start_service(docker_socket=own_proxy.path)
    own.client().started(name="ended", command=["true"], detach=False)
    own.client().started(name="running")
    service.client().started(name="others", command=["true"], detach=False)
    docker.create_container("alpine:3", ["true"], name="foreign")
    hold = own_proxy.hold(is_start)
    thread = run_until_held(own, hold, name="half")
    own.kill_broker()
    hold.drop()
    thread.join(10)
    own_proxy.clear()
    own.start()
    expected = {"/ended", "/running", "/others", "/foreign"}
    wait_for(
        lambda: {item["Names"][0] for item in docker.containers(all=True)} == expected, 10, "the sweep"
    )
    assert docker.inspect_container("running")["State"]["Running"]


def test_killed_while_running_containers(start_service, docker):
    """Kills at whatever moment of parallel runs never leave a half-made container."""
    service = start_service()
    for turn in range(5):
        threads = []
        for number in range(4):
            def run(name=f"t{turn}-{number}"):
                with contextlib.suppress(requests.RequestException), contextlib.closing(service.client()) as client:
                    client.run(name=name)

            threads.append(threading.Thread(target=run))
            threads[-1].start()
        wait_for(lambda: docker.containers(all=True), what="the first container")
        service.kill_broker()
        for thread in threads:
            thread.join(20)
        service.start()
        wait_for(
            lambda: all(item["State"] == "running" for item in docker.containers(all=True)),
            10,
            "the sweep",
        )
        for item in docker.containers(all=True):
            with contextlib.suppress(APIError):  # the sweep may be at it
                docker.remove_container(item["Id"], force=True)
        wait_for(lambda: docker.containers(all=True) == [], what="an empty Engine")
