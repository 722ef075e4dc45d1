# SPDX-License-Identifier: Apache-2.0
"""A directory's size in a container: the fixed du, hostile paths, hostile programs, deadlines."""

import contextlib
import time

import pytest
from harness import procs
from harness.client import assert_error
from harness.engine import import_image
from harness.wait import wait_for

KIB = b"""#!/bin/sh
case "$1" in *b*) echo "du: invalid option -- 'b'" >&2; exit 1;; esac
printf '12\\t%s\\n' "$3"
"""
# Sleeps while there is a file /tmp/slow.
SLOW = b"""#!/bin/sh
while [ -e /tmp/slow ]; do sleep 0.1; done
printf '77\\t%s\\n' "$3"
"""
FAKES = {
    "kib": KIB,
    "slow": SLOW,
    "words": b"#!/bin/sh\necho total 5\n",
    "silent": b"#!/bin/sh\nexit 0\n",
    "minus": b"#!/bin/sh\necho -5\n",
    "large": b"#!/bin/sh\necho 99999999999999999999\n",
    "markup": b"#!/bin/sh\necho '5,\"x\":1'\n",
    "binary": b"#!/bin/sh\nhead -c 2000 /dev/urandom | tr -d '0-9'\n",
    "errors": b"#!/bin/sh\necho \"du: can't open '/x'\" >&2; echo '5 /x'; echo 9 >&2; exit 1\n",
    "long": b"#!/bin/sh\nprintf '7\\t'; head -c 1000000 /dev/zero | tr '\\0' x\n",
    "endless": b"#!/bin/sh\nexec yes 5\n",
    "none": None,
}


@pytest.fixture(scope="module")
def fakes(docker):
    """Images whose du is one of FAKES."""
    for name, script in FAKES.items():
        import_image(docker, f"alpine:{name}", programs={"du": script})
    yield
    for name in FAKES:
        docker.remove_image(f"alpine:{name}", force=True)


@pytest.fixture
def caller(checked_service, proxy):
    proxy.clear()
    with contextlib.closing(checked_service.client()) as client:
        yield client


def measure(client, container, path="/tmp", **fields):
    return client.post(f"/containers/{container}/dir-size", {"path": path, "timeout": 10, **fields})


def size(client, container, path="/tmp", **fields):
    response = measure(client, container, path, **fields)
    assert response.status_code == 200, response.text
    body = response.json()
    assert set(body) == {"status", "bytes"} and body["status"] == "success"
    return body["bytes"]


def run(docker, container, *command):
    """Runs a command in the container as the witness; its output."""
    made = docker.exec_create(container, list(command))
    return docker.exec_start(made).decode()


def test_bytes(caller, docker):
    """What du -sb says, with nested directories; and the default timeout."""
    made = caller.started(name="web")["id"]
    run(docker, made, "sh", "-c", "mkdir -p /tmp/d/e; head -c 100000 /dev/zero >/tmp/d/f; echo hi >/tmp/d/e/g")
    expected = int(run(docker, made, "du", "-sb", "/tmp/d").split()[0])
    assert expected > 100000
    assert size(caller, "web", "/tmp/d") == size(caller, made[:12], "/tmp/d/") == expected
    response = caller.post("/containers/web/dir-size", {"path": "/tmp/d"})
    assert response.json() == {"status": "success", "bytes": expected}


def test_missing_path_is_nothing(caller, docker):
    made = caller.started()["id"]
    assert size(caller, made, "/no/such/directory") == 0
    assert size(caller, made, "/etc/passwd/below") == 0


