# SPDX-License-Identifier: Apache-2.0
"""Pulls: to the end at once, or by an id whose progress is read; their limits and their secrets."""

import base64
import contextlib
import itertools
import json
import os
import signal
import threading
import time

import pytest
import requests
from docker.errors import ImageNotFound

from harness import policies, procs
from harness.client import assert_error
from harness.fake_engine import FakeEngine, ScriptedAnswer, reply
from harness.proxy import is_pull
from harness.registry import PASSWORD, USER
from harness.wait import wait_for

FIELDS = {
    "pull_id", "status", "downloaded_bytes", "total_bytes", "layers_done", "layers_total", "message", "error",
    "started_at", "updated_at",
}  # fmt: skip
LIMIT = 2  # of one service, limits::kPullsPerService
TOTAL = 4  # limits::kPulls
KEPT = 32  # limits::kPullsKept
numbers = itertools.count()


@pytest.fixture
def published(docker, registry):
    """A fresh reference in the registry that the Engine does not have."""
    name = registry.publish(docker, f"library/pull-{next(numbers)}", "1")
    yield name
    remove(docker, name)


@pytest.fixture
def held(start_service, own_proxy, registry):
    """A service whose pulls the test holds at the Engine's door: (client, service, proxy)."""
    policy = policies.standard(registry.host) + f"""
[service.second]
scopes = ["images:*"]
images = ["{registry.host}/library/"]

[service.third]
scopes = ["images:*"]
images = ["{registry.host}/library/"]
"""
    service = start_service(docker_socket=own_proxy.path, policy=policy)
    with contextlib.closing(service.client()) as client:
        yield client, service, own_proxy


@pytest.fixture(scope="module")
def fake_service(engine, service_maker):
    fake = FakeEngine(engine.directory / "pulls.sock")
    service = service_maker(docker_socket=fake.path)
    try:
        yield service.start(), fake
    finally:
        service.close()
        fake.close()


@pytest.fixture
def script(fake_service):
    """A pull that says what the test lets it say: (client, script)."""
    service, fake = fake_service
    answer = ScriptedAnswer()
    fake.on("POST", "/images/create", answer)
    with contextlib.closing(service.client()) as client:
        yield client, answer
    answer.end()
    fake.on("POST", "/images/create", reply(404, {"message": "pull access denied"}))


def remove(docker, name):
    with contextlib.suppress(ImageNotFound):
        docker.remove_image(name, force=True)


def is_there(docker, name):
    return bool(docker.images(name))


def start(client, name, pull_id):
    repository, tag = name.rsplit(":", 1)
    body = {"image_name": repository, "image_tag": tag, "pull_id": pull_id}
    return client.post("/images/pull/start", body)


def started(client, name, pull_id):
    response = start(client, name, pull_id)
    assert response.status_code == 200, response.text
    assert response.json() == {"status": "success", "message": f"Pull {pull_id} started"}


def progress(client, pull_id):
    response = client.get(f"/images/pull/progress/{pull_id}")
    assert response.status_code == 200, response.text
    snapshot = response.json()
    assert set(snapshot) == FIELDS and snapshot["pull_id"] == pull_id
    assert 0 <= snapshot["downloaded_bytes"] <= snapshot["total_bytes"] <= 2**53
    assert 0 <= snapshot["layers_done"] <= snapshot["layers_total"] <= 512
    assert abs(snapshot["started_at"] - time.time()) < 600 and snapshot["updated_at"] >= snapshot["started_at"]
    assert (snapshot["error"] is None) == (snapshot["status"] != "error")
    return snapshot


def ended(client, pull_id, status="success", timeout=30):
    snapshot = wait_for(
        lambda: (now := progress(client, pull_id))["status"] != "pulling" and now, timeout, f"the end of {pull_id}"
    )
    assert snapshot["status"] == status, snapshot
    return snapshot


