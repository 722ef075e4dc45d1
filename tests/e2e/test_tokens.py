# SPDX-License-Identifier: Apache-2.0
"""Tokens: what opens the door, and that every other token meets the same closed one."""

import hashlib
import hmac
import json
import time

import jwt
import pytest

from harness.client import Client, assert_error, make_token
from harness.tokens import assert_accepted, assert_refused, b64

def sign(secret, header, payload, digest=hashlib.sha256):
    text = f"{b64(header)}.{b64(payload)}"
    return f"{text}.{b64(hmac.new(secret.encode(), text.encode(), digest).digest())}"


HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"service": "tt_studio_backend"}


def short(value):
    """A test's id out of what it sends."""
    return (value if isinstance(value, bytes) else json.dumps(value).encode())[:50].decode("latin-1")


def assert_header_refused(service, header):
    """The claims and the signature are right."""
    assert_refused(service, sign(service.secret, header, CLAIMS))


def assert_claims_refused(service, claims):
    """The header and the signature are right."""
    assert_refused(service, sign(service.secret, HEADER, claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"service": "tt_studio_backend"},
        {"sub": "tt_studio_backend"},
        {"service": "tt_studio_backend", "sub": "someone"},
        {"service": "tt_studio_backend", "exp": 4102444800},
        {"service": "tt_studio_backend", "exp": 4102444800.5},
        {"service": "tt_studio_backend", "iat": 1700000000, "jti": "a-1"},
    ],
)
def test_j01_good_token(service, claims):
    """PyJWT's tokens work, with and without exp; sub stands in for service."""
    assert_accepted(service, jwt.encode(claims, service.secret, algorithm="HS256"))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_j02_none(service, algorithm):
    """No signature is no token, with an empty third part or with a good one."""
    header = {"alg": algorithm, "typ": "JWT"}
    assert_refused(service, f"{b64(header)}.{b64(CLAIMS)}.")
    assert_header_refused(service, header)
    assert_refused(service, jwt.encode(CLAIMS, None, algorithm="none"))


@pytest.mark.parametrize(
    "header",
    [{"alg": name} for name in
     ("HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "ES256K", "EdDSA", "dir", "", "HS256 ", " HS256", "hs256",
      "HS256\u0000", ["HS256"], 1, None, True, {})] + [{}, {"typ": "JWT"}],
    ids=short,
)  # fmt: skip
def test_j03_other_algorithms(service, header):
    """alg is HS256, to the letter, for this key."""
    assert_header_refused(service, header)


@pytest.mark.parametrize("digest", ["sha384", "sha512", "sha1"])
def test_j03_other_digests(service, digest):
    """A MAC of another digest, called what it is or HS256."""
    for name in ("HS256", "HS" + digest[3:]):
        assert_refused(service, sign(service.secret, {"alg": name}, CLAIMS, getattr(hashlib, digest)))


@pytest.mark.parametrize("kid", ["other", "", "../../etc/passwd", "' OR '1'='1", "x" * 65, 1, None, ["a"]], ids=short)
def test_j07_key_ids(service, kid):
    """A token that names a key is not tried with the one that has no name."""
    assert_header_refused(service, {**HEADER, "kid": kid})


@pytest.mark.parametrize(
    "member",
    [{"jku": "http://127.0.0.1/keys"}, {"jwk": {"kty": "oct", "k": "AAAA"}}, {"x5u": "http://127.0.0.1/"},
     {"x5c": ["AAAA"]}, {"x5t": "AAAA"}, {"b64": False}, {"b64": True}, {"zip": "DEF"}, {"enc": "A128GCM"},
     {"cty": "JWT"}, {"unknown": 1}],
    ids=short,
)  # fmt: skip
def test_j08_members_that_change_meaning(service, member):
    """A header has alg, typ and kid and nothing else."""
    assert_header_refused(service, {**HEADER, **member})


