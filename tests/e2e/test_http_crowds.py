# SPDX-License-Identifier: Apache-2.0
"""Many connections: who gets a place, who makes room, what an idle one costs, and floods."""

import contextlib
import json
import shutil
import socket
import subprocess

import pytest

from harness import policies, procs
from harness.crowd import PER_ADDRESS, HostileCrowd, allow_descriptors, connect
from harness.fake_engine import container
from harness.http_bytes import RawConnection, Reader, assert_ok, assert_refused, request
from harness.wait import wait_for

LIVE = "/api/v1/livez"
HEALTH = "/api/v1/health"
LIST = "/api/v1/containers"

STRANGERS = 256
SHARE = 64  # of one address
SMALL = "a" * 64


def bearer_of(service, name="tt_studio_backend"):
    return ("Authorization", f"Bearer {service.token(name)}")


@pytest.fixture
def crowd():
    """Connections and other things that are closed at the end."""
    with contextlib.ExitStack() as stack:
        yield stack


def token_holders(crowd, service, count, source=None):
    """Connections on which a request with a good token has been answered."""
    asked = request("GET", LIST, [bearer_of(service)])
    holders = []
    for _ in range(count):
        raw = crowd.enter_context(RawConnection(service.port, source=source))
        raw.send(asked)
        assert_ok(raw)
        holders.append(raw)
    return holders


def assert_all_answer(connections, service):
    asked = request("GET", LIST, [bearer_of(service)])
    for raw in connections:
        raw.send(asked)
        assert_ok(raw)


def silent(crowd, service, count):
    """Connections of several addresses that say nothing."""
    return [crowd.enter_context(connect(service.port, number)) for number in range(count)]


def is_served(service, *headers, path=LIVE, source=None):
    with RawConnection(service.port, source=source) as raw:
        raw.send(request("GET", path, headers))
        assert_ok(raw)


def test_H33_one_address(crowd, start_service):
    """Token holders of one address have 64 connections; the next is closed at once, others are not."""
    service = start_service()
    holders = token_holders(crowd, service, SHARE, "127.0.0.9")
    with RawConnection(service.port, source="127.0.0.9") as late:
        assert late.closed()
    is_served(service, source="127.0.0.10")
    holders.pop().socket.close()
    wait_for(lambda: not late_is_closed(service, "127.0.0.9"), what="the place to be free")
    assert_all_answer(holders, service)


def late_is_closed(service, source):
    with RawConnection(service.port, source=source) as late:
        with contextlib.suppress(OSError):
            late.send(request("GET", LIVE))
        return late.answer() is None


def test_H33_one_address_of_strangers(crowd, start_service):
    """Who holds all connections of an address and says nothing does not keep its neighbours out."""
    service = start_service()
    first = RawConnection(service.port, source="127.0.0.9")
    crowd.enter_context(first)
    for _ in range(SHARE - 1):
        crowd.enter_context(RawConnection(service.port, source="127.0.0.9"))
    is_served(service, bearer_of(service), path=LIST, source="127.0.0.9")
    assert first.closed()


def test_H33_all_connections(crowd, start_service):
    """When token holders have every place, others are told so and sent away."""
    service = start_service(settings={"max_connections": 24, "max_connections_per_address": 100})
    holders = token_holders(crowd, service, 24)
    for _ in range(16):
        late = crowd.enter_context(RawConnection(service.port))
        assert assert_refused(late, (503,)).header("retry-after") == "1"
    assert_all_answer(holders, service)
    holders.pop().socket.close()

    def place():
        with RawConnection(service.port) as raw:
            with contextlib.suppress(OSError):
                raw.send(request("GET", LIVE))
            answer = raw.answer()
            return answer is not None and answer.status == 200

    wait_for(place, what="the place to be free")


def test_H33_early_drop(crowd, start_service):
    """Strangers that say nothing make room, the oldest first; token holders keep their places."""
    service = start_service()
    holders = token_holders(crowd, service, 10)
    quiet = silent(crowd, service, STRANGERS + 50)
    is_served(service, bearer_of(service), path=LIST)
    is_served(service, path=HEALTH)
    assert all(Reader(sock).next_message() is None for sock in quiet[:50])  # closed without a word
    assert_all_answer(holders, service)
    quiet[-1].sendall(request("GET", LIVE))
    assert Reader(quiet[-1]).next_message().status == 200
    wait_for(lambda: "event=strangers_dropped" in service.log, what="a word in the log")


def test_H33_slow_strangers_keep_their_places_until_they_are_needed(crowd, start_service):
    """Without a crowd nobody is dropped, and answers keep the connection open."""
    service = start_service()
    quiet = silent(crowd, service, STRANGERS - 2)
    with RawConnection(service.port) as raw:
        for _ in range(3):
            raw.send(request("GET", LIVE))
            assert assert_ok(raw).header("connection") is None
    quiet[0].sendall(request("GET", LIVE))
    assert Reader(quiet[0]).next_message().status == 200


