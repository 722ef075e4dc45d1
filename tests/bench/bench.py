# SPDX-License-Identifier: Apache-2.0
"""What docker-control adds to the Engine's own answers.

The same questions go to the Engine directly and through both our processes, in turn, over one
kept-alive connection each, so that the machine's mood hits both alike. Times in microseconds.
"""

import argparse
import contextlib
import json
import socket
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import crowds  # noqa: E402
import followers  # noqa: E402
from harness import policies  # noqa: E402
from harness.engine import PrivateEngine  # noqa: E402
from harness.http_bytes import Reader, request  # noqa: E402
from harness.paths import staged_programs  # noqa: E402
from harness.service import Service  # noqa: E402

CONTAINERS = 10
WARM_UP = 50
PER_CONNECTION = 900  # the front closes one after 1000 requests


class Question:
    """One request, repeated on one connection, and how long each answer took."""

    def __init__(self, name, connect, data):
        self.name = name
        self.connect = connect
        self.data = data
        self.times = []
        self.left = 0

    def ask(self):
        if self.left == 0:
            self.connection = self.connect()
            self.reader = Reader(self.connection)
            self.left = PER_CONNECTION
        self.left -= 1
        start = time.perf_counter_ns()
        self.connection.sendall(self.data)
        answer = self.reader.next_message()
        self.times.append((time.perf_counter_ns() - start) / 1000)
        assert answer is not None and answer.status == 200, answer
        return answer

    @property
    def median(self):
        return statistics.median(self.times)

    @property
    def p99(self):
        return sorted(self.times)[int(len(self.times) * 0.99)]


def to_engine(engine, path, name):
    def connect():
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(engine.socket))
        return connection

    return Question(name, connect, request("GET", path))


def to_service(service, path, name):
    def connect():
        connection = socket.create_connection(("127.0.0.1", service.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    token = ("Authorization", f"Bearer {service.token()}")
    return Question(name, connect, request("GET", path, [token]))


def measure(questions, samples):
    for turn in range(WARM_UP + samples):
        for question in questions:
            question.ask()
        if turn == WARM_UP - 1:
            for question in questions:
                question.times.clear()


def start_containers(service):
    with contextlib.closing(service.client()) as client:
        for number in range(CONTAINERS):
            client.started(name=f"bench-{number}", ports={"80/tcp": 8003 + number})


def report(engine_list, engine_inspect, our_list, our_inspect):
    print(f"\n{'question':34} {'median us':>10} {'p99 us':>10}")
    for question in (engine_list, our_list, engine_inspect, our_inspect):
        print(f"{question.name:34} {question.median:10.0f} {question.p99:10.0f}")
    base = engine_list.median + engine_inspect.median
    print(f"\nlist: {our_list.median / base:.2f} times the Engine's list plus one inspect (promise: at most 3)")
    added = our_inspect.median - engine_inspect.median
    print(f"inspect: {added:+.0f} us at the median (promise: at most 150)")


def run(engine, samples):
    service = Service(
        engine.directory / "bench", staged_programs(engine.directory), engine.socket, policy=policies.unhurried()
    )
    try:
        service.start()
        start_containers(service)
        questions = (
            to_engine(engine, "/containers/json?all=1", f"Engine: list of {CONTAINERS}"),
            to_engine(engine, "/containers/bench-0/json", "Engine: inspect"),
            to_service(service, "/api/v1/containers?all=true", f"docker-control: list of {CONTAINERS}"),
            to_service(service, "/api/v1/containers/bench-0", "docker-control: inspect"),
        )
        listed = json.loads(questions[2].ask().body)["containers"]
        assert len(listed) == CONTAINERS
        # Each with its like: what a list leaves behind (garbage, cold caches) is not the inspect's.
        measure((questions[0], questions[2]), samples)
        measure((questions[1], questions[3]), samples)
        report(questions[0], questions[1], questions[2], questions[3])
    finally:
        service.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000, help="of each question, at least 500")
    samples = max(500, parser.parse_args().samples)
    engine = PrivateEngine()
    try:
        engine.start()
        engine.load_images()
        run(engine, samples)
        crowds.run(engine, samples)
        followers.run(engine)
    finally:
        engine.close()


if __name__ == "__main__":
    main()
