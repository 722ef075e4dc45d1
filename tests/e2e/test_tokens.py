# SPDX-License-Identifier: Apache-2.0
"""Tokens: what opens the door, and that every other token meets the same closed one."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest

from harness.client import Client, assert_error, make_token

REFUSED = {"detail": "Invalid or missing JWT token", "code": "unauthenticated"}


def encode(data):
    raw = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(secret, header, payload, digest=hashlib.sha256):
    text = f"{encode(header)}.{encode(payload)}"
    return f"{text}.{encode(hmac.new(secret.encode(), text.encode(), digest).digest())}"


HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS = {"service": "tt_studio_backend"}


def status_with(service, token):
    client = Client(service.url, None)
    return client.get("/containers", headers={"Authorization": f"Bearer {token}"})


def assert_refused(response):
    assert response.status_code == 401, response.text
    assert response.json() == REFUSED
    assert "allow" not in {name.lower() for name in response.headers}


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
def test_good_token(service, claims):
    """PyJWT's tokens work, with and without exp; sub stands in for service."""
    token = jwt.encode(claims, service.secret, algorithm="HS256")
    assert status_with(service, token).status_code == 200


def test_token_without_typ(service):
    """The header's typ is optional."""
    assert status_with(service, sign(service.secret, {"alg": "HS256"}, CLAIMS)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "nOnE"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": "ES256"},
        {"alg": "EdDSA"},
        {"alg": "hs256"},
        {"alg": "HS256 "},
        {"alg": ["HS256"]},
        {"alg": 1},
        {"alg": None},
        {},
        {"typ": "JWT"},
        {**HEADER, "kid": "other"},
        {**HEADER, "kid": "../../etc/passwd"},
        {**HEADER, "kid": 1},
        {**HEADER, "crit": []},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "jku": "http://127.0.0.1/keys"},
        {**HEADER, "jwk": {"kty": "oct", "k": "AAAA"}},
        {**HEADER, "x5u": "http://127.0.0.1/"},
        {**HEADER, "b64": False},
        {**HEADER, "zip": "DEF"},
        {"alg": "HS256", "typ": "JWE"},
        b'{"alg":"HS256","alg":"HS256"}',
        b'{"alg":"HS256","\\u0061lg":"HS256"}',
        b'{"alg":"HS256"',
        b'\xef\xbb\xbf{"alg":"HS256"}',
        b'["HS256"]',
        {**HEADER, "pad": "x" * 600},
    ],
    ids=lambda header: (header if isinstance(header, bytes) else json.dumps(header).encode())[:50].decode("latin-1"),
)
def test_bad_header(service, header):
    """The header must be plain HS256; the signature here is right."""
    assert_refused(status_with(service, sign(service.secret, header, CLAIMS)))


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"service": ""},
        {"service": None},
        {"service": 5},
        {"service": ["tt_studio_backend"]},
        {"service": "a/../b"},
        {"service": "x" * 129},
        {"service": "a\nb"},
        {**CLAIMS, "exp": 1},
        {**CLAIMS, "exp": 0},
        {**CLAIMS, "exp": -1},
        {**CLAIMS, "exp": "4102444800"},
        {**CLAIMS, "exp": None},
        {**CLAIMS, "exp": True},
        {**CLAIMS, "exp": 1e300},
        {**CLAIMS, "exp": [4102444800]},
        {**CLAIMS, "nbf": 4102444800},
        b'{"service":"tt_studio_backend","exp":4102444800,"exp":1}',
        b'{"service":"tt_studio_backend","service":"small"}',
        b'{"service":"tt_studio_backend","\\u0073ervice":"small"}',
        b'["tt_studio_backend"]',
        b'{"service":"tt_studio_backend"}x',
        b'{"service":"tt_studio_backend","x":NaN}',
        b'{"service":"tt_studio_backend","x":"\xff"}',
        b"",
        {**CLAIMS, "x": {"a": {"b": {"c": {"d": 1}}}}},
        {**CLAIMS, "pad": "x" * 4200},
        {**CLAIMS, **{f"c{i}": i for i in range(40)}},
    ],
    ids=lambda claims: (claims if isinstance(claims, bytes) else json.dumps(claims).encode())[:50].decode("latin-1"),
)
def test_bad_claims(service, claims):
    """Claims must be one clean object with a service and sane times; the signature is right."""
    assert_refused(status_with(service, sign(service.secret, HEADER, claims)))


def test_just_expired(service):
    """A token past its time and the leeway of 30 s is refused; within the leeway it passes."""
    now = int(time.time())
    assert status_with(service, service.token(exp=now - 10)).status_code == 200
    assert_refused(status_with(service, service.token(exp=now - 40)))


def test_wrong_keys(service):
    """Another key, and keys that are near ours."""
    for secret in ("x" * 48, service.secret[:-1], service.secret + "x", service.secret.swapcase(), ""):
        assert_refused(status_with(service, sign(secret, HEADER, CLAIMS)))


def test_wrong_signatures(service):
    """Signatures that are cut, extended, changed, empty, or of another digest."""
    good = make_token(service.secret)
    text, signature = good.rsplit(".", 1)
    raw = base64.urlsafe_b64decode(signature + "=")
    wrong = [raw[:31], raw[:16], b"", raw + b"\0", bytes(32), raw[::-1]]
    wrong += [bytes(b ^ (bit if i == at else 0) for i, b in enumerate(raw)) for at in (0, 15, 31) for bit in (1, 128)]
    for candidate in wrong:
        assert_refused(status_with(service, f"{text}.{encode(candidate)}"))
    assert_refused(status_with(service, sign(service.secret, HEADER, CLAIMS, hashlib.sha512)))


def test_changed_payload(service):
    """A token for one service does not become one for another."""
    header, _, signature = make_token(service.secret, "observer").split(".")
    assert_refused(status_with(service, f"{header}.{encode(CLAIMS)}.{signature}"))


def test_shapes(service):
    """Tokens that are not three canonical base64url segments."""
    good = make_token(service.secret)
    header, payload, signature = good.split(".")
    shapes = [
        "x", "a.b", f"{header}.{payload}", f"{good}.x", f"{good}.", f".{good}", "..", ".." * 500,
        f"{header}.{payload}.", f"{header}..{signature}", good + "=", good + "A", good[:-1] + "!",
        f"{header}.{payload}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        good.replace(".", "%2E"), good + "." * 3000, "A" * 8193,
    ]  # fmt: skip
    for shape in shapes:
        assert_refused(status_with(service, shape))


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