def events(client, pull_id, timeout=30):
    """The snapshots that the event stream brings, and what else stands in it."""
    response = client.get(f"/images/pull/events/{pull_id}", stream=True, timeout=timeout)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-cache, no-transform"
    assert response.headers["X-Accel-Buffering"] == "no"
    lines = response.iter_lines()
    assert next(lines) == b"retry: 1000"
    for line in lines:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])
        else:
            assert line == b"" or line.startswith(b":"), line


# To the end


def test_both_shapes(client, docker, registry):
    """The seeds' one field and the live service's two."""
    name = registry.publish(docker, "library/shapes", "1")
    for body in (
        {"name": name},
        {"image_name": name.rsplit(":", 1)[0], "image_tag": "1"},
        {"image_name": name.rsplit(":", 1)[0], "image_tag": "1", "registry_auth": None},
    ):
        response = client.post("/images/pull", body)
        assert response.status_code == 200, response.text
        assert response.json() == {"status": "success", "message": f"Image {name} pulled successfully"}
        assert is_there(docker, name)
        remove(docker, name)


def test_latest(client, docker, registry):
    """Without a tag it is latest, never all of them."""
    names = [registry.publish(docker, "library/tags", tag) for tag in ("latest", "other")]
    assert client.post("/images/pull", {"image_name": names[0].rsplit(":", 1)[0]}).status_code == 200
    assert is_there(docker, names[0]) and not is_there(docker, names[1])
    remove(docker, names[0])


def test_unknown(client, registry):
    name = f"{registry.host}/library/nothing:1"
    assert_error(client.post("/images/pull", {"name": name}), 404, "not_found", "Image not found")
    started(client, name, "unknown")
    snapshot = ended(client, "unknown", "error")
    assert snapshot["error"] == snapshot["message"] == "Image not found in its registry"


def test_client_leaves(held, docker, published):
    """The pull goes on without the one who asked for it."""
    client, _, proxy = held
    hold = proxy.hold(is_pull)
    with pytest.raises(requests.Timeout):
        client.post("/images/pull", {"name": published}, timeout=0.5)
    assert hold.caught.wait(5)
    hold.release()
    wait_for(lambda: is_there(docker, published), 20, "the image")


# By an id


def test_progress(client, docker, published):
    """Started, polled to the end, there; and again under the same id."""
    for _ in range(2):
        started(client, published, "polled")
        snapshot = ended(client, "polled")
        assert snapshot["message"] == f"Image {published} pulled successfully"
        assert snapshot["layers_done"] == snapshot["layers_total"] == 1
        assert snapshot["downloaded_bytes"] == snapshot["total_bytes"]
        assert is_there(docker, published)
        assert progress(client, "polled") == snapshot
        remove(docker, published)


def test_of_another(held, published):
    """Another service's pull does not exist, and an id of the same name is its own."""
    client, service, proxy = held
    hold = proxy.hold(is_pull)
    started(client, published, "mine")
    with contextlib.closing(service.client("second")) as second:
        for kind in ("progress", "events"):
            theirs = second.get(f"/images/pull/{kind}/mine")
            never = second.get(f"/images/pull/{kind}/never")
            assert_error(theirs, 404, "not_found")
            assert theirs.content == never.content
        hold.release()
        ended(client, "mine")
        started(second, published, "mine")
        ended(second, "mine")
        assert len([request for request in proxy.requests if is_pull(request)]) == 2


def test_joined(held, published, registry):
    """A pull under way is joined by its id; another image under that id is a conflict."""
    client, _, proxy = held
    hold = proxy.hold(is_pull)
    started(client, published, "joined")
    started(client, published, "joined")
    assert_error(start(client, f"{registry.host}/library/other:1", "joined"), 409, "conflict", "pull_id")
    assert progress(client, "joined")["status"] == "pulling"
    hold.release()
    ended(client, "joined")
    assert len([request for request in proxy.requests if is_pull(request)]) == 1


