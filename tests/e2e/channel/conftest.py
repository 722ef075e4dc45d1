# SPDX-License-Identifier: Apache-2.0
"""A service whose front is an attacker's, for the tests of this folder.

A breach is a frame that no honest front can have sent: the front is killed, and the audit says so.
A denial is an ordinary answer. What the Engine was asked is seen by the recording proxy, which answers
every pull by itself.
"""

import pytest

from harness import policies
from harness.fake_engine import reply
from harness.proxy import is_pull
from harness.raw_channel import OwnedService


@pytest.fixture(scope="module")
def owned(engine, programs, proxy):
    """The service whose front is ours, shared by the tests of this file."""
    directory = engine.directory / "service-owned"
    service = OwnedService(directory, programs, proxy.path, policy=policies.standard())
    try:
        yield service.start()
    finally:
        service.close()


@pytest.fixture(autouse=True)
def same_broker(owned, proxy):
    """Whatever a test sends, the broker stays and serves the next front."""
    proxy.clear()
    proxy.answer(is_pull, reply(404, {"message": "pull access denied"}))
    yield
    assert owned.process.poll() is None, owned.log[-4000:]
    proxy.clear()
    assert owned.connect().ask("ListContainers", {"all": True}).kind == "Done"


@pytest.fixture
def channel(owned):
    return owned.connect()


@pytest.fixture
def untouched(proxy, docker):
    """Asserts that the Engine was not asked to change anything, and holds no container."""

    def check():
        assert proxy.mutations() == []
        assert docker.containers(all=True) == []

    return check
