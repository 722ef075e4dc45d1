# SPDX-License-Identifier: Apache-2.0
"""What each key wants of the claims: times, issuer, audience, type."""

import contextlib
import time

import pytest
from harness.tokens import FAR, Issuer, answer_to, assert_accepted, assert_refused, b64, good_claims
from harness.wait import wait_for

# One key for each rule; the id says which.
RULES = {
    "plain": {},
    "endless": {"require_exp": False},
    "short": {"max_ttl": 600},
    "fresh": {"max_age": 60},
    "issuer-a": {"issuer": "https://a.example/"},
    "issuer-b": {"issuer": "https://b.example/"},
    "audience": {"audience": ["docker-control", "https://host.example"]},
    "access": {"typ": "at+jwt", "issuer": "idp", "audience": ["us"]},
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    directory = tmp_path_factory.mktemp("keys")
    return {name: Issuer("EdDSA", directory, name) for name in RULES}


@pytest.fixture(scope="module")
def service(service_maker, keys):
    tables = "".join(keys[name].table(kid=name, **settings) for name, settings in RULES.items())
    service = service_maker(tables=tables)
    try:
        yield service.start()
    finally:
        service.close()


@pytest.fixture
def judge(service, keys):
    """judge(RULE, CLAIMS): the status that a token of these claims gets under the rule's key."""

    def status(rule, claims, **header):
        issuer = keys[rule]
        claims = claims if isinstance(claims, bytes) else {"service": "tt_studio_backend", **claims}
        token = issuer.craft({"alg": "EdDSA", "kid": rule, **header}, claims)
        response = answer_to(service, token)
        assert response.status_code in (200, 401), response.text
        return response.status_code

    return status


def test_j10_types(judge):
    """typ: none or JWT by default; at+jwt where the key says so, and then nothing else."""
    claims = good_claims()
    access = good_claims(iss="idp", aud="us")
    assert judge("plain", claims) == 200
    for typ, plain, under_access in (
        ("JWT", 200, 401), ("jwt", 200, 401), ("at+jwt", 401, 200), ("AT+JWT", 401, 200), ("JOSE", 401, 401),
        ("JWE", 401, 401), ("application/at+jwt", 401, 401), ("", 401, 401), (None, 401, 401), (5, 401, 401),
    ):  # fmt: skip
        assert judge("plain", claims, typ=typ) == plain, typ
        assert judge("access", access, typ=typ) == under_access, typ
    assert judge("access", access) == 401
    assert judge("access", good_claims(iss="idp"), typ="at+jwt") == 401


def test_j16_exp(judge):
    """A token ends with its exp and the leeway of 30 s."""
    now = int(time.time())
    assert judge("plain", {"exp": now + 1}) == 200
    assert judge("plain", {"exp": now - 20}) == 200
    assert judge("plain", {"exp": now - 31}) == 401


@pytest.mark.parametrize(("leeway", "ago", "status"), [(0, 1, 401), (60, 50, 200), (60, 61, 401), (5, 6, 401)])
def test_j16_leeway(service_maker, leeway, ago, status):
    """leeway is 0 to 60 seconds."""
    with contextlib.closing(service_maker(settings={"leeway": leeway})) as service:
        service.start()
        assert answer_to(service, service.token(exp=int(time.time()) - ago)).status_code == status


@pytest.mark.parametrize("leeway", [-1, 61, "30s", True, 1.5])
def test_j16_unfit_leeway(service_maker, leeway):
    with contextlib.closing(service_maker(settings={"leeway": leeway})) as service:
        code, log = service.run_to_end()
        assert code == 78
        assert "leeway must be a number of seconds, 0 to 60" in log


def test_j17_exp_missing(judge, service):
    """exp is required but under keys that say otherwise, whose use the log tells once."""
    assert judge("plain", {}) == 401
    assert judge("short", {"iat": int(time.time())}) == 401
    for number in range(5):
        assert judge("endless", {"jti": str(number)}) == 200
    wait_for(lambda: "a token without exp is in use" in service.log, what="the note in the log")
    assert service.log.count("a token without exp is in use") == 1


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", ['"4102444800"', "-1", "1e300", "9223372036854775808", "null", "true", "[4102444800]", "{}", "NaN"]
)
def test_j18_times_that_are_none(judge, name, value):
    """exp, nbf and iat are numbers in [0, 2^53]."""
    claims = f'{{"service":"tt_studio_backend","{name}":{value}'
    rest = "" if name == "exp" else f',"exp":{FAR}'
    assert judge("endless", f"{claims}{rest}}}".encode()) == 401


def test_j18_fractions(judge):
    """A fraction is rounded down; 0 is long ago."""
    assert judge("plain", {"exp": FAR + 0.5}) == 200
    assert judge("plain", {"exp": 1.5}) == 401
    assert judge("plain", {"exp": 0}) == 401


def test_j19_the_future(judge):
    """nbf and iat may be in the future by the leeway only, and nbf not after exp."""
    now = int(time.time())
    for name in ("nbf", "iat"):
        assert judge("plain", {name: now + 20, "exp": FAR}) == 200
        assert judge("plain", {name: now + 60, "exp": FAR}) == 401
    assert judge("plain", {"nbf": now - 5, "exp": now - 10}) == 401


