# SPDX-License-Identifier: Apache-2.0
"""Images: list, exists, remove, and who may do what with which."""

import contextlib
import json

import pytest
from docker.errors import ImageNotFound

from harness.client import assert_error
from harness.engine import import_image
from harness.fake_engine import reply
from harness.proxy import is_pull

PREFIX = "ghcr.io/tenstorrent/"


@pytest.fixture
def images(docker):
    """images(name, ...): makes images of these names, each with content of its own."""
    made = []

    def make(*names):
        for name in names:
            made.append(name)
            import_image(docker, name)
        return docker.inspect_image(names[0])["Id"]

    yield make
    for name in made:
        with contextlib.suppress(ImageNotFound):
            docker.remove_image(name, force=True)


@pytest.fixture
def caller(checked_service, proxy):
    proxy.clear()
    with contextlib.closing(checked_service.client()) as client:
        yield client


def listed(client, **query):
    response = client.get("/images", params=query)
    assert response.status_code == 200, response.text
    assert response.json()["status"] == "success"
    return response.json()["images"]


def tags(client, **query):
    return sorted(tag for image in listed(client, **query) for tag in image["tags"])


def is_there(docker, name):
    try:
        return bool(docker.inspect_image(name))
    except ImageNotFound:
        return False


# List


def test_list(client, docker, images):
    """What an item says is what the Engine says."""
    image = images(PREFIX + "listed:1")
    docker.tag(image, PREFIX + "listed", "2")
    (item,) = [item for item in listed(client) if item["id"] == image]
    assert set(item) == {"id", "tags", "size", "created"}
    assert sorted(item["tags"]) == [PREFIX + "listed:1", PREFIX + "listed:2"]
    seen = docker.inspect_image(image)
    assert item["size"] == seen["Size"]
    assert item["created"] == seen["Created"][:19] + "Z"
    docker.remove_image(PREFIX + "listed:2")


def test_list_shows_what_the_policy_allows(caller, docker, images):
    """Foreign images are not shown, nor are foreign names of allowed ones, nor images without a name."""
    images("evil/x:1")
    images("ghcr.io/tenstorrent-evil/x:1", "alpine.evil.example/x:1")
    both = images(PREFIX + "both:1")
    docker.tag(both, "evil/both", "1")
    nameless = images(PREFIX + "replaced:1")
    import_image(docker, PREFIX + "replaced:1", marker=b"another")
    assert is_there(docker, nameless)
    shown = listed(caller)
    assert nameless not in [image["id"] for image in shown]
    assert [image["tags"] for image in shown if image["id"] == both] == [[PREFIX + "both:1"]]
    assert not any("evil" in tag for image in shown for tag in image["tags"])
    assert {"alpine:3", "tenstorrent/model:latest", PREFIX + "x:1"} <= set(tags(caller))
    docker.remove_image("evil/both:1")
    docker.remove_image(nameless)


def test_list_of_an_image_known_by_its_digest(client, docker, registry):
    """An allowed image without a tag is listed under its short id."""
    name = registry.publish(docker, "library/digest", "1")
    digest = docker.inspect_distribution(name)["Descriptor"]["digest"]
    repository = name.rsplit(":", 1)[0]
    pulled = client.post("/images/pull", {"name": f"{repository}@{digest}"})
    assert pulled.status_code == 200, pulled.text
    image = docker.inspect_image(f"{repository}@{digest}")
    assert image["RepoTags"] == []
    assert [item["tags"] for item in listed(client) if item["id"] == image["Id"]] == [[image["Id"][:19]]]
    assert [item["id"] for item in listed(client, name=repository)] == [image["Id"]]
    assert listed(client, name=f"{repository}:1") == []
    docker.remove_image(image["Id"], force=True)


def test_list_by_name(client, docker, images):
    images(PREFIX + "named:1", PREFIX + "named:2", PREFIX + "named/more:1")
    assert tags(client, name=PREFIX + "named") == [PREFIX + "named:1", PREFIX + "named:2"]
    assert tags(client, name=PREFIX + "named:2") == [PREFIX + "named:2"]
    assert tags(client, name="docker.io/library/alpine") == ["alpine:3", "alpine:latest"]
    assert tags(client, name="alpine:3") == ["alpine:3"]
    assert listed(client, name=PREFIX + "nothing") == listed(client, name="evil/x") == []
    assert_error(client.get("/images", params={"name": "a b"}), 400, "invalid_request", "name")