HOSTILE = ["/tmp/x; touch /tmp/pwned", "/tmp/$(touch /tmp/pwned)", "/tmp/`touch /tmp/pwned`", "/tmp/ -a b",
           '/tmp/"],"Privileged":true,"x":["', "/tmp/'|touch /tmp/pwned", "/-rf", "/tmp/\u2028é😀"]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_path_is_data(caller, docker, path):
    made = caller.started()["id"]
    before = run(docker, made, "find", "/tmp")
    assert size(caller, made, path) == 0
    assert run(docker, made, "find", "/tmp") == before
    run(docker, made, "mkdir", "-p", path)
    assert size(caller, made, path) == int(run(docker, made, "du", "-sb", "--", path).split()[0])


REFUSED = [
    {}, {"path": None}, {"path": ""}, {"path": "tmp"}, {"path": "--help"}, {"path": "/tmp/../etc"},
    {"path": "/a\nb"}, {"path": "/a\0b"}, {"path": "/" + "x" * 1024}, {"path": ["/tmp"]},
    {"path": "/tmp", "timeout": 0}, {"path": "/tmp", "timeout": 10.5}, {"path": "/tmp", "timeout": "1"},
    {"path": "/tmp", "user": "0"}, {"path": "/tmp", "privileged": True}, {"path": "/tmp", "cmd": ["id"]},
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: str(body)[:40])
def test_refused(caller, proxy, docker, body):
    """Refused before the Engine hears of it."""
    made = caller.started()["id"]
    before = len(proxy.mutations())
    assert_error(caller.post(f"/containers/{made}/dir-size", body), 400)
    assert len(proxy.mutations()) == before
    assert not docker.inspect_container(made)["ExecIDs"]


def test_whose(caller, checked_service, proxy, docker):
    """Only in a container that the caller may manage, and with the scope for that."""
    a, b, watcher = (checked_service.client(name) for name in ("tenant_a", "tenant_b", "observer"))
    made = a.started()["id"]
    assert size(a, made) > 0
    proxy.clear()
    assert_error(measure(b, made), 404, "not_found")
    assert_error(measure(caller, made), 403, "scope_denied")
    assert_error(measure(watcher, made), 403, "scope_denied")
    assert_error(measure(a, "absent"), 404, "not_found")
    assert proxy.mutations() == []
    for client in (a, b, watcher):
        client.close()


def test_not_running(caller, docker):
    made = caller.started(command=["true"], detach=True)["id"]
    docker.wait(made)
    assert_error(measure(caller, made), 409, "conflict", "not running")
    other = caller.started()["id"]
    docker.pause(other)
    assert_error(measure(caller, other), 409, "conflict", "not running")
    docker.unpause(other)
    assert size(caller, other) > 0


def test_without_b(caller, fakes, docker):
    """A du that counts in KiB alone is asked again in KiB."""
    assert size(caller, caller.started(image="alpine:kib")["id"]) == 12 * 1024


def test_permissions(caller, docker):
    """What may not be read is left out; the rest counts."""
    made = caller.started(user="1000")["id"]
    secret = docker.exec_create(made, ["sh", "-c", "mkdir -p /tmp/d/s; head -c 5000 /dev/zero >/tmp/d/s/f; "
                                "head -c 3000 /dev/zero >/tmp/d/g; chmod 700 /tmp/d/s"], user="0")  # fmt: skip
    docker.exec_start(secret)
    found = size(caller, made, "/tmp/d")
    assert 3000 < found and found < int(_as_root(docker, made, "du", "-sb", "/tmp/d").split()[0])


def _as_root(docker, container, *command):
    return docker.exec_start(docker.exec_create(container, list(command), user="0")).decode()


@pytest.mark.parametrize("name", ["words", "silent", "minus", "large", "markup", "binary"])
def test_garbage_is_nothing(caller, fakes, docker, name):
    assert size(caller, caller.started(image=f"alpine:{name}")["id"]) == 0


def test_only_its_first_field_counts(caller, fakes, docker):
    assert size(caller, caller.started(image="alpine:errors")["id"]) == 5
    assert size(caller, caller.started(image="alpine:long")["id"]) == 7


