# SPDX-License-Identifier: Apache-2.0
"""`rate` of a profile: requests a second, twice as many at once after a pause; the rest is 429."""

import itertools

from harness.client import assert_error
from harness.wait import wait_for

RATE = 5
POLICY = """\
[service.tt_studio_backend]
scopes = ["containers:*"]
images = ["alpine:"]
networks = ["bridge"]
rate = {rate}

[service.other]
scopes = ["containers:*"]
"""


def ask(client, times):
    return [client.get("/containers") for _ in range(times)]


def test_H33_requests_a_second(start_service, docker):
    service = start_service(policy=POLICY.format(rate=RATE))
    client = service.client()
    answers = ask(client, 10 * RATE)
    served = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(served) >= 2 * RATE and refused and len(served) + len(refused) == len(answers)
    assert_error(refused[0], 429, "rate_limited")
    assert "`rate`" in refused[0].json()["hint"]
    assert int(refused[0].headers["Retry-After"]) >= 1
    # What is refused for its rate is not executed, whatever it is.
    for number in itertools.count():
        answer = client.run(name=f"often-{number}")
        if answer.status_code != 200:
            break
    assert_error(answer, 429, "rate_limited")
    assert not any(f"/often-{number}" in item["Names"] for item in docker.containers(all=True))
    # Others have a rate of their own, and after a while so has this one.
    assert service.client("other").get("/containers").status_code == 200
    wait_for(lambda: client.get("/containers").status_code == 200, 5, "room for another request")


def test_H33_a_flood_does_not_fill_the_audit(start_service):
    service = start_service(policy=POLICY.format(rate=1))
    client = service.client()
    ask(client, 200)
    lines = service.audit_file.read_text().splitlines()
    listed = [line for line in lines if '"rate_limited"' in line]
    assert listed and all('"tt_studio_backend"' in line for line in listed)
    assert len(listed) < 150  # 20 a second at most, and the flood lasts a second or a few


def test_what_the_front_refuses_counts_too(start_service):
    """Refusals are on record, and so have to be bounded like requests."""
    service = start_service(policy=POLICY.format(rate=1))
    client = service.client()
    for _ in range(200):
        assert client.post("/containers/run", {"no such field": 1}).status_code == 400
    lines = service.audit_file.read_text().splitlines()
    assert 1 <= sum('"event":"refused"' in line for line in lines) < 50
    assert sum('"rate_limited"' in line for line in lines) < 150


def test_reload_changes_the_rate(start_service):
    service = start_service(policy=POLICY.format(rate=1))
    client = service.client()
    assert 429 in {answer.status_code for answer in ask(client, 20)}
    service.reload(POLICY.format(rate=100_000))
    wait_for(lambda: {answer.status_code for answer in ask(client, 20)} == {200}, 10, "the new rate")
