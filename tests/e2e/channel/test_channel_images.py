# SPDX-License-Identifier: Apache-2.0
"""Image references as raw frames: the same verdicts as over HTTP, see test_image_policy.py."""

import json

import pytest

from harness.owned_front import SLEEP, assert_breach, failure, results, submission
from harness.proxy import is_create, is_pull
from harness.wait import wait_for
from test_image_policy import VECTORS, images_with, is_present, pulled_name, short


@pytest.mark.parametrize("image", images_with("allow"), ids=short)
def test_image_allowed(channel, proxy, docker, image):
    """Sent canonical or as the client wrote it, it reaches the Engine under its canonical name."""
    canonical = VECTORS[image]["canonical"]
    for text in (canonical, image):
        proxy.requests.clear()
        answer = channel.run(image=text)
        if is_present(docker, canonical):
            assert answer.kind == "ContainerStarted"
            assert json.loads(next(filter(is_create, proxy.requests)).body)["Image"] == canonical
        else:
            assert failure(answer) == "not_found"
            assert [pulled_name(request) for request in filter(is_pull, proxy.requests)] == [canonical]


def test_images_refused(owned, channel, untouched):
    """A reference outside the list is denied, with nobody but the broker to do it."""
    images = images_with("refuse")
    before = len(results(owned))
    for image in images:
        for text in (image, VECTORS[image]["canonical"]):
            assert failure(channel.run(image=text)) == "image_not_allowed", text
    wait_for(lambda: len(results(owned)) == before + 2 * len(images), what="the audit's last line")
    assert set(results(owned)[before:]) == {"image_not_allowed"}
    untouched()


@pytest.mark.parametrize("image", images_with("invalid"), ids=short)
def test_image_malformed(owned, channel, untouched, image):
    """What is no reference is no frame either."""
    data = image.encode("utf-8", "surrogatepass")
    assert_breach(owned, submission(channel, ("RunContainer", {**SLEEP, "image": data})), channel)
    untouched()
