# SPDX-License-Identifier: Apache-2.0
"""What a service may have at a time, all its containers together; the Engine shows what exists."""

import concurrent.futures
import contextlib
import json
import pathlib

import pytest

from harness.client import assert_error
from harness.wait import wait_for

DEFAULTS = """\
[defaults]
networks = ["bridge", "net_one", "net_two", "net_three"]
memory   = {{default = "16m", max = "128m"}}
cpus     = {{default = 0.1, max = 2}}
ports    = {{host = ["8003-8102"]}}
quota    = {{{quota}}}
"""

SERVICES = """
[service.tt_studio_backend]
scopes = ["containers:*", "networks:*"]
images = ["alpine:"]

[service.other]
scopes = ["containers:*", "networks:*"]
images = ["alpine:"]
"""


def policy(quota):
    return DEFAULTS.format(quota=quota) + SERVICES


@pytest.fixture
def limited(start_service):
    """limited(QUOTA): a service under that quota."""
    return lambda quota, **options: start_service(policy=policy(quota), **options)


def names(docker, **filters):
    return sorted(item["Names"][0].lstrip("/") for item in docker.containers(all=True, filters=filters))


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


def at_once(service, requests):
    """The answers to these runs, asked for at the same time."""

    def run(fields):
        with contextlib.closing(service.client()) as client:
            return client.run(**fields)

    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(run, requests))


def test_exact_under_races(limited, docker):
    """Of many runs at once, exactly as many are made as the quota has room for."""
    service = limited("containers = 3")
    answers = at_once(service, [{"name": f"race-{number}"} for number in range(16)])
    assert statuses(answers) == [200] * 3 + [400] * 13
    assert len(names(docker)) == 3
    refused = next(answer for answer in answers if answer.status_code == 400)
    body = assert_error(refused, 400, "quota_exceeded", mentions="quota of containers")
    assert "quota.containers" in body["hint"]


@pytest.mark.parametrize(
    "quota, fields, fits",
    [
        ('memory = "64m"', {"mem_limit": "32m"}, 2),
        ("cpus = 0.3", {"cpus": 0.1}, 3),
        ("ports = 2", {}, 2),
    ],
    ids=["memory", "cpus", "ports"],
)
def test_sums(limited, docker, quota, fields, fits):
    service = limited(quota)
    asked = []
    for number in range(fits + 3):
        ports = {"ports": {"80/tcp": 8010 + number}} if quota.startswith("ports") else {}
        asked.append({"name": f"sum-{number}", **fields, **ports})
    answers = at_once(service, asked)
    assert statuses(answers) == [200] * fits + [400] * 3
    assert len(names(docker)) == fits


def test_networks(limited, docker):
    service = limited("networks = 2")
    with contextlib.closing(service.client()) as client:
        answers = [client.post("/networks/create", {"name": f"net_{name}"}) for name in ("one", "two", "three")]
    assert statuses(answers) == [200, 200, 400]
    assert_error(answers[2], 400, "quota_exceeded")
    assert not [network for network in docker.networks() if network["Name"] == "net_three"]


def test_services_have_quotas_of_their_own(limited, docker):
    service = limited("containers = 1")
    with contextlib.closing(service.client()) as first, contextlib.closing(service.client("other")) as other:
        first.started(name="one")
        assert_error(first.run(name="two"), 400, "quota_exceeded")
        other.started(name="two")
    assert names(docker) == ["one", "two"]


def test_what_others_made_does_not_count(limited, docker):
    """Nor does a container whose labels somebody copied from one of ours onto another image."""
    service = limited("containers = 2")
    with contextlib.closing(service.client()) as client:
        made = client.started(name="one")
        labels = docker.inspect_container(made["id"])["Config"]["Labels"]
        docker.create_container("tenstorrent/model:latest", ["true"], name="copied", labels=labels)
        docker.create_container("alpine:3", ["true"], name="foreign")
        client.started(name="two")
        assert_error(client.run(name="three"), 400, "quota_exceeded")
    assert names(docker) == ["copied", "foreign", "one", "two"]


def test_ended_containers_free_what_they_held(limited, docker):
    """A container that has ended counts as one and holds no memory; to start it takes its place again."""
    service = limited('memory = "32m", containers = 2')
    with contextlib.closing(service.client()) as client:
        one = client.started(name="one", mem_limit="32m")
        assert_error(client.run(name="two", mem_limit="8m"), 400, "quota_exceeded")
        assert client.post(f"/containers/{one['id']}/stop", {"timeout": 0}).status_code == 200
        client.started(name="two", mem_limit="8m")
        for verb in ("start", "restart"):
            assert_error(client.post(f"/containers/one/{verb}"), 400, "quota_exceeded", mentions="memory")
        assert not docker.inspect_container(one["id"])["State"]["Running"]
        assert client.post("/containers/two/restart", {"timeout": 0}).status_code == 200  # its own place
        assert_error(client.run(name="three", mem_limit="8m"), 400, "quota_exceeded", mentions="containers")
        assert client.post("/containers/two/remove", {"force": True}).status_code == 200
        assert client.post("/containers/one/start").status_code == 200
    assert names(docker, status="running") == ["one"]


def test_removed_by_others_frees_its_place(limited, docker):
    service = limited("containers = 1")
    with contextlib.closing(service.client()) as client:
        one = client.started(name="one")
        docker.remove_container(one["id"], force=True)
        client.started(name="two")


def test_failed_runs_leave_the_quota_as_it_was(limited, docker):
    service = limited("containers = 1")
    with contextlib.closing(service.client()) as client:
        for _ in range(3):
            assert client.run(command=["/no/such/program"]).status_code == 400
        client.started(name="one")
    assert names(docker) == ["one"]


def test_rebuilt_after_a_crash(limited, docker):
    """A new broker knows from the proofs what there is."""
    service = limited('memory = "32m"')
    with contextlib.closing(service.client()) as client:
        client.started(name="one", mem_limit="32m")
        service.kill_broker()
        service.start()
        assert_error(client.run(name="two", mem_limit="8m"), 400, "quota_exceeded")
    assert names(docker) == ["one"]


def test_pulls_and_follows(limited, docker):
    service = limited("follows = 1")
    with contextlib.closing(service.client()) as client:
        one = client.started(name="one")
        with client.get(f"/containers/{one['id']}/logs", params={"follow": "true"}, stream=True) as first:
            assert first.status_code == 200
            assert_error(client.get(f"/containers/{one['id']}/logs", params={"follow": "true"}), 503, "overloaded")
        again = {"params": {"follow": "true"}, "stream": True}

        def free():
            with client.get(f"/containers/{one['id']}/logs", **again) as answer:
                return answer.status_code == 200

        wait_for(free, 10, "the place of the follower that left")


def test_refusals_are_on_record(limited, docker):
    service = limited("containers = 1")
    with contextlib.closing(service.client()) as client:
        client.started(name="one")
        assert client.run(name="two").status_code == 400
    lines = [json.loads(line) for line in pathlib.Path(service.audit_file).read_text().splitlines()]
    refused = [line for line in lines if line.get("outcome") == "quota_exceeded"]
    assert len(refused) == 1 and refused[0]["decision"] == "deny"
