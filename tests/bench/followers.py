# SPDX-License-Identifier: Apache-2.0
"""200 clients that follow a log at 10 KB/s each, of a container that prints as fast as it can."""

import contextlib

from harness import log_load, policies
from harness.paths import staged_programs
from harness.service import Service

FOLLOWERS = 200
SECONDS = 60
MIB = 1 << 20


def report(found):
    print(f"\n{FOLLOWERS} slow followers for {SECONDS} s")
    print(f"{'another caller, ms':34} {'median':>10} {'p99':>10}")
    names = {"alone": "nothing else", "flood": "a container that prints", "followed": "and its followers"}
    for question in ("list", "inspect"):
        for key, name in names.items():
            median, p99 = found[key][question]
            print(f"{question + ', ' + name:34} {median:10.1f} {p99:10.1f}")
    print(f"{'resident, MiB':34} {'first':>10} {'1st half':>10} {'2nd half':>10}")
    for process, sizes in found["memory"].items():
        print(f"{process:34} " + " ".join(f"{size:10.1f}" for size in sizes))
    fast, slow = found["fast"], found["slow"]
    pace = fast["lines"] / fast["seconds"]
    print(
        f"one that keeps up: {fast['lines']} lines, {fast['gaps']} gaps, {pace:.0f} a second, "
        f"{fast['bytes'] / fast['seconds'] / MIB:.1f} MiB/s of events"
    )
    print(f"the slow ones: {slow['least']} to {slow['most']} bytes each, {slow['ended']} ended early")


def run(engine):
    service = Service(
        engine.directory / "followers",
        staged_programs(engine.directory),
        engine.socket,
        policy=policies.unhurried(),
    )
    try:
        service.start()
        with contextlib.closing(engine.client()) as docker:
            report(log_load.run(engine, service, docker, FOLLOWERS, SECONDS))
    finally:
        service.close()