def test_H33_slow_crowd(crowd, start_service, big_engine):
    """A thousand heads that never end and five hundred answers that are hardly read: whoever asks
    properly is served, with a token and without."""
    service = start_service(docker_socket=big_engine.path, settings={"max_connections": 2000})
    with contextlib.closing(service.client("observer")) as client:
        big_engine.on("GET", f"/containers/{SMALL}/json", container(SMALL, 100))
        asked = request("GET", LIST, [bearer_of(service)])
        loris = crowd.enter_context(HostileCrowd("loris", service.port, 1000))
        readers = crowd.enter_context(HostileCrowd("readers", service.port, 500, asked))
        for _ in range(200):
            assert client.get(f"/containers/{SMALL}").status_code == 200
            is_served(service, bearer_of(service, "observer"), path=f"{LIST}/{SMALL}")
            is_served(service, path=HEALTH)
        assert int(procs.status(service.front)["VmRSS"].split()[0]) < 256 * 1024
        seen = {"loris": loris.close(), "readers": readers.close()}
    assert seen["loris"]["made"] >= 1000 and seen["loris"]["cut"] > 0, seen
    assert seen["readers"]["made"] >= 500 and seen["readers"]["read"] > 0, seen


def allow_files(pid, count):
    """Sets the front's limit on open files, as its own user: root may lack CAP_SYS_RESOURCE."""
    become = ["setpriv", "--reuid=docker-control", "--regid=docker-control", "--clear-groups"]
    subprocess.run([*become, "prlimit", f"--pid={pid}", f"--nofile={count}:"], check=True)


def test_H34_out_of_descriptors(crowd, start_service):
    """Without descriptors accepting rests, without turning in circles, and comes back by itself."""
    service = start_service()
    (holder,) = token_holders(crowd, service, 1)
    allow_files(service.front, 8)
    waiting = [crowd.enter_context(RawConnection(service.port)) for _ in range(20)]
    wait_for(lambda: "event=accept_failed" in service.log, what="accept to fail")
    start = cpu_seconds(service.front)
    assert_all_answer([holder], service)
    wait_for(lambda: service.log.count("event=accept_failed") >= 3, what="accept to be tried again")
    assert cpu_seconds(service.front) - start < 0.5
    allow_files(service.front, 1200)
    waiting[-1].send(request("GET", LIVE))
    assert_ok(waiting[-1])
    assert_all_answer([holder], service)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_too_few_descriptors(start_service):
    """A limit on open files that is too low for the configuration is told, with what to do."""
    service = start_service(wrapper=[shutil.which("prlimit"), "--nofile=200:200"])
    assert "max_connections=1024" in service.log and "LimitNOFILE=" in service.log
    with contextlib.ExitStack() as stack:
        for number in range(150):
            sock = stack.enter_context(connect(service.port, number))
            sock.sendall(request("GET", LIST, [bearer_of(service)]))
            assert Reader(sock).next_message().status == 200
        is_served(service, path=HEALTH)
    assert "accept_failed" not in service.log


IDLE = 10000
IDLE_BYTES = 4096


def test_idle_connections_cost_little(crowd, start_service, figures):
    """Ten thousand connections of token holders that are idle after an answer: 4 KiB each at most."""
    allow_descriptors(IDLE + 500)
    service = start_service(settings={"max_connections": IDLE}, policy=policies.unhurried())
    asked = request("GET", LIST, [bearer_of(service)])

    def answered(number):
        sock = crowd.enter_context(connect(service.port, number))
        sock.sendall(asked)
        assert Reader(sock).next_message().status == 200
        return sock

    def resident():
        return int(procs.status(service.front)["VmRSS"].split()[0]) * 1024

    warm = [answered(number) for number in range(PER_ADDRESS)]
    before = resident()
    idle = [answered(number) for number in range(PER_ADDRESS, IDLE)]
    cost = (resident() - before) / len(idle)
    figures["front: bytes for an idle connection"] = round(cost)
    assert cost <= IDLE_BYTES
    late = crowd.enter_context(connect(service.port, IDLE))
    assert Reader(late).next_message().status == 503
    late.close()
    for sock in [*warm, *idle[:: len(idle) // 200], idle[-1]]:
        sock.sendall(asked)
        answer = Reader(sock).next_message()
        assert json.loads(answer.body)["status"] == "success"
    for sock in idle[:100]:
        sock.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: accepts(service, asked), what="a place")


def accepts(service, asked):
    with connect(service.port, IDLE + PER_ADDRESS) as sock, contextlib.suppress(OSError):
        sock.sendall(asked)
        answer = Reader(sock).next_message()
        return answer is not None and answer.status == 200
    return False
