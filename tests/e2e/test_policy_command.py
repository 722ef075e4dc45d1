# SPDX-License-Identifier: Apache-2.0
"""policy/explain over HTTP, and docker-control policy: the same words, before and after."""

import contextlib
import json
import subprocess

import pytest

from harness.client import assert_error
from harness.paths import BUILD, ROOT
from harness.vectors import VECTORS, policy_of

COMMAND = BUILD / "admin" / "docker-control"


def run(*arguments, stdin=""):
    return subprocess.run(
        [COMMAND, "policy", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=30
    )


@pytest.fixture
def asked(start_service):
    return start_service(policy=policy_of(VECTORS))


def explain(client, operation, **question):
    return client.post("/policy/explain", {"operation": operation, **question})


def test_explaining_is_the_same_everywhere_and_does_nothing(asked, docker):
    """HTTP and the command line say the same of a request, and so does the request itself."""
    request = {"image": "alpine:3", "devices": ["/dev/null"]}
    with contextlib.closing(asked.client("standard")) as client:
        told = explain(client, "containers.run", request=request).json()
        shown = run("explain", asked.policy_file, "--service", "standard", "--operation", "containers.run", "--json",
                    stdin=json.dumps(request))  # fmt: skip
        assert shown.returncode == 1 and json.loads(shown.stdout) == told
        refusal = assert_error(client.run(**request), 400, told["code"])
        assert (refusal["detail"], refusal["hint"]) == (told["detail"], told["hint"])
        allowed = explain(client, "containers.run", request={"image": "alpine:3"}).json()
        assert allowed["verdict"] == "allowed" and allowed["request"]["memory"] == 64 * 2**20
        assert explain(client, "containers.stop", path="x", request={"timeout": 5}).json()["verdict"] == "allowed"
        assert_error(explain(client, "containers.exec"), 400, "invalid_request")
        assert_error(client.post("/policy/explain", {"operation": "containers.run", "more": 1}), 400)
    assert docker.containers(all=True) == []


def test_it_needs_its_scope(asked):
    with contextlib.closing(asked.client("standard", scope="containers:*")) as client:
        assert_error(explain(client, "containers.run", request={"image": "alpine:3"}), 403, "scope_denied")


def test_what_was_refused_can_be_learnt(start_service, docker, tmp_path):
    """Refusals on record become the keys with which the same request succeeds."""
    before = '[service.tt_studio_backend]\nscopes = ["containers:*"]\nimages = ["tenstorrent/"]\nnetworks = ["none"]\n'
    service = start_service(policy=before)
    request = {"name": "learnt", "mem_limit": "20g", "ulimits": [{"Name": "nofile", "Soft": 64, "Hard": 64}]}
    policy = tmp_path / "policy.toml"
    text = before
    with contextlib.closing(service.client()) as client:
        # Enforcing stops at the first refusal, so one after the other is learnt.
        for _ in range(6):
            response = client.run(**request)
            if response.status_code == 200:
                break
            assert_error(response, 400)
            policy.write_text(text)
            service.terminate()
            learnt = run("learn", service.audit_file, "--policy", policy)
            assert learnt.returncode == 0 and not learnt.stderr, learnt
            scopes = 'scopes = ["containers:*"]\n'
            text = learnt.stdout.replace("[service.tt_studio_backend]\n", "[service.tt_studio_backend]\n" + scopes)
            service.policy_file.write_text(text)
            service.start()
        assert response.status_code == 200, (response.text, text)
    assert docker.inspect_container("learnt")["HostConfig"]["Memory"] == 20 * 2**30
    policy.write_text(before)
    changes = run("diff", policy, service.policy_file)
    assert changes.returncode == 1
    assert '+ images: "docker.io/library/alpine:" is allowed now' in changes.stdout
    assert '+ memory.max: "16g" -> "20g": allows more' in changes.stdout


def test_files_are_checked(tmp_path):
    for file in (ROOT / "packaging" / "policy.toml", *(ROOT / "packaging" / "presets").glob("*.toml")):
        assert run("check", file).returncode == 0, file
    risky = tmp_path / "risky.toml"
    risky.write_text('[service.a]\nvisible = "all"\n')
    done = run("check", risky)
    assert done.returncode == 0 and f"{risky}:2:11: warning: " in done.stdout
    assert run("check", "--strict", risky).returncode == 1
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[service.a]\nmounts = [{source = "/etc"}]\nvisible = "x"\n')
    done = run("check", wrong)
    assert done.returncode == 1 and f"{wrong}:2:11: " in done.stdout and f"{wrong}:3:11: " in done.stdout
    assert run("check", tmp_path / "missing").returncode == 2
    assert run("show", wrong).returncode == 2
    assert run("diff", risky, risky).returncode == 0
    shown = run("show", risky)
    again = tmp_path / "again.toml"
    again.write_text(shown.stdout)
    assert run("diff", risky, again).returncode == 0 and "# [service.a], line 2" in shown.stdout