@pytest.mark.parametrize("value", [[], ["exp"], ["b64"], ["x"], "exp", 1, None], ids=short)
def test_j09_crit(service, value):
    """crit is refused whatever it says."""
    assert_header_refused(service, {**HEADER, "crit": value, "exp": 1})
    assert_header_refused(service, {**HEADER, "crit": value})


@pytest.mark.parametrize("typ", ["JOSE", "JWE", "at+jwt", "", 1], ids=short)
def test_j10_types(service, typ):
    """typ is JWT or not there."""
    assert_accepted(service, sign(service.secret, {"alg": "HS256"}, CLAIMS))
    assert_header_refused(service, {"alg": "HS256", "typ": typ})


def test_j11_segments(service):
    """Three segments, none of them empty."""
    good = make_token(service.secret)
    header, payload, signature = good.split(".")
    for shape in (
        "x", "a.b", f"{header}.{payload}", f"{good}.x", f"{good}.", f".{good}", "..", ".." * 500,
        f"{header}.{payload}.", f"{header}..{signature}", f"{good}.{payload}.{signature}", good + "." * 3000,
    ):  # fmt: skip
        assert_refused(service, shape)


def test_j12_canonical_base64url(service):
    """Each segment in the one spelling that it has."""
    good = make_token(service.secret)
    header, payload, signature = good.split(".")
    for shape in (
        good + "=", good + "A", good[:-1] + "!", good.replace(".", "%2E"), f"{header}=.{payload}.{signature}",
        f"{header}.{payload}==.{signature}", f"{header}.{payload}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        f"{header}.{payload}.+{signature[1:]}", f"{header}.{payload}./{signature[1:]}", f"{header}.{payload}.A",
    ):  # fmt: skip
        assert_refused(service, shape)


def test_j13_sizes(service):
    """8 KiB of token, 512 bytes of header, 4 KiB of claims, 4 levels, 32 members."""
    assert_refused(service, "A" * 8193)
    assert_header_refused(service, {**HEADER, "kid": "x" * 600})
    assert_header_refused(service, b" " * 600 + b'{"alg":"HS256"}')
    assert_claims_refused(service, {**CLAIMS, "pad": "x" * 4200})
    assert_claims_refused(service, {**CLAIMS, "x": {"a": {"b": {"c": {"d": 1}}}}})
    assert_claims_refused(service, {**CLAIMS, "x": [[[[1]]]]})
    assert_claims_refused(service, {**CLAIMS, **{f"c{i}": i for i in range(40)}})
    assert_accepted(service, sign(service.secret, HEADER, {**CLAIMS, "pad": "x" * 4000}))


@pytest.mark.parametrize(
    "header", [b'{"alg":"HS256","alg":"HS256"}', b'{"alg":"HS256","\\u0061lg":"HS256"}', b'{"\\u0061lg":"HS256"}']
)
def test_j14_duplicates_in_the_header(service, header):
    assert_header_refused(service, header)


@pytest.mark.parametrize(
    "claims",
    [
        b'{"service":"tt_studio_backend","exp":4102444800,"exp":1}',
        b'{"service":"tt_studio_backend","exp":4102444800,"\\u0065xp":4102444800}',
        b'{"service":"tt_studio_backend","service":"small"}',
        b'{"service":"tt_studio_backend","\\u0073ervice":"small"}',
        b'{"sub":"tt_studio_backend","sub":"tt_studio_backend"}',
        b'{"service":"tt_studio_backend","x":{"a":1,"a":2}}',
    ],
)
def test_j14_duplicates_in_the_claims(service, claims):
    assert_claims_refused(service, claims)


@pytest.mark.parametrize("header", [b'{"alg":"HS256"', b'\xef\xbb\xbf{"alg":"HS256"}', b'["HS256"]', b"", b"null"])
def test_j15_header_is_one_object(service, header):
    assert_header_refused(service, header)