# Exists


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    "path, query",
    [
        ("/images/exists", {"name": PREFIX + "asked", "tag": "1"}),
        ("/images/exists", {"name": PREFIX + "asked:1"}),
        (f"/images/{PREFIX}asked:1/exists", None),
        (f"/images/{PREFIX.replace('/', '%2F')}asked:1/exists", None),
    ],
)
def test_exists(client, images, there, path, query):
    """Both spellings, slashes plain and escaped."""
    if there:
        images(PREFIX + "asked:1")
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    assert response.json() == {
        "status": "success",
        "message": f"Image {PREFIX}asked:1 " + ("exists" if there else "does not exist"),
        "exists": there,
    }


def test_exists_of_latest(client):
    """Without a tag, the tag is latest."""
    assert client.get("/images/exists", params={"name": "alpine"}).json()["exists"] is True
    assert client.get("/images/alpine/exists").json()["exists"] is True
    assert client.get("/images/exists", params={"name": "tenstorrent/x"}).json()["exists"] is False


# Remove


@pytest.mark.parametrize(
    "path, query",
    [
        ("/images/remove", {"name": PREFIX + "gone", "tag": "1", "force": "false"}),
        ("/images/remove", {"name": PREFIX + "gone:1"}),
        (f"/images/{PREFIX}gone:1", None),
        (f"/images/{PREFIX.replace('/', '%2F')}gone:1", {"force": "true"}),
    ],
)
def test_remove(client, docker, images, path, query):
    """Both spellings, slashes plain and escaped; what is not there is a 404."""
    image = images(PREFIX + "gone:1")
    response = client.session.delete(client.api + path, params=query)
    assert response.status_code == 200, response.text
    assert response.json() == {"status": "success", "message": f"Image {PREFIX}gone:1 removed successfully"}
    assert not is_there(docker, image)
    assert_error(client.session.delete(client.api + path, params=query), 404, "not_found")


def test_remove_takes_one_name(client, docker, images):
    """Other names of the image stay, and with them the image."""
    image = images(PREFIX + "shared:1")
    docker.tag(image, "evil/shared", "1")
    assert client.session.delete(client.api + f"/images/{PREFIX}shared:1").status_code == 200
    assert docker.inspect_image(image)["RepoTags"] == ["evil/shared:1"]
    docker.remove_image("evil/shared:1")


def test_remove_what_is_in_use(client, docker, images):
    """409 says why; force takes the name away from a stopped container's image, never a running one's."""
    image = images(PREFIX + "used:1")
    made = client.started(image=PREFIX + "used:1")
    path = client.api + f"/images/{PREFIX}used:1"
    body = assert_error(client.session.delete(path), 409, "conflict", "in use")
    assert "force" in body["hint"]
    docker.stop(made["id"], timeout=0)
    assert_error(client.session.delete(path), 409, "conflict", "in use")
    assert is_there(docker, PREFIX + "used:1")
    assert client.session.delete(path, params={"force": "true"}).status_code == 200
    assert not is_there(docker, PREFIX + "used:1")
    docker.remove_container(made["id"], force=True)
    with contextlib.suppress(ImageNotFound):
        docker.remove_image(image, force=True)


def test_remove_by_id(caller, docker, proxy, images):
    """An id is never looked up: it would take all names of anybody's image."""
    image = images("evil/mine:1")
    digits = image.removeprefix("sha256:")
    for name in (image, digits):
        assert_error(caller.session.delete(caller.api + f"/images/{name}"), 400, "invalid_request")
        assert_error(
            caller.session.delete(caller.api + "/images/remove", params={"name": name}), 400, "invalid_request"
        )
    assert_error(caller.session.delete(caller.api + f"/images/{digits[:12]}"), 400, "image_not_allowed")
    assert proxy.mutations() == []
    assert is_there(docker, "evil/mine:1")


# Policy, on every verb


def attempts(client, name):
    """Every way to ask for an image, by its reference."""
    repository, tag = name.rsplit(":", 1)
    yield client.post("/images/pull", {"name": name})
    yield client.post("/images/pull", {"image_name": repository, "image_tag": tag})
    yield client.post("/images/pull/start", {"image_name": repository, "image_tag": tag, "pull_id": "p"})
    yield client.get("/images/exists", params={"name": repository, "tag": tag})
    yield client.get(f"/images/{name}/exists")
    yield client.session.delete(client.api + "/images/remove", params={"name": repository, "tag": tag})
    yield client.session.delete(client.api + f"/images/{name}", params={"force": "true"})