def test_j20_lifetime_and_age(judge):
    """max_ttl bounds exp - iat, max_age how long ago iat may be; both then need iat."""
    now = int(time.time())
    assert judge("short", {"iat": now, "exp": now + 600}) == 200
    assert judge("short", {"iat": now, "exp": now + 601}) == 401
    assert judge("short", {"iat": now - 300, "exp": now + 400}) == 401
    assert judge("short", {"exp": now + 60}) == 401
    assert judge("fresh", {"iat": now - 50, "exp": FAR}) == 200
    assert judge("fresh", {"iat": now - 100, "exp": FAR}) == 401
    assert judge("fresh", {"exp": FAR}) == 401


@pytest.mark.parametrize(
    ("audience", "status"),
    [
        ("docker-control", 200), (["docker-control"], 200), (["https://host.example"], 200),
        (["a", "docker-control", "b"], 200), ("Docker-Control", 401), ("docker", 401), ("docker-control/", 401),
        ("docker-control ", 401), ("", 401), ([], 401), ([""], 401), (["a"], 401), ([["docker-control"]], 401),
        (["docker-control", 1], 401), ({"docker-control": 1}, 401), (1, 401), (None, 401),
        ("docker-control https://host.example", 401),
    ],
)  # fmt: skip
def test_j21_audience(judge, audience, status):
    """aud has one of the key's names, exactly; others beside it do no harm."""
    assert judge("audience", good_claims(aud=audience)) == status


def test_j21_audience_of_others(judge):
    """Without aud there is none; a token with one is not for a key that knows none (RFC 7519 4.1.3)."""
    assert judge("audience", good_claims()) == 401
    for audience in ("docker-control", ["docker-control"], "", []):
        assert judge("plain", good_claims(aud=audience)) == 401


def test_j22_issuer(judge, keys):
    """A key that is bound to an issuer checks this issuer's tokens only, by the exact text."""
    for issuer in ("https://a.example", "https://A.example/", "https://a.example//", "", None, 1, ["https://a.example/"]):
        assert judge("issuer-a", good_claims(iss=issuer)) == 401, issuer
    assert judge("issuer-a", good_claims()) == 401
    assert judge("issuer-a", good_claims(iss="https://a.example/")) == 200
    assert judge("issuer-a", good_claims(iss="https://b.example/")) == 401
    assert judge("issuer-b", good_claims(iss="https://a.example/")) == 401
    assert judge("plain", good_claims(iss="anybody")) == 200


def test_j22_key_of_another_issuer(service, keys):
    """Nor does one issuer's key sign under another's id."""
    claims = good_claims(iss="https://a.example/")
    token = keys["issuer-b"].craft({"alg": "EdDSA", "kid": "issuer-a"}, claims)
    assert_refused(service, token, "wrong signature")


@pytest.mark.parametrize(
    "subject", ["", "x" * 129, "x" * 257, "a b", "a\n", "a\u0000", "../x", "a/b", "a=b", "é", 5, None, True, [], ["a"]]
)
def test_j23_names(judge, service, keys, subject):
    """service, else sub, is a name that a profile may have."""
    for name in ("service", "sub"):
        claims = {name: subject, "exp": FAR}
        token = keys["plain"].craft({"alg": "EdDSA", "kid": "plain"}, claims)
        assert_refused(service, token)
    if not isinstance(subject, str) or len(subject) > 256 or "\0" in subject:
        assert judge("plain", good_claims(sub=subject)) == 401


def test_j23_neither(service, keys):
    token = keys["plain"].craft({"alg": "EdDSA", "kid": "plain"}, {"exp": FAR})
    assert_refused(service, token, "neither service nor sub")
    by_subject = {"sub": "tt_studio_backend", "exp": FAR}
    assert_accepted(service, keys["plain"].craft({"alg": "EdDSA", "kid": "plain"}, by_subject))


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("containers:read", 200), (["containers:read"], 200), ("openid containers:read", 200), ("containers:*", 200),
        ("", 403), ([], 403), ("*", 403), ("*:*", 403), ("admin", 403), (["*"], 403), ("containers:Read", 403),
        (["containers:read images:pull"], 403), (5, 401), (None, 401), ([5], 401), ({"containers:read": 1}, 401),
    ],
)  # fmt: skip
def test_j24_scopes(service, keys, scope, status):
    """A token's scope narrows: unknown names grant nothing, * is no name, other kinds are malformed."""
    for name in ("scope", "scopes"):
        token = keys["plain"].craft({"alg": "EdDSA", "kid": "plain"}, good_claims(**{name: scope}))
        assert answer_to(service, token).status_code == status


def test_constant_answer(service, keys):
    """Whatever is wrong, the answer is the same but for its time and number."""
    issuer = keys["issuer-a"]
    header = {"alg": "EdDSA", "kid": "issuer-a"}
    good = issuer.craft(header, good_claims(iss="https://a.example/"))
    bad = [
        "x", good[:-4], issuer.craft(header, good_claims()), issuer.craft({"alg": "none"}),
        issuer.craft(header, {"exp": 1, "service": "x"}), f"{b64(header)}.{b64(b'{')}.{b64(bytes(64))}",
    ]  # fmt: skip
    answers = []
    for token in bad:
        response = answer_to(service, token)
        headers = {k: v for k, v in response.headers.items() if k.lower() not in ("date", "x-request-id")}
        answers.append((response.status_code, response.content, headers))
    assert answers.count(answers[0]) == len(bad), answers
