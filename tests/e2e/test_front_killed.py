# SPDX-License-Identifier: Apache-2.0
"""The front can die at any time."""

import contextlib
import signal
import statistics
import threading
import time

import requests

from harness import procs
from harness.http_bytes import RawConnection, request
from harness.proxy import is_create, is_start
from harness.wait import wait_for

KILLS = 100
PROMISE = 0.3  # what most of them must keep
DEADLINE = 2.0  # what a busy test machine is given for each


def served(port):
    """Whether a new connection gets its answer."""
    with contextlib.suppress(OSError), RawConnection(port, timeout=5) as connection:
        connection.send(request("GET", "/api/v1/livez"))
        answer = connection.answer()
        return answer is not None and answer.status == 200
    return False


def kill_front(service):
    """SIGKILL to the front; seconds until a new one serves."""
    old = service.front
    start = time.monotonic()
    procs.kill(old, signal.SIGKILL)
    wait_for(lambda: not procs.alive(old), 5, "the front to die", interval=0.0005)
    wait_for(lambda: served(service.port), 10, "a new front", interval=0.002)
    return time.monotonic() - start


class Readers:
    """Callers that list all the time and do not mind a lost connection."""

    def __init__(self, service, count):
        self.service = service
        self.stop = threading.Event()
        self.answered = 0
        self.wrong = []
        self.threads = [threading.Thread(target=self._read) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _read(self):
        while not self.stop.is_set():
            with contextlib.suppress(requests.RequestException), contextlib.closing(self.service.client()) as client:
                while not self.stop.is_set():
                    response = client.get("/containers", timeout=10)
                    self.answered += 1
                    if response.status_code not in (200, 503):
                        self.wrong.append(response.text)


def test_killed_a_hundred_times_under_load(start_service, docker, figures):
    """Each time a new front serves at once; broker and keeper stay; no container is lost or doubled."""
    service = start_service()
    broker, keeper = service.broker, service.keeper
    client = service.client()
    kept = {client.started(name=f"kept-{number}")["id"] for number in range(5)}
    client.close()
    times = []
    with Readers(service, 2) as readers:
        wait_for(lambda: readers.answered > 5, what="the load to begin")
        for _ in range(KILLS):
            times.append(kill_front(service))
    figures[f"front killed {KILLS} times under load: back within, ms (max, median)"] = (
        f"{max(times) * 1000:.0f}, {statistics.median(times) * 1000:.0f}"
    )
    assert max(times) < DEADLINE
    assert statistics.median(times) < PROMISE
    assert (service.broker, service.keeper) == (broker, keeper)
    assert readers.wrong == []
    assert readers.answered > KILLS
    listed = docker.containers(all=True)
    assert {item["Id"] for item in listed} == kept
    assert {item["State"] for item in listed} == {"running"}


def run_in_thread(service, **fields):
    outcome = []

    def run():
        with contextlib.closing(service.client()) as client:
            try:
                outcome.append(client.run(**fields).status_code)
            except requests.RequestException as error:
                outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def test_run_in_flight(start_service, own_proxy, docker):
    """A run that was under way when the front died completes, once, and is its caller's."""
    service = start_service(docker_socket=own_proxy.path)
    for number, moment in enumerate((is_create, is_start)):
        hold = own_proxy.hold(moment)
        thread, outcome = run_in_thread(service, name=f"flight-{number}")
        assert hold.caught.wait(20)
        kill_front(service)
        hold.release()
        thread.join(20)
        assert isinstance(outcome[0], requests.RequestException)
        wait_for(
            lambda n=number: [i["State"] for i in docker.containers(filters={"name": f"flight-{n}"})] == ["running"],
            what="the run to complete",
        )
    assert len(docker.containers(all=True)) == 2
    assert sum(is_create(request) for request in own_proxy.requests) == 2
    assert len(service.client().containers()) == 2


def test_runs_at_random_moments(start_service, docker):
    """Runs that race with the death of the front leave running containers or none, never halves."""
    service = start_service()
    threads = []
    for number in range(10):
        threads.append(run_in_thread(service, name=f"race-{number}"))
        kill_front(service)
    for thread, _ in threads:
        thread.join(30)
    answered = {f"race-{n}" for n, (_, outcome) in enumerate(threads) if outcome == [200]}
    wait_for(
        lambda: all(item["State"] == "running" for item in docker.containers(all=True)),
        what="every run to end one way or the other",
    )
    names = [item["Names"][0].lstrip("/") for item in docker.containers(all=True)]
    assert answered <= set(names)
    assert len(names) == len(set(names)) <= 10


def test_stopped_front_ends_with_the_broker(start_service):
    """A front that hangs does not outlive its broker."""
    service = start_service()
    procs.kill(service.front, signal.SIGSTOP)
    service.kill_broker()
