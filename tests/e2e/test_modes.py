# SPDX-License-Identifier: Apache-2.0
"""`mode` of a profile: enforce refuses; warn and audit let pass what a key of the policy could allow, and
put it on record. What nothing can allow is refused in every mode."""

import contextlib
import json

import pytest

from harness.client import assert_error
from harness.wait import wait_for

POLICY = """\
[service.tt_studio_backend]
mode     = "{mode}"
scopes   = ["containers:*"]
images   = ["tenstorrent/"]
networks = ["bridge"]
memory   = {{default = "16m", max = "32m"}}
quota    = {{containers = 2}}

[service.other]
scopes   = ["containers:*"]
images   = ["tenstorrent/"]
networks = ["bridge"]
"""

# Each with the key that would allow it.
LIFTED = {
    "images": {"image": "alpine:3"},
    "networks": {"network": "none"},
    "memory.max": {"mem_limit": "64m"},
    "ports.host": {"ports": {"80/tcp": 8003}},
    "restart": {"restart_policy": {"Name": "on-failure", "MaximumRetryCount": 1}},
    "capabilities.allow": {"cap_add": ["SYS_NICE"]},
}

NEVER = [
    {"privileged": True},
    {"volumes": {"/var/run/docker.sock": "/s"}},
    {"volumes": {"/": "/host"}},
    {"devices": ["/dev/mem"]},
    {"cap_add": ["SYS_ADMIN"]},
    {"ports": {"80/tcp": 22}},
    {"network": "container:x"},
    {"pid_mode": "host"},
    {"mem_limit": -1},
]


def lines(service, event):
    return [line for line in map(json.loads, service.audit_file.read_text().splitlines()) if line["event"] == event]


@pytest.fixture(params=["warn", "audit"])
def lenient(request, start_service):
    service = start_service(policy=POLICY.format(mode=request.param))
    with contextlib.closing(service.client()) as client:
        yield request.param, service, client


@pytest.mark.parametrize("rule", LIFTED)
def test_enforce_refuses(start_service, docker, rule):
    service = start_service(policy=POLICY.format(mode="enforce"))
    with contextlib.closing(service.client()) as client:
        answer = client.run(**{"image": "tenstorrent/model", **LIFTED[rule]})
    assert answer.status_code == 400 and "Docker-Control-Warning" not in answer.headers
    assert docker.containers(all=True) == []
    wait_for(lambda: lines(service, "refused"), 5, "the refusal on record")  # the front answers first
    (refused,) = lines(service, "refused") + lines(service, "result")
    assert refused["decision"] == "deny" and refused["rule"] == rule and refused["wanted"]


@pytest.mark.parametrize("rule", LIFTED)
def test_what_a_key_could_allow_passes_and_is_on_record(lenient, docker, rule):
    mode, service, client = lenient
    answer = client.run(**{"image": "tenstorrent/model", **LIFTED[rule]})
    assert answer.status_code == 200, answer.text
    assert docker.inspect_container(answer.json()["id"])["State"]["Running"]
    for event in ("intent", "result"):
        (line,) = lines(service, event)
        (noted,) = line["would_refuse"]
        assert noted["rule"] == rule and noted["wanted"] and noted["detail"]
        assert "[service.tt_studio_backend]" in noted["hint"]
    warned = answer.headers.get("Docker-Control-Warning", "")
    assert (noted["hint"] in warned) if mode == "warn" else not warned
    assert "would be refused" in service.log


@pytest.mark.parametrize("fields", NEVER, ids=str)
def test_what_nothing_can_allow(lenient, docker, fields):
    _, service, client = lenient
    answer = client.run(**{"image": "tenstorrent/model", **fields})
    assert answer.status_code == 400, answer.text
    assert docker.containers(all=True) == []


def test_scopes_ownership_and_quotas_hold(lenient, docker):
    _, service, client = lenient
    assert_error(client.get("/images"), 403, "scope_denied")
    with contextlib.closing(service.client("other")) as other:
        theirs = other.started(image="tenstorrent/model", name="theirs")
    assert_error(client.post(f"/containers/{theirs['id']}/stop"), 404)
    assert docker.inspect_container(theirs["id"])["State"]["Running"]
    for _ in range(2):
        client.started(image="alpine:3")
    assert_error(client.run(image="alpine:3"), 400, "quota_exceeded")


def test_other_services_are_not_lenient(lenient, docker):
    _, service, _ = lenient
    with contextlib.closing(service.client("other")) as other:
        assert_error(other.run(image="alpine:3"), 400, "image_not_allowed")
    assert docker.containers(all=True) == []


def test_without_the_fronts_check(start_service, docker):
    """The broker records what passes by itself; only the front tells the caller."""
    service = start_service(policy=POLICY.format(mode="warn"), front_policy_check=False)
    with contextlib.closing(service.client()) as client:
        assert client.run(image="alpine:3").status_code == 200
        assert client.run(image="tenstorrent/model", privileged=True).status_code == 400
    assert lines(service, "result")[0]["would_refuse"][0]["rule"] == "images"