@pytest.mark.parametrize(
    "name",
    [
        "evil/x:1", "alpine:5000/evil:1", "ghcr.io/tenstorrent-evil/x:1", "ghcr.io.evil.com/tenstorrent/x:1",
        "tenstorrent:5000/tt:1", "127.0.0.1:1/library/x:1", "registry-1.docker.io/library/alpine:3",
    ],
)  # fmt: skip
def test_not_allowed(caller, docker, proxy, name):
    """Refused on every verb, with the front's check and with the broker's alone; the Engine hears nothing."""
    for response in attempts(caller, name):
        body = assert_error(response, 400, "image_not_allowed")
        assert body["detail"] == "Image not in allowed list" and "images of" in body["hint"]
    assert not [request for request in proxy.requests if "/images/" in request.path and request.path[-5:] != "/json"]
    assert not [request for request in proxy.requests if name.rsplit(":", 1)[0] in request.target]
    assert proxy.mutations() == []
    assert_error(caller.get("/images/pull/progress/p"), 404, "not_found")


@pytest.mark.parametrize("name", ["http://ghcr.io/x:1", "user@ghcr.io/x:1", "a b:1", "alpine:3 X:1", "Alpine:1"])
def test_malformed(caller, proxy, name):
    """What is no reference is refused by the name of its field."""
    for response in (
        caller.post("/images/pull", {"name": name}),
        caller.get("/images/exists", params={"name": name}),
        caller.session.delete(caller.api + "/images/remove", params={"name": name}),
    ):
        assert_error(response, 400, "invalid_request", "name")
    assert proxy.mutations() == []


@pytest.mark.parametrize(
    "scopes, allowed",
    [
        (["images:read"], {"list", "exists"}),
        (["images:pull"], {"pull", "start", "progress", "events"}),
        (["images:remove"], {"remove"}),
        (["containers:*", "networks:*"], set()),
    ],
)
def test_scopes(checked_service, proxy, scopes, allowed):
    """Each verb asks for its own scope; a token can have fewer than its service."""
    proxy.clear()
    proxy.answer(is_pull, reply(404, {"message": "pull access denied"}))
    image = {"name": "tenstorrent/never", "tag": "1"}
    pull = {"image_name": "tenstorrent/never", "image_tag": "1"}
    with contextlib.closing(checked_service.client(scope=" ".join(scopes))) as client:
        answers = {
            "list": client.get("/images"),
            "exists": client.get("/images/exists", params=image),
            "pull": client.post("/images/pull", pull),
            "start": client.post("/images/pull/start", {**pull, "pull_id": "scopes"}),
            "progress": client.get("/images/pull/progress/scopes"),
            "events": client.get("/images/pull/events/scopes"),
            "remove": client.session.delete(client.api + "/images/remove", params=image),
        }
    for verb, answer in answers.items():
        assert (answer.status_code != 403) == (verb in allowed), (verb, answer.text)


def test_on_record(start_service, docker, images):
    """A removal: intent, then result."""
    service = start_service()
    images(PREFIX + "record:1")
    with contextlib.closing(service.client()) as client:
        client.session.delete(client.api + f"/images/{PREFIX}record:1")
    lines = [json.loads(line) for line in service.audit_file.read_text().splitlines()]
    intent, result = [line for line in lines if line.get("operation") == "images.remove"]
    assert intent["event"] == "intent" and intent["request"]["image"] == PREFIX + "record:1"
    assert (result["event"], result["outcome"]) == ("result", "success")


def test_an_engine_error_tells_nothing(start_service, own_proxy):
    """What the Engine says about a failure stays in the log."""
    own_proxy.answer(
        lambda request: "/images/" in request.path, reply(500, {"message": "open /var/lib/secret: oops"})
    )
    service = start_service(docker_socket=own_proxy.path)
    with contextlib.closing(service.client()) as client:
        for response in (
            client.get("/images"),
            client.get("/images/exists", params={"name": "alpine"}),
            client.session.delete(client.api + "/images/alpine:3"),
            client.post("/images/pull", {"name": "alpine:3"}),
        ):
            assert_error(response, 502, "engine_failure")
            assert "secret" not in response.text
    assert "secret" in service.log
