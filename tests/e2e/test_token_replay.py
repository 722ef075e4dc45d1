# SPDX-License-Identifier: Apache-2.0
"""Replay protection, and what clocks do to tokens that are known already."""

import contextlib
import os
import signal
import time

import pytest
from harness.client import Client, assert_error
from harness.clock import Clock
from harness.events import logs
from harness.tokens import FAR, Issuer, answer_to, assert_accepted, assert_refused, good_claims
from harness.wait import wait_for

HOUR = 3600


@pytest.fixture
def clock(keys):
    return Clock(keys)


@pytest.fixture
def once(start_service, keys):
    """A service whose one named key lets a token serve for one change; no difference of clocks allowed."""
    issuer = Issuer("EdDSA", keys)
    table = issuer.table(kid="eddsa", replay_protection=True, issuer="idp")
    service = start_service(settings={"leeway": 0}, tables=table)
    wait_for_next_second()
    return service, issuer


def wait_for_next_second():
    """Tokens of the second in which the service starts are refused for changes."""
    second = int(time.time())
    wait_for(lambda: int(time.time()) > second, what="the next second")


def fresh(issuer, jti, life=60, **claims):
    now = int(time.time())
    claims = {"iss": "idp", "iat": now, "exp": now + life, "jti": jti, **claims}
    return issuer.token(claims, headers={"kid": "eddsa"})


def test_j29_one_change(once, docker):
    """A token makes one change; reads are not counted."""
    service, issuer = once
    client = Client(service.url, fresh(issuer, "a"))
    for _ in range(3):
        assert client.get("/containers").status_code == 200
    made = client.started(name="first")
    assert_error(client.run(name="second"), 409, "conflict")
    assert_error(client.post(f"/containers/{made['id']}/remove"), 409, "conflict")
    assert client.get("/containers").status_code == 200
    assert [container["Names"] for container in docker.containers(all=True)] == [["/first"]]
    assert "used for a change already" in service.audit_text()
    other = Client(service.url, fresh(issuer, "b"))
    assert other.post(f"/containers/{made['id']}/stop", {"timeout": 0}).status_code == 200
    # The same id in another token of the same issuer is the same id.
    assert_error(Client(service.url, fresh(issuer, "b", life=50)).run(), 409, "conflict")
    # The environment's key does not protect, and its tokens are none of this issuer's.
    plain = service.client(jti="a", iat=int(time.time()), exp=FAR)
    for _ in range(2):
        assert plain.run().status_code == 200


def test_j29_refused_changes_do_not_count(once, docker):
    """What the policy refuses changes nothing, so the token is still good for the right request."""
    service, issuer = once
    client = Client(service.url, fresh(issuer, "a"))
    assert client.run(image="evil/image:1").status_code == 400
    assert client.run().status_code == 200
    assert len(docker.containers(all=True)) == 1


def test_j29_what_such_tokens_need(once):
    """jti, iat and exp are required."""
    service, issuer = once
    header = {"alg": "EdDSA", "kid": "eddsa"}
    claims = good_claims(iss="idp", iat=int(time.time()), jti="x")
    assert_accepted(service, issuer.craft(header, claims))
    for missing in ("jti", "iat", "exp"):
        fewer = {name: value for name, value in claims.items() if name != missing}
        assert_refused(service, issuer.craft(header, fewer), f"{missing} is missing")
    assert_refused(service, issuer.craft(header, {**claims, "jti": ""}), "jti is missing")


def test_j29_a_new_front_knows(once):
    """What was used is known to the broker, whatever becomes of the front."""
    service, issuer = once
    token = fresh(issuer, "a")
    assert Client(service.url, token).run().status_code == 200
    front = service.front
    os.kill(front, signal.SIGKILL)
    wait_for(lambda: service.fronts not in ([], [front]) and service.live(), what="another front")
    assert_error(Client(service.url, token).run(), 409, "conflict")


