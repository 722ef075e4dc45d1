# SPDX-License-Identifier: Apache-2.0
"""An Engine that is away, hangs, lies or talks nonsense."""

import contextlib
import statistics
import threading
import time

import pytest

from harness.client import assert_error
from harness.fake_engine import FakeEngine, reply
from harness.proxy import is_create, is_start
from harness.wait import wait_for


@pytest.fixture
def stopped(engine, service):
    """The Engine stopped, and started again after the test."""
    family = service.pids()
    engine.stop()
    try:
        yield
    finally:
        if not engine.answering:
            engine.start()
    assert service.pids() == family


def test_stopped(service, engine, docker, stopped, figures):
    """503 at once while it is away, service again as soon as it is back, no restart of ours."""
    client = service.client()
    times = []
    for method, path, body in (
        ("GET", "/containers", None),
        ("GET", "/containers/x", None),
        ("POST", "/containers/run", {"image": "alpine:3"}),
        ("POST", "/containers/x/stop", {}),
    ):
        response, seconds = client.timed(method, path, json=body)
        times.append(seconds)
        assert_error(response, 503)
        assert "Retry-After" in response.headers
        assert seconds < 1
    figures["Engine stopped: slowest 503, ms"] = f"{max(times) * 1000:.1f}"
    assert statistics.median(times) < 0.1
    assert client.get("/livez").status_code == 200
    wait_for(lambda: client.get("/readyz").status_code == 503, 5, "readyz to notice")
    assert client.get("/health").json()["status"] != "healthy"
    engine.start()
    start = time.monotonic()
    wait_for(lambda: client.get("/containers").status_code == 200, 10, "the recovery")
    recovery = time.monotonic() - start
    figures["Engine started again: serving after, ms"] = f"{recovery * 1000:.0f}"
    assert recovery < 2
    wait_for(lambda: client.get("/readyz").status_code == 200, 5, "readyz")
    assert client.run().status_code == 200


def test_stopped_at_our_start(start_service, engine, docker, stopped):
    """Started without an Engine, the service is up, and works as soon as there is one."""
    service = start_service()
    client = service.client()
    assert_error(client.get("/containers"), 503)
    engine.start()
    wait_for(lambda: client.get("/containers").status_code == 200, 10, "the recovery")


def test_restarted_under_load(service, engine, docker):
    """An Engine's restart costs its callers errors for a moment, and us nothing."""
    family = service.pids()
    stop = threading.Event()
    statuses = set()

    def load():
        with contextlib.closing(service.client()) as client:
            while not stop.is_set():
                statuses.add(client.get("/containers").status_code)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    engine.restart()
    client = service.client()
    wait_for(lambda: client.get("/containers").status_code == 200, 10, "the recovery")
    stop.set()
    for thread in threads:
        thread.join(30)
    assert statuses <= {200, 502, 503, 504} and 200 in statuses
    assert service.pids() == family


def test_hanging(service, engine, docker, figures):
    """An Engine that hangs: 504 at the deadline, and all is well when it goes on."""
    client = service.client()
    made = client.started()
    family = service.pids()
    engine.pause()
    try:
        response, seconds = client.timed("GET", f"/containers/{made['id']}")
        assert_error(response, 504, "deadline_exceeded")
        assert 8 < seconds < 14
        figures["Engine hung: inspect answered 504 after, s"] = f"{seconds:.2f}"
        response, seconds = client.timed("GET", "/livez")
        assert response.status_code == 200 and seconds < 1
        wait_for(lambda: client.get("/health").json()["status"] != "healthy", 5, "health to notice")
    finally:
        engine.resume()
    wait_for(lambda: client.get("/containers").status_code == 200, 10, "the recovery")
    assert client.get(f"/containers/{made['id']}").json()["status"] == "running"
    assert service.pids() == family


@pytest.mark.parametrize(
    "told, claimed",
    [
        (b'"Privileged":false', b'"Privileged":true '),
        (b'"PublishAllPorts":false', b'"PublishAllPorts":true '),
        (b'"PidsLimit":256', b'"PidsLimit":257'),
        (b'"PidsLimit":256', b'"PidsLimit":0  '),
        (b'"Memory":268435456', b'"Memory":968435456'),
        (b'"MemorySwap":268435456', b'"MemorySwap":-1       '),
        (b'"NanoCpus":1000000000', b'"NanoCpus":0         '),
        (b'"IpcMode":"private"', b'"IpcMode":"host"   '),
    ],
)
def test_not_what_was_asked(start_service, own_proxy, docker, told, claimed):
    """A container that came out otherwise than asked is never started, and is removed."""
    service = start_service(docker_socket=own_proxy.path)
    own_proxy.substitute(told, claimed)
    response = service.client().run(name="odd")
    assert_error(response, 500, "policy_not_enforced")
    assert not any(is_start(request) for request in own_proxy.requests)
    assert sum(is_create(request) for request in own_proxy.requests) == 1
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("moment", [is_create, is_start])
def test_connection_lost(start_service, own_proxy, docker, moment):
    """A create or start whose answer never comes leaves nothing behind."""
    service = start_service(docker_socket=own_proxy.path)
    hold = own_proxy.hold(moment)
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(service.client().run(name="cut")))
    thread.start()
    assert hold.caught.wait(20)
    hold.drop()
    thread.join(40)
    assert outcome[0].status_code in (502, 503), outcome[0].text
    wait_for(lambda: docker.containers(all=True) == [], 30, "the roll-back")


HEADS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NONSENSE = {
    "closed": b"",
    "not HTTP": b"hello\r\n\r\n",
    "HTTP/0.9": b"[]",
    "cut head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "not JSON": reply(200, b"[{"),
    "wrong type": reply(200, {"a": 1}),
    "wrong member": reply(200, [{"Id": 5}]),
    "no id": reply(200, [{}]),
    "odd id": reply(200, [{"Id": "../../x", "Names": ["/a"], "State": "running", "Image": "alpine:3"}]),
    "null": reply(200, None),
    "deep": reply(200, b"[" * 5000 + b"]" * 5000),
    "short body": HEADS + b"Content-Length: 100\r\n\r\n[]",
    "bad length": HEADS + b"Content-Length: x\r\n\r\n[]",
    "two lengths": HEADS + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
    "bad chunk": HEADS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n",
    "huge": HEADS + b"Content-Length: 99999999999\r\n\r\n[",
    "endless head": HEADS + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
    "500": reply(500, {"message": "secret path /var/lib/docker/x"}),
    "200 with an error": reply(200, {"message": "no"}),
}


@pytest.fixture(scope="module")
def fake_service(engine, service_maker):
    fake = FakeEngine(engine.directory / "nonsense.sock")
    service = service_maker(docker_socket=fake.path)
    try:
        yield service.start(), fake
    finally:
        service.close()
        fake.close()


def _say_and_close(data):
    def answer(_, connection):
        connection.sendall(data)
        return b""

    return answer


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense(fake_service, kind):
    """Nonsense from the Engine is a 502, tells nothing of it to the caller, and is forgotten."""
    service, fake = fake_service
    fake.on("GET", "/containers/json", _say_and_close(NONSENSE[kind]))
    client = service.client()
    response = client.get("/containers")
    assert_error(response, response.status_code)
    assert response.status_code in ((502, 503) if kind == "closed" else (502,)), response.text
    assert "secret path" not in response.text
    fake.on("GET", "/containers/json", reply(200, []))
    wait_for(lambda: client.get("/containers").status_code == 200, 5, "the recovery")
