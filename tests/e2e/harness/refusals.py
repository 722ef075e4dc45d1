# SPDX-License-Identifier: Apache-2.0
"""A run that must be refused: what the caller is told, what is on record, and that nothing exists."""

from .client import assert_error

STATUS = {"scope_denied": 403, "conflict": 409}  # any other refusal is 400
ANY = object()


def refused_run(client, docker, *codes, rule=ANY, **fields):
    """Asks for a run that must be refused, for one of the reasons where any is named, and returns the answer's body.
    rule: the key of the policy file that the audit must name, None where there is none that would allow it.

    The caller may ask /policy/explain as well: what the policy refuses by itself is told in the same words and
    audited with the same rule; what the broker finds on the host or in the Engine has no rule to name.
    The client is one of conftest.py's `given`, `checked_given` and `barred`."""
    request = {"image": "alpine:3", "command": ["true"], **fields}
    asked = client.post("/policy/explain", {"operation": "containers.run", "request": request})
    told = {"verdict": "refused"} | asked.json()  # a body that cannot be read is refused there too
    client.failures.skip()
    before = docker.containers(all=True)
    response = client.post("/containers/run", request)
    body = assert_error(response, STATUS.get(response.json().get("code"), 400))
    assert not codes or body["code"] in codes, body
    assert {made["Id"] for made in docker.containers(all=True)} <= {made["Id"] for made in before}
    line = client.failures.next(body["code"])
    # What is missing on the host is no denial, and told as well.
    assert line["decision"] == "deny" or body["code"] == "conflict", line
    if told["verdict"] == "refused":
        assert body == {key: told[key] for key in ("detail", "code", "hint") if key in told}, (body, told)
    assert (line.get("rule"), line.get("wanted")) == (told.get("rule"), told.get("wanted")), (line, told)
    assert rule is ANY or line.get("rule") == rule, line
    return body
