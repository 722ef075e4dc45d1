# SPDX-License-Identifier: Apache-2.0
"""Keys of tokens: each algorithm, how a token's key is chosen, and which keys refuse the start."""

import contextlib
import hashlib
import hmac
import json
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from harness.tokens import (
    ASYMMETRIC,
    Issuer,
    assert_accepted,
    assert_refused,
    b64,
    good_claims,
    key_table,
    number,
    openssl,
    write_key,
)

CONFIGURATION_ERROR = 78
P = 2**255 - 19


@pytest.fixture(scope="module")
def issuers(tmp_path_factory):
    directory = tmp_path_factory.mktemp("issuers")
    return {algorithm: Issuer(algorithm, directory) for algorithm in ASYMMETRIC}


@pytest.fixture(scope="module")
def service(service_maker, issuers):
    """A service with one named key of each kind beside the environment's."""
    tables = "".join(issuer.table(kid=issuer.name) for issuer in issuers.values())
    service = service_maker(tables=tables)
    try:
        yield service.start()
    finally:
        service.close()


@pytest.fixture
def refused_start(service_maker):
    """refused_start(TABLES): the log of a start that these tables of the configuration end."""
    with contextlib.ExitStack() as stack:

        def start(tables):
            made = service_maker(tables=tables)
            stack.callback(made.close)
            code, log = made.run_to_end()
            assert code == CONFIGURATION_ERROR, log
            return log

        yield start


def named(issuer):
    return {"alg": issuer.algorithm, "kid": issuer.name}


# Good tokens of independent makers


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_j01_tokens_of_pyjwt(service, issuers, algorithm):
    """PyJWT's tokens work under each algorithm."""
    issuer = issuers[algorithm]
    assert_accepted(service, issuer.token(headers={"kid": issuer.name}))


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_j01_tokens_of_openssl(service, issuers, tmp_path, algorithm):
    """So do those that the openssl command signs."""
    issuer = issuers[algorithm]
    text = f"{b64(named(issuer))}.{b64(good_claims())}"
    message = write_key(tmp_path / "message", text)
    private = issuer.private_file(tmp_path)
    if algorithm == "EdDSA":
        signature = openssl("pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", message)
    else:
        signature = openssl("dgst", "-sha256", "-sign", private, message)
    if algorithm == "ES256":
        parsed = openssl("asn1parse", "-inform", "DER", data=signature).decode()
        r, s = (int(line.split(":")[-1], 16) for line in parsed.splitlines() if "INTEGER" in line)
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert_accepted(service, f"{text}.{b64(signature)}")


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_j01_tokens_of_docker_control(programs, service_maker, tmp_path, algorithm):
    """keygen makes a pair, the service takes its public half, and token signs with the private one."""
    file = tmp_path / "made.key"
    made = run_docker_control(programs, "keygen", "--algorithm", algorithm, "--out", file)
    assert made.returncode == 0, made.stderr
    assert file.stat().st_mode & 0o777 == 0o400
    public = tmp_path / "made.key.pub"
    assert "PUBLIC KEY" in public.read_text() and "PRIVATE" not in public.read_text()
    openssl("pkey", "-pubin", "-in", public, "-noout")
    assert run_docker_control(programs, "keygen", "--algorithm", algorithm, "--out", file).returncode == 1
    assert run_docker_control(programs, "keygen", "--algorithm", algorithm).returncode == 1

    tables = key_table(file=public, algorithm=algorithm, kid="made", issuer="cli", audience=["us"])
    with contextlib.closing(service_maker(tables=tables)) as service:
        service.start()
        arguments = ["token", "--service", "tt_studio_backend", "--key", file, "--kid", "made", "--issuer", "cli"]
        for audience, check in ((["us"], assert_accepted), (["x", "us"], assert_accepted), (["x"], assert_refused)):
            words = [word for name in audience for word in ("--audience", name)]
            done = run_docker_control(programs, *arguments, *words)
            assert done.returncode == 0, done.stderr
            check(service, done.stdout.strip())
    assert run_docker_control(programs, "token", "--service", "x", "--key", public).returncode == 1