def test_front_killed(held, docker, published):
    """Pull, id and progress are the broker's: a new front goes on telling of them."""
    client, service, proxy = held
    hold = proxy.hold(is_pull)
    started(client, published, "survives")
    assert hold.caught.wait(5)
    front = service.front
    procs.kill(front, signal.SIGKILL)
    wait_for(lambda: not procs.alive(front), 5, "the front to die")
    wait_for(service.live, 10, "a new front")
    assert progress(client, "survives")["status"] == "pulling"
    hold.release()
    ended(client, "survives")
    assert is_there(docker, published)


def test_events(script):
    """A first snapshot at once, one for each change, the end, and no more."""
    client, answer = script
    started(client, "alpine:9", "events")
    stream = events(client, "events")
    assert next(stream)["status"] == "pulling"
    for current in (10, 20, 30):
        answer.say(downloading("layer", current, 100))
        snapshot = next(snapshot for snapshot in stream if snapshot["downloaded_bytes"] == current)
        assert snapshot["total_bytes"] == 100 and snapshot["message"] == "Downloading layer"
    answer.end()
    rest = list(stream)
    assert rest[-1]["status"] == "success" and all(one["status"] == "pulling" for one in rest[:-1])
    assert [one["status"] for one in events(client, "events")] == ["success"]


def test_events_of_a_failure(script):
    client, answer = script
    started(client, "alpine:9", "fails")
    stream = events(client, "fails")
    next(stream)
    answer.say({"errorDetail": {"message": "x"}, "error": "open /var/lib/docker/tmp/GetImageBlob: no space left"})
    answer.end()
    last = list(stream)[-1]
    assert last["status"] == "error" and last["error"] == "The image could not be pulled"


def test_many_readers_and_one_that_does_not_read(script):
    """Slow readers miss changes in between and get the end; nobody waits for them."""
    client, answer = script
    started(client, "alpine:9", "readers")
    lazy = [events(client, "readers") for _ in range(3)]
    for stream in lazy:
        next(stream)
    for current in range(1, 2000):
        answer.say(downloading("layer", current, 2000))
    wait_for(lambda: progress(client, "readers")["downloaded_bytes"] == 1999, 10, "the last line")
    answer.end()
    ended(client, "readers")
    for stream in lazy:
        snapshots = list(stream)
        assert snapshots[-1]["status"] == "success"
        assert [one["downloaded_bytes"] for one in snapshots] == sorted(one["downloaded_bytes"] for one in snapshots)


def test_reader_that_was_behind(script, fake_service):
    """What changed while the front took nothing is told when it does again, though nothing else changes."""
    client, answer = script
    service, _ = fake_service
    started(client, "alpine:9", "behind")
    stream = events(client, "behind")
    next(stream)
    filler = [{"status": "x" * 4000}] * 250
    procs.kill(service.front, signal.SIGSTOP)
    try:
        # More than sockets hold, twice: the line between them is read while there is no credit.
        answer.say(*filler, downloading("layer", 7, 9), *filler)
        wait_for(answer.pieces.empty, 20, "the broker to read")
    finally:
        procs.kill(service.front, signal.SIGCONT)
    assert next(snapshot for snapshot in stream if snapshot["downloaded_bytes"] == 7)["status"] == "pulling"


def test_readers_who_leave(script, fake_service):
    """Their places are given back."""
    client, answer = script
    service, _ = fake_service
    started(client, "alpine:9", "left")
    before = audit_of(service, "images.progress")
    for _ in range(20):
        stream = events(client, "left")
        next(stream)
        stream.close()
        client.session.close()
    wait_for(lambda: len(audit_of(service, "images.progress")) >= len(before) + 20, 10, "20 audit lines")
    answer.end()
    ended(client, "left")


# Limits


