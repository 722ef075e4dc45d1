# SPDX-License-Identifier: Apache-2.0
"""Many slow followers of a container that prints as fast as it can."""

from harness import log_load

FOLLOWERS = 200
SECONDS = 12


def test_slow_followers(start_service, engine, docker, figures):
    """Memory stays where it is, nobody else waits for long, and one that keeps up misses no line.

    tests/bench shows the same with figures; the bounds here are for a busy machine.
    """
    service = start_service()
    found = log_load.run(engine, service, docker, FOLLOWERS, SECONDS)
    figures["200 slow followers"] = found
    # Each follower may hold the frames of its credit, the write queue, and little else.
    for process in ("broker", "front"):
        _, early, late = found["memory"][process]
        assert late < 100, found
        assert late < early + 16, found
    for question in ("list", "inspect"):
        assert found["followed"][question][0] < 1000, found
    assert found["fast"]["gaps"] == 0 and found["fast"]["lines"] > 10_000, found
    assert found["slow"]["ended"] == 0, found
    # They are served, at the pace that they read with.
    assert found["slow"]["least"] > 10_000, found
    assert service.log.count("[critical]") == 0