def run_docker_control(programs, *arguments):
    return subprocess.run(
        [programs / "docker-control", *map(str, arguments)],
        capture_output=True, text=True, timeout=20, env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


# One key, one algorithm


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_j04_public_key_as_secret(service, issuers, algorithm):
    """A public key is no shared secret, in whatever form."""
    issuer = issuers[algorithm]
    public = issuer.public_key
    forms = [issuer.public_pem, issuer.public_pem.strip(), issuer.public_pem.replace(b"\n", b"\r\n")]
    forms.append(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    if algorithm == "EdDSA":
        forms.append(public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    if algorithm == "ES256":
        point = serialization.PublicFormat.UncompressedPoint
        forms.append(public.public_bytes(serialization.Encoding.X962, point))
    for secret in forms:
        for header in ({"alg": "HS256", "kid": issuer.name}, {"alg": "HS256"}):
            text = f"{b64(header)}.{b64(good_claims())}"
            mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
            assert_refused(service, f"{text}.{b64(mac)}")


@pytest.mark.parametrize("signer", ASYMMETRIC)
@pytest.mark.parametrize("said", ["HS256", *ASYMMETRIC, "none"])
def test_j04_algorithm_of_another_key(service, issuers, signer, said):
    """A good signature counts under its key's algorithm and id alone."""
    issuer = issuers[signer]
    for name in [other.name for other in issuers.values()]:
        token = issuer.craft({"alg": said, "kid": name})
        if (said, name) == (signer, issuer.name):
            assert_accepted(service, token)
        else:
            assert_refused(service, token)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_j04_key_of_the_token_itself(service, tmp_path, algorithm):
    """A token does not bring its own key."""
    stranger = Issuer(algorithm, tmp_path)
    for header in ({"jwk": stranger.jwk()}, {"jku": "http://127.0.0.1:1/jwks"}, {"x5c": [b64(stranger.public_pem)]}):
        assert_refused(service, stranger.craft({"alg": algorithm, **header}))
    assert_refused(service, stranger.craft({"alg": algorithm, "kid": stranger.name}), "wrong signature")


def test_j07_key_ids(service, issuers):
    """The header's kid chooses among the configured keys by its exact text, and nothing else."""
    issuer = issuers["ES256"]
    assert_accepted(service, issuer.craft(named(issuer)))
    assert_refused(service, issuer.craft({"alg": "ES256"}), "no key of this algorithm and id")
    bad = ["", "ES256", "es25", "es256 ", "eddsa", "../../es256", "es256\u0000", "' OR 1=1 --", "x" * 65, 1, None, []]
    bad += [{"$ne": ""}, ["es256"], str(issuer.file), f"file://{issuer.file}", "http://127.0.0.1/"]
    for kid in bad:
        assert_refused(service, issuer.craft({"alg": "ES256", "kid": kid}))
    assert_refused(service, issuer.craft(b'{"alg":"ES256","kid":"es256","kid":"es256"}'))
    assert_refused(service, issuer.craft({"alg": "ES256", "kid": "x" * (1 << 20)})[:8000])


def test_j07_one_key_alone(service_maker, tmp_path):
    """Keys without ids are for tokens that name none, each by its own algorithm."""
    first, second = Issuer("EdDSA", tmp_path, "first"), Issuer("EdDSA", tmp_path, "second")
    third = Issuer("ES256", tmp_path, "third")
    with contextlib.closing(service_maker(tables=first.table() + second.table() + third.table())) as service:
        service.start()
        for issuer in (first, second, third):
            assert_accepted(service, issuer.craft())
            assert_refused(service, issuer.craft({"alg": issuer.algorithm, "kid": issuer.name}))
        assert_refused(service, Issuer("EdDSA", tmp_path, "fourth").craft())


# Keys that refuse the start


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def ed25519_pem(raw):
    """SubjectPublicKeyInfo around any 32 bytes."""
    return b"-----BEGIN PUBLIC KEY-----\n" + (
        openssl("base64", data=bytes.fromhex("302a300506032b6570032100") + raw) + b"-----END PUBLIC KEY-----\n"
    )


def small_order_points():
    """The y of every point of order 1, 2, 4 and 8, with both signs of x, canonical or not."""
    eight = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
    for y in (0, 1, P - 1, eight, P - eight, P, P + 1):
        for sign in (0, 1 << 255):
            yield (y | sign).to_bytes(32, "little")


def off_curve_points():
    """y that no x belongs to."""
    d = -121665 * pow(121666, P - 2, P)
    bad = [y for y in range(2, 40) if pow((y * y - 1) * pow(d * y * y + 1, P - 2, P), (P - 1) // 2, P) == P - 1]
    return [y.to_bytes(32, "little") for y in bad[:3]]


def test_j06_small_order_keys(refused_start, tmp_path):
    """An Ed25519 key of small order, for which anybody could sign, ends the start."""
    for raw in small_order_points():
        log = refused_start(key_table(file=write_key(tmp_path / "key", ed25519_pem(raw)), algorithm="EdDSA"))
        assert "small order" in log or "not a canonical point" in log, (raw.hex(), log)
    for raw in [b"\xff" * 32, (P + 3).to_bytes(32, "little")]:
        log = refused_start(key_table(file=write_key(tmp_path / "key", ed25519_pem(raw)), algorithm="EdDSA"))
        assert "not a canonical point" in log
    for raw in off_curve_points():
        log = refused_start(key_table(file=write_key(tmp_path / "key", ed25519_pem(raw)), algorithm="EdDSA"))
        assert "is not a point of its curve" in log


def explicit_p256(tmp_path):
    """A P-256 key that spells out its curve."""
    private = tmp_path / "explicit.pem"
    private.write_bytes(openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc", "explicit"))
    return openssl("ec", "-in", private, "-pubout", "-param_enc", "explicit")


def off_curve_p256():
    good = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = good.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    bad = der[:-1] + bytes([der[-1] ^ 1])
    return b"-----BEGIN PUBLIC KEY-----\n" + openssl("base64", data=bad) + b"-----END PUBLIC KEY-----\n"


def rsa_pem(n, e):
    return pem(rsa.RSAPublicNumbers(e, n).public_key())


N2048 = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n


@pytest.mark.parametrize(
    ("algorithm", "content", "reason"),
    [
        ("ES256", lambda _: pem(ec.generate_private_key(ec.SECP384R1()).public_key()), "not on the curve P-256"),
        ("ES256", lambda _: pem(ec.generate_private_key(ec.SECP256K1()).public_key()), "not on the curve P-256"),
        ("ES256", lambda _: off_curve_p256(), "not a point of its curve"),
        ("ES256", explicit_p256, "spells out its curve"),
        ("ES256", lambda path: Issuer("EdDSA", path).public_pem, "is not an EC key"),
        ("EdDSA", lambda path: Issuer("ES256", path).public_pem, "is not an Ed25519 key"),
        ("EdDSA", lambda _: pem(x25519.X25519PrivateKey.generate().public_key()), "is not an Ed25519 key"),
        ("EdDSA", lambda _: pem(ed448.Ed448PrivateKey.generate().public_key()), "is not an Ed25519 key"),
        ("RS256", lambda path: Issuer("ES256", path).public_pem, "is not an RSA key"),
        ("RS256", lambda _: pem(dsa.generate_private_key(1024).public_key()), "is not an RSA key"),
        ("RS256", lambda _: pem(rsa.generate_private_key(65537, 1024).public_key()), "less than 2048 bits"),
        ("RS256", lambda _: pem(rsa.generate_private_key(65537, 2040).public_key()), "less than 2048 bits"),
        ("RS256", lambda _: rsa_pem((1 << 8200) + 1, 65537), "more than 8192 bits"),
        ("RS256", lambda _: rsa_pem(N2048 + 1, 65537), "modulus that is even"),
        ("RS256", lambda _: rsa_pem(N2048, 3), "public exponent"),
        ("RS256", lambda _: rsa_pem(N2048 + 1 - N2048 % 2, 65535), "public exponent"),
        ("RS256", lambda _: rsa_pem(N2048, (1 << 64) + 1), "public exponent"),
        ("ES256", lambda path: Issuer("ES256", path).private_file(path).read_bytes(), "openssl pkey -in FILE -pubout"),
        ("ES256", lambda _: b"", "not one PEM block"),
        ("ES256", lambda _: b"k7Qm2vXb9LrT4nZc8WfH1sJd6PyG3aEu0oRi5tVx", "not one PEM block"),
        ("ES256", lambda path: Issuer("ES256", path).public_pem * 2, "not one PEM block"),
        ("ES256", lambda path: Issuer("ES256", path).public_pem[:90], "no public key"),
        ("HS256", lambda path: Issuer("ES256", path).public_pem, "is a PEM file"),
        ("ES512", lambda path: Issuer("ES256", path).public_pem, "algorithm must be"),
        ("", lambda path: Issuer("ES256", path).public_pem, "algorithm must be"),
    ],
)
def test_j27_unfit_public_keys(refused_start, tmp_path, algorithm, content, reason):
    """A key of the wrong kind, size or form ends the start with a sentence that says why."""
    file = write_key(tmp_path / "key", content(tmp_path), 0o600)
    assert reason in refused_start(key_table(file=file, algorithm=algorithm))


@pytest.mark.parametrize(
    ("content", "mode"),
    [("short", 0o600), ("", 0o600), ("change-me-in-production" * 2, 0o600), ("x" * 64, 0o600),
     ("k7Qm2vXb9LrT4nZc8WfH1sJd6PyG3aEu0oRi5tVx", 0o644), ("k7Qm2vXb9LrT4nZc8WfH1sJd6PyG3aEu0oRi5tVx", 0o620)],
)  # fmt: skip
def test_j27_unfit_secrets(refused_start, tmp_path, content, mode):
    """A secret that can be guessed or that others can read or write ends the start."""
    log = refused_start(key_table(file=write_key(tmp_path / "key", content, mode)))
    assert "docker-control keygen" in log or "open to other users" in log


def test_j33_two_keys_of_one_id(refused_start, tmp_path):
    """No two keys may have the same id, of whatever kind."""
    es, ed = Issuer("ES256", tmp_path), Issuer("EdDSA", tmp_path)
    assert "two token keys have the id a" in refused_start(es.table(kid="a") + ed.table(kid="a"))
    keys = write_key(tmp_path / "keys.json", json.dumps({"keys": [es.jwk(kid="a"), ed.jwk(kid="a")]}))
    assert "two token keys have the id a" in refused_start(key_table("jwks", file=keys))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"issuer": ""}, "issuer must be"),
        ({"audience": []}, "audience must be"),
        ({"audience": [""]}, "audience must be"),
        ({"audience": [str(i) for i in range(17)]}, "audience must be"),
        ({"max_ttl": 0}, "max_ttl must be"),
        ({"max_age": -5}, "max_age must be"),
        ({"max_age": 315_360_001}, "max_age must be"),
        ({"not_after": "2026-01-01T00:00:00"}, "not_after must be a time with its offset"),
        ({"not_before": "2026-01-01"}, "not_before must be a time with its offset"),
        ({"not_before": "2026-01-01T00:00:00Z", "not_after": "2026-01-01T01:00:00+01:00"}, "not after its not_before"),
        ({"replay_protection": True, "require_exp": False}, "need require_exp"),
        ({"max_ttl": 60, "require_exp": False}, "need require_exp"),
        ({"typ": "at+jwt"}, "needs issuer and audience"),
        ({"typ": "JWE"}, "typ must be"),
        ({"kid": "../x"}, "a key id must be"),
        ({"verify": True}, "verify is not a known key"),
    ],
)
def test_unfit_settings(refused_start, tmp_path, settings, reason):
    """A setting of a key that is malformed, or contradicts another, ends the start."""
    assert reason in refused_start(Issuer("EdDSA", tmp_path).table(**settings))


# JSON Web Key Sets


def test_jwks(service_maker, tmp_path):
    """The keys of a set count under their kid; those that are for something else are skipped with a word."""
    good = [Issuer(algorithm, tmp_path) for algorithm in ASYMMETRIC]
    other = Issuer("ES256", tmp_path, "other")
    keys = [issuer.jwk(use="sig", alg=issuer.algorithm, key_ops=["verify"]) for issuer in good]
    keys += [other.jwk(kid=kid, **members) for kid, members in {
        "enc": {"use": "enc"}, "ops": {"key_ops": ["encrypt"]}, "alg": {"alg": "ES384"}, "crv": {"crv": "P-384"},
        "kty": {"kty": "LMS"},
    }.items()]  # fmt: skip
    file = write_key(tmp_path / "keys.json", json.dumps({"keys": keys, "extra": 1}))
    with contextlib.closing(service_maker(tables=key_table("jwks", file=file, issuer="idp"))) as service:
        service.start()
        assert service.log.count("not one that checks") == 5
        for issuer in good:
            assert_accepted(service, issuer.token(iss="idp", headers={"kid": issuer.name}))
            assert_refused(service, issuer.token(iss="idq", headers={"kid": issuer.name}), "issuer")
            assert_refused(service, issuer.token(iss="idp"))
        for kid in ("enc", "ops", "alg", "crv", "kty", "other"):
            assert_refused(service, other.token(iss="idp", headers={"kid": kid}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda jwk: {**jwk, "d": "AAAA"}, "is a private key"),
        (lambda _: {"kty": "oct", "k": b64(b"k" * 32), "kid": "a"}, "is a shared secret"),
        (lambda jwk: {name: value for name, value in jwk.items() if name != "kid"}, "needs a kid"),
        (lambda jwk: {**jwk, "kid": "../a"}, "needs a kid"),
        (lambda jwk: {**jwk, "x": jwk["x"] + "="}, "not base64url"),
        (lambda jwk: {**jwk, "x": b64(b"x" * 31)}, "32 bytes"),
        (lambda jwk: {**jwk, "x": b64(b"\0" * 32)}, "not a point of its curve"),
        (lambda _: {"kty": "RSA", "n": number(N2048), "e": "Aw", "kid": "a"}, "public exponent"),
        (lambda _: {"kty": "OKP", "crv": "Ed25519", "x": b64(b"\0" * 32), "kid": "a"}, "small order"),
        (lambda jwk: {**jwk, "use": "enc"}, "has no key"),
        (lambda _: 5, "is not an object"),
    ],
)
def test_j27_unfit_key_sets(refused_start, tmp_path, change, reason):
    """A set with a key that must not be there, or with none for us, ends the start."""
    keys = {"keys": [change(Issuer("ES256", tmp_path).jwk())]}
    log = refused_start(key_table("jwks", file=write_key(tmp_path / "keys.json", json.dumps(keys))))
    assert reason in log


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": {}}', '{"keys": []}', '{"keys": [', "\xff"])
def test_malformed_key_sets(refused_start, tmp_path, content):
    """A file that is no set ends the start."""
    assert "keys.json" in refused_start(key_table("jwks", file=write_key(tmp_path / "keys.json", content)))
