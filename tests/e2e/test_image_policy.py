# SPDX-License-Identifier: Apache-2.0
"""Image references: the same verdicts with the front's check and with the broker alone.

The recording proxy stands before the Engine and answers every pull itself, so an allowed reference
shows as a pull of its one canonical name, and a refused one as no request at all.
"""

import contextlib
import json
import urllib.parse

import pytest
from docker.errors import ImageNotFound

from harness.client import assert_error
from harness.fake_engine import reply
from harness.paths import ROOT
from harness.proxy import is_create, is_pull

# The table that the unit tests read too; rows with a tag of their own belong to other routes.
TABLE = json.loads((ROOT / "tests" / "vectors" / "images.json").read_text(encoding="utf-8"))
VECTORS = {row["image"]: row for row in TABLE if "tag" not in row}

# What only HTTP and the Engine's URLs could get wrong.
VECTORS |= {
    image: {"canonical": None, "verdict": "invalid"}
    for image in (
        "alpine:3\r\nX: y", "alpine\0:3", "alpine:3?x=1", "alpine:3&tag=evil", "..",
        "alpine:3%00", "alpine:${x}", "alpine;3", "\\alpine:3", "tenstorrent/" + "x" * 500,
    )
}  # fmt: skip


def images_with(verdict):
    return [image for image, row in VECTORS.items() if row["verdict"] == verdict]


@pytest.fixture
def caller(checked_service, proxy):
    proxy.clear()
    refusal = reply(404, {"message": "pull access denied"})
    proxy.answer(is_pull, refusal)
    with contextlib.closing(checked_service.client()) as client:
        yield client


def short(value):
    return ascii(value)[1:60]


def is_present(docker, image):
    try:
        return bool(docker.inspect_image(image))
    except ImageNotFound:
        return False


def pulled_name(request):
    """The one reference that a pull asks for."""
    query = urllib.parse.parse_qs(request.target.partition("?")[2], strict_parsing=True)
    assert set(query) <= {"fromImage", "tag"}
    name, tag = query["fromImage"][0], query.get("tag", [""])[0]
    return name + ("@" if ":" in tag else ":") + tag if tag else name


@pytest.mark.parametrize("image", images_with("allow"), ids=short)
def test_allowed(caller, proxy, docker, image):
    """An allowed reference reaches the Engine, under its canonical name only."""
    canonical = VECTORS[image]["canonical"]
    if is_present(docker, canonical):
        assert caller.run(image=image).status_code == 200
        create = next(request for request in proxy.requests if is_create(request))
        assert json.loads(create.body)["Image"] == canonical
        return
    assert_error(caller.run(image=image), 404, "not_found")
    assert [pulled_name(request) for request in proxy.requests if is_pull(request)] == [canonical]
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("image", images_with("refuse"), ids=short)
def test_not_listed(caller, proxy, docker, image):
    """A reference outside the list is refused, and the Engine hears nothing of it."""
    body = assert_error(caller.run(image=image), 400, "image_not_allowed")
    assert body["detail"] == "Image not in allowed list"
    assert "hint" in body
    assert proxy.mutations() == []
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("image", images_with("invalid"), ids=short)
def test_malformed(caller, proxy, docker, image):
    """What is no reference is refused, and the Engine hears nothing of it."""
    assert_error(caller.run(image=image), 400, "invalid_request")
    assert proxy.mutations() == []
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("reference", ["alpine", "alpine:3", "docker.io/library/alpine:3", "library/alpine:3"])
def test_one_and_the_same(caller, proxy, docker, reference):
    """Spellings of one image run one image, created by its fully qualified name."""
    made = caller.started(image=reference)
    assert not any(is_pull(request) for request in proxy.requests)
    create = next(request for request in proxy.requests if is_create(request))
    tag = "3" if reference.endswith(":3") else "latest"
    assert json.loads(create.body)["Image"] == f"docker.io/library/alpine:{tag}"
    image = docker.inspect_image(f"alpine:{tag}")["Id"]
    assert docker.inspect_container(made["id"])["Image"] == image


def test_an_image_called_like_an_id(caller, docker):
    """An image's id, short or long, is not a name for it."""
    image = docker.inspect_image("alpine:3")["Id"]
    for reference in (image, image.split(":")[1], image.split(":")[1][:12]):
        assert caller.run(image=reference).status_code == 400
    assert docker.containers(all=True) == []