def test_j29_reload_does_not_forget(once):
    """Nor does a reload, with the key the same or another."""
    service, issuer = once
    token = fresh(issuer, "a")
    assert Client(service.url, token).run().status_code == 200
    service.hang_up()
    assert_error(Client(service.url, token).run(), 409, "conflict")
    service.tables = issuer.table(kid="eddsa", replay_protection=True, issuer="idp", max_ttl=600)
    service.configure()
    service.hang_up()
    assert_error(Client(service.url, token).run(), 409, "conflict")


def test_j30_after_exp(once):
    """After its end a token is refused for being over, whether it was used or not."""
    service, issuer = once
    token = fresh(issuer, "a", life=2)
    assert Client(service.url, token).run().status_code == 200
    wait_for(lambda: answer_to(service, token).status_code == 401, what="the token's end")
    assert_refused(service, token, "expired")


def test_j30_after_a_restart(once, docker):
    """A new broker knows no used tokens, so it takes none for a change that may have been used before."""
    service, issuer = once
    used, unused = fresh(issuer, "used"), fresh(issuer, "unused")
    assert Client(service.url, used).run().status_code == 200
    service.close()
    service.start()
    for token in (used, unused):
        assert_accepted(service, token)
        assert_error(Client(service.url, token).run(), 409, "conflict")
    assert len(docker.containers(all=True)) == 1
    wait_for_next_second()
    assert Client(service.url, fresh(issuer, "later")).run().status_code == 200


def test_j30_leeway_of_the_start(start_service, tmp_path):
    """An issuer's clock may be ahead by the leeway, so tokens of that time are refused too."""
    issuer = Issuer("EdDSA", tmp_path)
    table = issuer.table(kid="eddsa", replay_protection=True, issuer="idp")
    service = start_service(settings={"leeway": 20}, tables=table)
    answer = Client(service.url, fresh(issuer, "a", iat=int(time.time()) + 1)).run()
    assert_error(answer, 409, "conflict")
    assert "20 seconds" in answer.text


# What is known already


def ticker(client):
    script = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done"
    return client.started(command=["sh", "-c", script], init=True)["id"]


def test_j36_exp_passes(start_service):
    """A token that is known ends with its exp."""
    service = start_service(settings={"leeway": 0})
    end = int(time.time()) + 3
    token = service.token(exp=end)
    with contextlib.closing(Client(service.url, token)) as client:
        while client.get("/containers").status_code == 200:
            assert time.time() < end + 2
        assert time.time() >= end - 0.1
    assert_refused(service, token, "expired")


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_j36_clock_steps(start_service, clock, step):
    """A stream ends when its token was to end, however the clock is set meanwhile; new requests are judged by the
    new time once the broker's memory of the token, 60 s at most, is over."""
    service = start_service(settings={"leeway": 0}, environment=clock.environment)
    made = ticker(service.client())
    end = int(time.time()) + 4
    token = service.token(exp=end)
    with contextlib.closing(Client(service.url, token)) as client, logs(client, made) as found:
        next(found)
        clock.set(step)
        last = list(found)[-1]
        assert last["type"] == "error" and "expired" in last["message"]
        assert end - 1 <= time.time() < end + 5
    if step > 0:
        assert_refused(service, token, "expired")
    # A token that the broker has not seen is judged by the clock as it is.
    now = int(time.time()) + step
    assert_accepted(service, service.token(exp=now + 60, iat=now))
    assert_refused(service, service.token(exp=now - 60))
    assert_refused(service, service.token(iat=now + 120, exp=FAR), "issued in the future")


def test_j37_clock_not_set(start_service, clock):
    """Before 2020 no token's times mean anything: the service is up, and nobody is let in or turned away for good."""
    clock.set(946684800 - time.time())  # the year 2000
    service = start_service(environment=clock.environment)
    for token in (service.token(), service.token(exp=FAR), service.token(exp=946684900)):
        answer = answer_to(service, token)
        assert_error(answer, 503)
        assert "clock" in answer.text
    assert Client(service.url, None).get("/health").status_code == 200
    assert answer_to(service, "x").status_code == 401
    clock.set(0)
    assert_accepted(service, service.token())