def test_no_du(caller, fakes, docker):
    made = caller.started(image="alpine:none")["id"]
    assert_error(measure(caller, made), 409, "conflict", "no du")
    assert_error(measure(caller, made), 409, "conflict", "no du")


def slow_container(client, docker, **fields):
    made = client.started(image="alpine:slow", **fields)["id"]
    run(docker, made, "touch", "/tmp/slow")
    return made


def test_deadline(caller, fakes, proxy, docker):
    """504 in time; the container counts as measured until its du has ended, and no longer."""
    made = slow_container(caller, docker)
    start = time.monotonic()
    assert_error(measure(caller, made, timeout=0.5), 504, "deadline_exceeded")
    assert time.monotonic() - start < 5
    execs = [request for request in proxy.requests if request.path.endswith("/exec")]
    for _ in range(3):
        response = measure(caller, made, timeout=0.5)
        assert_error(response, 503, "overloaded", "measured")
        assert "Retry-After" in response.headers
    assert len([request for request in proxy.requests if request.path.endswith("/exec")]) == len(execs) == 1
    run(docker, made, "rm", "/tmp/slow")
    assert wait_for(lambda: measure(caller, made).json().get("bytes"), 20, "the du's end to be seen") == 77


def test_two_of_a_service_and_four_in_all(caller, checked_service, fakes, docker):
    """No service takes all places; they come back, also when a container goes."""
    with contextlib.closing(checked_service.client("tenant_a")) as second:
        busy = [(one, slow_container(one, docker)) for one in (caller, caller, second, second)]
        for one, made in busy[:2]:
            assert_error(measure(one, made, timeout=0.1), 504, "deadline_exceeded")
        other = caller.started()["id"]
        assert_error(measure(caller, other), 503, "overloaded")
        for one, made in busy[2:]:
            assert_error(measure(one, made, timeout=0.1), 504, "deadline_exceeded")
        with contextlib.closing(checked_service.client("tenant_b")) as third:
            assert_error(measure(third, third.started()["id"]), 503, "overloaded")
        docker.remove_container(busy[0][1], force=True)
        wait_for(lambda: measure(caller, other).status_code == 200, 20, "the removed container's place")
        for one, made in busy[1:]:
            run(docker, made, "rm", "/tmp/slow")
            wait_for(lambda one=one, made=made: measure(one, made).status_code == 200, 20, "the du's end")


def test_stopped_meanwhile(caller, fakes, docker):
    """A du that ends with its container is no size and gives its place back."""
    made = slow_container(caller, docker)
    assert_error(measure(caller, made, timeout=0.1), 504)
    docker.stop(made, timeout=0)
    docker.start(made)
    wait_for(lambda: measure(caller, made, "/tmp", timeout=1).status_code != 503, 20, "the place")


def test_endless_output(start_service, fakes, docker):
    """Output without end is cut off; neither memory nor other callers notice. Whether such a du has
    ended the Engine itself does not know for sure."""
    service = start_service()
    client = service.client()
    made = client.started(image="alpine:endless")["id"]
    before = int(procs.status(service.broker)["VmRSS"].split()[0])
    response = measure(client, made, timeout=2)
    assert response.status_code == 504 or response.json()["bytes"] == 5, response.text
    assert client.get("/containers").status_code == 200
    assert int(procs.status(service.broker)["VmRSS"].split()[0]) < before + 8192  # KiB
    docker.remove_container(made, force=True)


def test_client_that_leaves(caller, fakes, docker):
    """A caller that hangs up leaves the place taken until the du has ended."""
    made = slow_container(caller, docker)
    with pytest.raises(Exception):
        caller.post(f"/containers/{made}/dir-size", {"path": "/tmp", "timeout": 10}, timeout=0.5)
    assert_error(measure(caller, made), 503, "overloaded")
    run(docker, made, "rm", "/tmp/slow")
    assert wait_for(lambda: measure(caller, made).json().get("bytes"), 20, "the du's end to be seen") == 77