@pytest.mark.parametrize(
    "claims",
    [
        b'["tt_studio_backend"]', b'"tt_studio_backend"', b"null", b"", b'{"service":"tt_studio_backend"}x',
        b'{"service":"tt_studio_backend"}{}', b'{"service":"tt_studio_backend","x":NaN}',
        b'{"service":"tt_studio_backend","x":"\xff"}', b'\xef\xbb\xbf{"service":"tt_studio_backend"}',
        b'{"service":"tt_studio_backend"/**/}', b'{"service":"tt_studio_backend","x":"\\ud800"}',
        b'{"service":"tt_studio_backend",}', b"{'service':'tt_studio_backend'}",
    ],
)  # fmt: skip
def test_j15_claims_are_one_object(service, claims):
    assert_claims_refused(service, claims)


def test_j16_just_expired(service):
    """A token past its time and the leeway of 30 s is refused; within the leeway it passes."""
    now = int(time.time())
    assert_accepted(service, service.token(exp=now - 10))
    assert_refused(service, service.token(exp=now - 40))


@pytest.mark.parametrize("exp", [1, 0, -1, "4102444800", None, True, 1e300, [4102444800]])
def test_j18_exp(service, exp):
    assert_claims_refused(service, {**CLAIMS, "exp": exp})


def test_j19_nbf(service):
    assert_claims_refused(service, {**CLAIMS, "nbf": 4102444800})


@pytest.mark.parametrize("name", ["", None, 5, ["tt_studio_backend"], "a/../b", "x" * 129, "a\nb"], ids=short)
def test_j23_service(service, name):
    assert_claims_refused(service, {"service": name})
    assert_claims_refused(service, {})


def test_j26_wrong_keys(service):
    """Another key, and keys that are near ours."""
    for secret in ("x" * 48, service.secret[:-1], service.secret + "x", service.secret.swapcase(), ""):
        assert_refused(service, sign(secret, HEADER, CLAIMS))


def test_j26_changed_payload(service):
    """A token for one service does not become one for another."""
    header, _, signature = make_token(service.secret, "observer").split(".")
    assert_refused(service, f"{header}.{b64(CLAIMS)}.{signature}")


def test_j35_nested(service):
    """A token in a token, and an encrypted one of five parts."""
    inner = make_token(service.secret)
    assert_refused(service, sign(service.secret, {"alg": "HS256", "cty": "JWT"}, inner.encode()))
    assert_refused(service, sign(service.secret, HEADER, inner.encode()))
    assert_refused(service, f"{b64({'alg': 'dir', 'enc': 'A256GCM'})}..{b64(b'iv')}.{b64(b'text')}.{b64(b'tag')}")


def test_j40_health(service):
    """Health is the same for everybody."""
    texts = set()
    for token in (None, "x", make_token("y" * 48), make_token(service.secret)):
        response = Client(service.url, token).get("/health")
        assert response.status_code == 200
        texts.add(json.dumps({**response.json(), "timestamp": ""}))
    assert len(texts) == 1


def test_unknown_profile(service, docker):
    """A service without a profile has no rights, with the best of tokens."""
    client = service.client("nobody")
    assert_error(client.get("/containers"), 403, "scope_denied")
    assert_error(client.run(), 403, "scope_denied")
    assert docker.containers(all=True) == []


@pytest.mark.parametrize("path", ["run", "x/stop", "x/start", "x/restart", "x/remove"])
def test_missing_scope(service, docker, path):
    """A service that may only read is refused every change, before anything else is looked at."""
    observer = service.client("observer")
    assert observer.get("/containers").status_code == 200
    assert_error(observer.post(f"/containers/{path}", {"image": "alpine:3"} if path == "run" else None), 403)
    assert docker.containers(all=True) == []


def test_token_narrows(service, docker):
    """A token's own scopes narrow the profile and never widen it."""
    reader = service.client(scope="containers:read")
    assert reader.get("/containers").status_code == 200
    assert_error(reader.run(), 403, "scope_denied")
    widened = service.client("observer", scope="containers:read containers:run")
    assert_error(widened.run(), 403, "scope_denied")
    assert docker.containers(all=True) == []
