# SPDX-License-Identifier: Apache-2.0
"""Many slow followers of a container that prints as fast as it can: what it costs the others."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from . import procs

READERS = Path(__file__).with_name("log_readers.py")
# Numbered lines of about a hundred bytes, for ever.
FLOOD = 'BEGIN { for (i = 1; ; i++) print i, "%s" }' % ("x" * 90)


@contextlib.contextmanager
def flood(docker):
    """A container that prints all the time; its log is not rotated, so that none of it can be missed."""
    made = docker.create_container("alpine:3", ["awk", FLOOD])["Id"]
    docker.start(made)
    try:
        yield made
    finally:
        docker.remove_container(made, force=True)


class Reader:
    """One run of log_readers.py; done() ends it and gives its figures."""

    def __init__(self, service, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, str(READERS), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TOKEN": service.token()},
        )

    def ready(self):
        assert self.process.stdout.readline() == "ready\n"

    def done(self):
        output, _ = self.process.communicate("end\n", timeout=60)
        return json.loads(output)

    def close(self):
        self.process.kill()
        self.process.wait(10)


class Memory:
    """Resident sizes of processes in MiB, sampled."""

    def __init__(self, **pids):
        self.pids = pids
        self.samples = {name: [] for name in pids}

    def sample(self):
        for name, pid in self.pids.items():
            self.samples[name].append(int(procs.status(pid)["VmRSS"].split()[0]) / 1024)

    def figures(self):
        """name: (at the first sample, the most in the first half, the most in the second)"""
        found = {}
        for name, sizes in self.samples.items():
            half = len(sizes) // 2
            found[name] = tuple(round(size, 1) for size in (sizes[0], max(sizes[:half]), max(sizes[half:])))
        return found


def latencies(client, container, seconds, memory=None):
    """{question: (median ms, p99 ms)} of what one caller asks again and again for so long."""
    times = {"list": [], "inspect": []}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for question, path in (("list", "/containers"), ("inspect", f"/containers/{container}")):
            response, taken = client.timed("GET", path)
            assert response.status_code == 200, response.text
            times[question].append(taken * 1000)
        if memory:
            memory.sample()
        time.sleep(0.05)  # a caller that asks now and then, not a load of its own
    return {
        question: (round(statistics.median(found), 1), round(sorted(found)[int(len(found) * 0.99)], 1))
        for question, found in times.items()
    }


def run(engine, service, docker, followers, seconds, rate=10_000):
    """The scenario; returns its figures by name."""
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(contextlib.closing(service.client()))
        other = client.started()["id"]
        figures = {"alone": latencies(client, other, min(seconds, 10))}
        made = stack.enter_context(flood(docker))
        figures["flood"] = latencies(client, other, min(seconds, 10))
        memory = Memory(broker=service.broker, front=service.front, engine=engine.process.pid)
        path = f"/api/v1/containers/{made}/logs?follow=true&tail="
        slow = Reader(service, "slow", service.port, path + "all", followers, rate)
        stack.callback(slow.close)
        slow.ready()
        fast = Reader(service, "fast", service.port, path + "all")
        stack.callback(fast.close)
        fast.ready()
        figures["followed"] = latencies(client, other, seconds, memory)
        figures["memory"] = memory.figures()
        figures["fast"], figures["slow"] = fast.done(), slow.done()
    return figures