def test_places(held, docker, registry):
    """Two pulls of one service and four in all; those of runs count, and all ways to ask are told."""
    client, service, proxy = held
    names = [registry.publish(docker, f"library/place-{n}", "1") for n in range(TOTAL + 1)]
    holds = [proxy.hold(lambda request, n=n: is_pull(request) and f"place-{n}" in request.target) for n in range(TOTAL)]
    for n in range(LIMIT):
        started(client, names[n], f"place-{n}")
        assert holds[n].caught.wait(5)
    with contextlib.closing(service.client("second")) as second, contextlib.closing(service.client("third")) as third:
        for response in (
            start(client, names[-1], "more"),
            client.post("/images/pull", {"name": names[-1]}),
            client.run(image=names[-1]),
        ):
            assert_error(response, 503, "overloaded", "Too many images")
            assert int(response.headers["Retry-After"]) >= 1
        for n in range(LIMIT, TOTAL):
            started(second, names[n], f"place-{n}")
            assert holds[n].caught.wait(5)
        assert_error(start(third, names[-1], "more"), 503, "overloaded")
        assert_error(client.get("/images/pull/progress/more"), 404, "not_found")
        assert not [request for request in proxy.requests if is_pull(request) and f"place-{TOTAL}" in request.target]
        for hold in holds:
            hold.release()
        for n in range(TOTAL):
            ended(client if n < LIMIT else second, f"place-{n}")
        started(third, names[-1], "more")
        ended(third, "more")
    for name in names:
        remove(docker, name)


def test_places_of_runs(held, docker, registry):
    """A run that pulls holds a place too."""
    client, _, proxy = held
    names = [registry.publish(docker, f"library/run-{n}", "1") for n in range(LIMIT + 1)]
    holds = [proxy.hold(lambda request, n=n: is_pull(request) and f"run-{n}" in request.target) for n in range(LIMIT)]
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(client.run(image=names[n]))) for n in range(LIMIT)]
    for thread in threads:
        thread.start()
    for hold in holds:
        assert hold.caught.wait(5)
    assert_error(start(client, names[-1], "third"), 503, "overloaded")
    for hold in holds:
        hold.release()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200] * LIMIT
    for container in docker.containers(all=True):
        docker.remove_container(container["Id"], force=True)
    for name in names:
        remove(docker, name)


def test_kept(fake_service):
    """So many ends are kept for a service; then the oldest goes."""
    service, _ = fake_service
    with contextlib.closing(service.client()) as client:
        for n in range(KEPT + 1):
            started(client, "alpine:9", f"kept-{n}")
            ended(client, f"kept-{n}", "error")
        assert_error(client.get("/images/pull/progress/kept-0"), 404, "not_found")
        assert progress(client, "kept-1")["status"] == "error"
        # The same id again takes no other's place.
        started(client, "alpine:9", "kept-2")
        ended(client, "kept-2", "error")
        assert progress(client, "kept-1")["status"] == "error"


def downloading(layer, current, total):
    return {"status": "Downloading", "id": layer, "progressDetail": {"current": current, "total": total}}


def test_hostile_progress(script):
    """Whatever a registry makes the Engine say: figures in bounds, text printable, the pull ends."""
    client, answer = script
    started(client, "alpine:9", "hostile")
    answer.say(
        {"status": "Pulling from library/alpine", "id": "9"},
        b"not json\n", b"\n", b"[]\n", b"null\n", b'{"status":\n', b"\xff\xfe\n",
        {"status": ["Downloading"], "id": {"a": 1}, "progressDetail": "x"},
        downloading("a", -5, -1), downloading("b", 2**63, 2**64), downloading("c", 2**62, 1), downloading("d", 2**62, 0),
        {"status": "\x1b[2J\r\ndata: {}\r\n\r\n\u202e<script>" + "x" * 5000, "id": "e" * 5000},
        *[downloading(f"layer-{n}", 1, 2) for n in range(10_000)],
    )  # fmt: skip
    full = wait_for(lambda: (now := progress(client, "hostile"))["layers_total"] == 512 and now, 20, "512 layers")
    assert full["downloaded_bytes"] == full["total_bytes"] == 2**53
    answer.say({"status": "\x1b[31m\u202e\"quotes\" \\ <b>" + "y" * 5000})
    shown = wait_for(lambda: "quotes" in (now := progress(client, "hostile"))["message"] and now, 10, "the message")
    assert len(shown["message"]) <= 256 and shown["message"].isprintable() and shown["message"].isascii()
    answer.end()
    ended(client, "hostile")


