# SPDX-License-Identifier: Apache-2.0
"""What a hostile crowd costs the others: 1,000 clients whose heads never end, 500 token holders that
hardly read a large answer, and an honest client beside them. Times in microseconds."""

import contextlib
import statistics
import time

from harness import policies
from harness.crowd import HostileCrowd
from harness.http_bytes import RawConnection, request
from harness.paths import staged_programs
from harness.service import Service

LORIS = 1000
READERS = 500
# Together more than the kernel keeps for one connection and the front for one answer.
BIG_CONTAINERS = 80
BIG_LABEL = "x" * 65536
IMAGE = "alpine:3"
PROMISE = 100  # milliseconds at the 99th percentile

LIST = "/api/v1/containers?all=true"
INSPECT = "/api/v1/containers/honest"
HEALTH = "/api/v1/health"


class Honest:
    """Asks in three ways, in turn; knows how long each took and how many went wrong."""

    WAYS = ("kept-alive connection", "new connection", "stranger's health")

    def __init__(self, service):
        self.port = service.port
        self.inspect = request("GET", INSPECT, [("Authorization", f"Bearer {service.token('observer')}")])
        self.kept = RawConnection(self.port)
        self.times = {way: [] for way in self.WAYS}
        self.errors = 0

    def ask(self):
        self._timed(self.WAYS[0], self._kept)
        self._timed(self.WAYS[1], lambda: self._once(self.inspect))
        self._timed(self.WAYS[2], lambda: self._once(request("GET", HEALTH)))

    def close(self):
        self.kept.socket.close()

    def p99(self, way):
        return sorted(self.times[way])[int(len(self.times[way]) * 0.99)]

    def _timed(self, way, act):
        start = time.perf_counter_ns()
        try:
            status = act()
        except OSError:
            status = None
        self.times[way].append((time.perf_counter_ns() - start) / 1000)
        self.errors += status != 200

    def _kept(self):
        self.kept.send(self.inspect)
        answer = self.kept.answer()
        if answer is None or answer.header("connection") == "close":  # after 1000 requests
            self.kept.socket.close()
            self.kept = RawConnection(self.port)
        return answer and answer.status

    def _once(self, data):
        with RawConnection(self.port) as raw:
            raw.send(data)
            answer = raw.answer()
            return answer and answer.status


def measure(service, name, samples, crowds):
    with contextlib.ExitStack() as stack:
        hostile = [stack.enter_context(HostileCrowd(*crowd)) for crowd in crowds]
        honest = Honest(service)
        stack.callback(honest.close)
        for _ in range(samples):
            honest.ask()
        seen = [crowd.close() for crowd in hostile]
    for way in Honest.WAYS:
        times = honest.times[way]
        print(f"{name:22} {way:22} {statistics.median(times):10.0f} {honest.p99(way):10.0f} {max(times):10.0f}")
    worst = max(honest.p99(way) for way in Honest.WAYS) / 1000
    if crowds:
        print(f"{'':22} the crowd: {'; '.join(str(each) for each in seen)}")
    return worst, honest.errors


def make_containers(engine):
    with contextlib.closing(engine.client()) as client:
        client.create_container(IMAGE, ["true"], name="honest")
        for number in range(BIG_CONTAINERS):
            client.create_container(IMAGE, ["true"], name=f"big-{number}", labels={"pad": BIG_LABEL})


def remove_containers(engine):
    with contextlib.closing(engine.client()) as client:
        for name in ["honest", *(f"big-{number}" for number in range(BIG_CONTAINERS))]:
            client.remove_container(name, force=True)


def run(engine, samples):
    service = Service(
        engine.directory / "crowds", staged_programs(engine.directory), engine.socket,
        policy=policies.unhurried(), settings={"max_connections": 2000},
    )  # fmt: skip
    try:
        service.start()
        make_containers(engine)
        read = request("GET", LIST, [("Authorization", f"Bearer {service.token()}")])
        loris, readers = ("loris", service.port, LORIS), ("readers", service.port, READERS, read)
        print(f"\n{'beside':22} {'an honest client on a':22} {'median us':>10} {'p99 us':>10} {'worst us':>10}")
        results = [
            measure(service, "nobody", samples, []),
            measure(service, f"{LORIS} slow heads", samples, [loris]),
            measure(service, f"{READERS} slow readers", samples, [readers]),
            measure(service, "both", samples, [loris, readers]),
        ]
        worst, errors = max(result[0] for result in results), sum(result[1] for result in results)
        print(f"\ncrowds: {worst:.1f} ms at the 99th percentile, {errors} errors (promise: {PROMISE} ms, none)")
    finally:
        service.close()
        remove_containers(engine)
