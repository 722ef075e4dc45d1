# SPDX-License-Identifier: Apache-2.0
"""What tokens cost, and what their checks' times tell."""

import itertools
import subprocess
import threading
import time

import pytest
from harness.client import Client
from harness.http_bytes import RawConnection, request
from harness.paths import BUILD
from harness.tokens import Issuer, answer_to, b64, good_claims
from harness.wait import wait_for


def measured():
    """The figures of tests/bench/token_cost.cpp, by name."""
    done = subprocess.run([BUILD / "tests" / "bench" / "token_cost"], capture_output=True, text=True, check=True)
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def costs():
    return measured()


def test_j28_time_tells_nothing(costs):
    """MACs that are wrong in the first and in the last byte take the same time (Welch's t below 4.5 in one of
    five measurements of 200,000); a comparison that stops early is found out by the same means."""
    assert costs["timing-control"] > 4.5
    for found in itertools.chain([costs], (measured() for _ in range(4))):
        if found["timing-verify"] < 4.5:
            return
    pytest.fail("the time tells how much of a MAC is right")


def test_j39_costs(costs, figures):
    """A bad MAC takes 20 us at most, and no signature is computed before form, algorithm and id hold."""
    figures.update({f"token {name} us": value for name, value in costs.items() if not name.startswith("timing")})
    assert costs["HS256-bad"] < 20
    for algorithm in ("ES256", "EdDSA", "RS256"):
        assert costs[f"{algorithm}-unknown-kid"] < costs[f"{algorithm}-bad"] / 5


def bearer(token):
    return request("GET", "/api/v1/containers", [("Authorization", f"Bearer {token}")])


def flood(port, numbers, statuses):
    """Bad tokens of ES256, each another one, until one is not even checked."""
    deadline = time.monotonic() + 60
    while 429 not in statuses and time.monotonic() < deadline:
        with RawConnection(port) as connection:
            for _ in range(900):  # of the 1000 that the front allows a connection
                claims = good_claims(jti=str(next(numbers)))
                token = f"{b64({'alg': 'ES256'})}.{b64(claims)}.{b64(bytes([1]) * 64)}"
                connection.send(bearer(token))
                statuses.add(connection.answer().status)


def test_j39_flood(start_service, tmp_path):
    """An address that sends bad tokens is told to wait; who has a good one already is served meanwhile, and other
    addresses are not held up."""
    issuer = Issuer("ES256", tmp_path)
    service = start_service(tables=issuer.table())
    known = Client(service.url, issuer.token())
    assert known.get("/containers").status_code == 200

    numbers, statuses = itertools.count(), set()
    threads = [threading.Thread(target=flood, args=(service.port, numbers, statuses)) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert known.get("/containers").status_code == 200
    for thread in threads:
        thread.join()
    assert statuses == {401, 429}
    with RawConnection(service.port, source="127.0.0.2") as other:
        other.send(bearer(issuer.token(jti="fresh")))
        assert other.answer().status == 200
    # What costs the broker little is not held up.
    assert service.client().get("/containers").status_code == 200
    # Nor is the address for long.
    wait_for(lambda: answer_to(service, issuer.token(jti="later")).status_code == 200, what="the end of the penalty")