def test_endless_line(script):
    """A line over its cap ends the pull."""
    client, answer = script
    started(client, "alpine:9", "endless")
    answer.say(b'{"status":"' + b"x" * 40_000)
    assert progress(client, "endless")["status"] == "pulling"
    answer.say(b"x" * 40_000)
    snapshot = ended(client, "endless", "error")
    assert snapshot["error"] == "The Docker Engine's answer is not valid"


def test_engine_goes_away(script, fake_service):
    client, answer = script
    _, fake = fake_service
    started(client, "alpine:9", "cut")
    answer.say(downloading("a", 1, 2))
    wait_for(lambda: progress(client, "cut")["downloaded_bytes"] == 1, 10, "the first line")
    fake.drop_connections()
    assert ended(client, "cut", "error")["error"].startswith("The Docker Engine")
    started(client, "alpine:9", "cut")  # its place is free

    # It has to reach this test's script and not the next one's. What the cut connection's end of the
    # script takes is lost.
    def begun():
        answer.say(downloading("a", 3, 4))
        return progress(client, "cut")["downloaded_bytes"] == 3

    wait_for(begun, 10, "the second pull to begin")


def test_stalled(script):
    """A pull of which nothing comes for a minute ends; meanwhile all else is served."""
    client, answer = script
    started(client, "alpine:9", "stalled")
    answer.say(downloading("a", 1, 2))
    begun = time.monotonic()
    snapshot = ended(client, "stalled", "error", timeout=90)
    assert time.monotonic() - begun > 55
    assert snapshot["error"] == "The Docker Engine did not answer in time"
    assert snapshot["downloaded_bytes"] == 1 and snapshot["total_bytes"] == 2


def test_full_disk(engine, start_service):
    """Pulls end when the disk fills up, and begin again when there is room."""
    root = engine.directory / "root-link"
    root.symlink_to("/var")
    fake = FakeEngine(engine.directory / "full.sock")
    answer = ScriptedAnswer()
    try:
        fake.on("GET", "/info", reply(200, {"DockerRootDir": str(root)}))
        fake.on("POST", "/images/create", answer)
        service = start_service(docker_socket=fake.path)
        with contextlib.closing(service.client()) as client:
            started(client, "alpine:9", "full")
            answer.say(downloading("a", 1, 2))
            wait_for(lambda: progress(client, "full")["downloaded_bytes"] == 1, 10, "the first line")
            _point(root, "/proc")  # which has no room at all
            snapshot = ended(client, "full", "error", 10)
            assert snapshot["error"] == "The disk of the Docker Engine has too little free space"
            body = assert_error(client.post("/images/pull", {"name": "alpine:9"}), 503, "overloaded", "disk")
            assert "remove images" in body["hint"]
            assert len([request for request in fake.requests if is_pull(request)]) == 1
            _point(root, "/var")
            wait_for(lambda: start(client, "alpine:9", "full").status_code == 200, 10, "room")
    finally:
        answer.end()
        fake.close()
        root.unlink()


def _point(link, target):
    other = link.with_name("root-link-new")
    other.symlink_to(target)
    os.replace(other, link)


# Secrets


@pytest.fixture
def private(start_service, own_proxy, private_registry, docker):
    """(client, service, proxy, name): an image for which its registry wants a login."""
    name = private_registry.publish(docker, f"library/private-{next(numbers)}", "1")
    policy = policies.standard(private_registry.host)
    service = start_service(docker_socket=own_proxy.path, policy=policy)
    with contextlib.closing(service.client()) as client:
        yield client, service, own_proxy, name
    remove(docker, name)


def logins(proxy):
    """What the Engine was given to log in with, one for each pull."""
    for request in filter(is_pull, proxy.requests):
        header = request.header("x-registry-auth")
        yield json.loads(base64.urlsafe_b64decode(header)) if header else None


def test_login(private, docker, private_registry):
    """With the login the image comes; the Engine is told it once, for that registry, and nobody else."""
    client, service, proxy, name = private
    body = {"name": name, "registry_auth": {"username": USER, "password": PASSWORD}}
    assert client.post("/images/pull", body).status_code == 200
    assert is_there(docker, name)
    login = {"username": USER, "password": PASSWORD, "serveraddress": private_registry.host}
    assert list(logins(proxy)) == [login]
    # Not kept for the next.
    remove(docker, name)
    assert_error(client.post("/images/pull", {"name": name}), 404, "not_found")
    assert_error(client.run(image=name), 404, "not_found")
    assert list(logins(proxy)) == [login, None, None]
    assert PASSWORD not in service.log + service.audit_file.read_text()


def test_login_by_id(private, docker, private_registry):
    client, service, proxy, name = private
    repository, tag = name.rsplit(":", 1)
    auth = {"username": USER, "password": PASSWORD, "serveraddress": f"https://{private_registry.host}/v2/"}
    body = {"image_name": repository, "image_tag": tag, "pull_id": "login", "registry_auth": auth}
    assert client.post("/images/pull/start", body).status_code == 200
    ended(client, "login")
    assert is_there(docker, name)
    assert [login["serveraddress"] for login in logins(proxy)] == [private_registry.host]
    lines = audit_of(service, "images.pull")
    assert [line["event"] for line in lines] == ["intent", "result"]
    assert lines[1]["outcome"] == "success" and lines[1]["request"]["pull_id"] == "login"
    assert lines[0]["request"]["login"] == {"username": USER, "password": "***", "serveraddress": auth["serveraddress"]}
    assert PASSWORD not in service.log + service.audit_file.read_text()


def test_wrong_login(private, docker):
    client, service, _, name = private
    body = {"name": name, "registry_auth": {"username": USER, "password": "looking-glass"}}
    assert_error(client.post("/images/pull", body), 404, "not_found")
    assert not is_there(docker, name)
    assert "looking-glass" not in service.log + service.audit_file.read_text()


@pytest.mark.parametrize("server", ["evil.example", "docker.io", "https://127.0.0.1", "127.0.0.1:1", "127.0.0.1:99999"])
def test_login_of_another_registry(checked_service, proxy, registry, server):
    """A password goes to the registry of its image or nowhere."""
    proxy.clear()
    auth = {"username": USER, "password": "sesame-sesame", "serveraddress": server}
    with contextlib.closing(checked_service.client()) as client:
        response = client.post("/images/pull", {"name": f"{registry.host}/library/x:1", "registry_auth": auth})
        assert_error(response, 400, "invalid_request", "serveraddress")
        assert "sesame" not in response.text
    assert proxy.mutations() == []
    assert "sesame" not in checked_service.log + checked_service.audit_file.read_text()


# On record


def audit_of(service, operation):
    lines = [json.loads(line) for line in service.audit_file.read_text().splitlines()]
    return [line for line in lines if line.get("operation") == operation]


def test_on_record(held, published):
    """The intent is written when a pull begins, its outcome when it ends, however its caller asked."""
    client, service, proxy = held
    hold = proxy.hold(is_pull)
    started(client, published, "record")
    assert hold.caught.wait(5)
    assert [line["event"] for line in audit_of(service, "images.pull")] == ["intent"]
    hold.drop()
    ended(client, "record", "error")
    intent, result = audit_of(service, "images.pull")
    assert intent["request"] == result["request"] == {"image": published, "pull_id": "record"}
    assert result["event"] == "result" and result["outcome"].startswith("engine_")
