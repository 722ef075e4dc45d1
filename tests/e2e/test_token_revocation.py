# SPDX-License-Identifier: Apache-2.0
"""What ends a token before its time: keys that are taken away, tokens that are taken back, and a reload
that is refused as a whole."""

import contextlib
import json
import secrets
import shutil
import threading
import time

import jwt
import pytest
from harness import policies
from harness.client import Client, make_token
from harness.events import logs
from harness.tokens import FAR, Issuer, answer_to, assert_accepted, assert_refused, key_table, write_key

# After SIGHUP is in the log the very next request is judged by it; the margin is for slow machines.
AT_ONCE = 1.0


@pytest.fixture
def revoking(start_service, keys):
    """A service with one named key and a file of revocations, and how to write that file."""
    file = write_key(keys / "revocations.toml", "")
    issuer = Issuer("ES256", keys)
    service = start_service(settings={"revocations": str(file)}, tables=issuer.table(kid="es256"))

    def revoke(text, expect="policy reloaded"):
        write_key(file, text)
        return service.hang_up(expect)

    return service, issuer, revoke


def signed(issuer, **claims):
    return issuer.token(headers={"kid": issuer.name}, **claims)


def ticker(client):
    script = "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done"
    return client.started(command=["sh", "-c", script], init=True)["id"]


NOW = int(time.time())


@pytest.mark.parametrize(
    ("text", "revoked", "spared"),
    [
        ('jti = ["a", "b"]', {"jti": "a"}, [{"jti": "A"}, {"jti": "ab"}, {}]),
        ('sub = ["tt_studio_backend"]', {}, [{"service": "tenant_a"}]),
        ('sub = ["someone"]', {"sub": "someone"}, [{"sub": "someone.else"}, {}]),
        (f"[sub]\ntt_studio_backend = {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(NOW))}", {"iat": NOW - 1},
         [{"iat": NOW}, {"service": "tenant_a"}]),
        ('kid = ["es256"]', {}, []),
        (f"[kid]\nes256 = {time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime(NOW))}", {"iat": NOW - 1},
         [{"iat": NOW}]),
        (f"issued_before = {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(NOW))}", {"iat": NOW - 1}, [{"iat": NOW}]),
        (f"issued_before = {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(NOW))}", {}, [{"iat": NOW}]),
    ],
)  # fmt: skip
def test_j31_revoked(revoking, docker, text, revoked, spared):
    """By jti, by service or sub, by kid, by time of issue: the next request is refused, others are not."""
    service, issuer, revoke = revoking
    token = signed(issuer, **revoked)
    kept = [signed(issuer, **claims) for claims in spared]
    for each in (token, *kept):
        assert_accepted(service, each)
    revoke(text)
    start = time.monotonic()
    assert_refused(service, token)
    assert time.monotonic() - start < AT_ONCE
    assert '"reason":"revoked"' in service.audit_text()
    for each in kept:
        assert_accepted(service, each)
    # The environment's key has no id, so only what names no key can reach its tokens.
    if "kid" in text:
        assert_accepted(service, service.token())
    assert Client(service.url, token).run().status_code == 401
    assert docker.containers(all=True) == []
    revoke("")
    assert_accepted(service, token)


def test_j31_streams_end(revoking):
    """Open streams of a token that is taken back end, with the reason; others go on."""
    service, issuer, revoke = revoking
    client = Client(service.url, signed(issuer, jti="one"))
    other = Client(service.url, signed(issuer, jti="two"))
    made = ticker(client)
    with logs(client, made) as found, logs(other, made) as going_on:
        next(found)
        revoke('jti = ["one"]')
        start = time.monotonic()
        last = list(found)[-1]
        assert time.monotonic() - start < 1 + AT_ONCE
        assert last["type"] == "error" and "revoked" in last["message"]
        for _ in range(50):
            assert next(going_on)["type"] == "log"


@pytest.mark.parametrize(
    "text",
    ["jti = 5", "jti = [5]", 'jit = ["a"]', "issued_before = 2026-01-01T00:00:00", 'sub = "a"', "[sub]\na = true", "x",
     "jti = [" + '"x",' * 4097 + "]"],
)  # fmt: skip
def test_j31_malformed_revocations(revoking, text):
    """A file with a mistake is refused whole, with its line; what was revoked stays so."""
    service, issuer, revoke = revoking
    token = signed(issuer, jti="gone")
    revoke('jti = ["gone"]')
    log = revoke(text, "nothing was reloaded")
    assert "revocations.toml:" in log
    assert_refused(service, token)
    assert_accepted(service, signed(issuer, jti="other"))


def test_j31_malformed_at_start(service_maker, keys):
    """At the start it ends the start; so does a file that is not there."""
    for content, reason in (("jti = 5", "revocations.toml:1:"), (None, "cannot read")):
        file = keys / "revocations.toml"
        if content is None:
            file.unlink()
        else:
            write_key(file, content)
        with contextlib.closing(service_maker(settings={"revocations": str(file)})) as service:
            code, log = service.run_to_end()
            assert code == 78 and reason in log


def test_j32_rotation(start_service, keys):
    """Old and new key side by side, then the new alone; no restart, no request lost, removal at once."""
    old, new = (Issuer("EdDSA", keys, name) for name in ("old", "new"))
    service = start_service(tables=old.table(kid="old"))
    family = service.pids()
    stop, failures = threading.Event(), []

    def steady():
        client = service.client()  # by the environment's key, which stays
        while not stop.is_set():
            response = client.get("/containers")
            if response.status_code != 200:
                failures.append(response.text)

    thread = threading.Thread(target=steady)
    thread.start()
    try:
        assert_accepted(service, signed(old))
        assert_refused(service, signed(new))
        service.tables = old.table(kid="old") + new.table(kid="new")
        service.configure()
        assert "3 token keys" in service.hang_up()
        assert_accepted(service, signed(old))
        assert_accepted(service, signed(new))

        made = ticker(service.client())
        with logs(Client(service.url, signed(old)), made) as found:
            next(found)
            service.tables = new.table(kid="new")
            service.configure()
            service.hang_up()
            start = time.monotonic()
            assert_refused(service, signed(old))
            assert time.monotonic() - start < AT_ONCE
            assert "revoked" in list(found)[-1]["message"]
        assert_accepted(service, signed(new))
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert service.pids() == family


def test_j32_key_sets(start_service, keys):
    """A set is read again too; a key of the same id but other numbers is another key."""
    file = keys / "keys.json"
    first, second = Issuer("ES256", keys, "first"), Issuer("ES256", keys, "second")
    replaced = Issuer("ES256", keys, "replaced")

    def publish(*issuers):
        write_key(file, json.dumps({"keys": [issuer.jwk(kid=kid) for kid, issuer in issuers]}))

    publish(("first", first))
    service = start_service(tables=key_table("jwks", file=file))
    assert_accepted(service, signed(first))
    publish(("first", first), ("second", second))
    service.hang_up()
    assert_accepted(service, signed(first))
    assert_accepted(service, signed(second))
    publish(("first", replaced), ("second", second))
    service.hang_up()
    assert_refused(service, signed(first))
    assert_accepted(service, replaced.token(headers={"kid": "first"}))
    assert_accepted(service, signed(second))


def test_j32_secret_in_a_file(start_service, keys):
    """A shared secret that is replaced in its file counts at once, the old one no more."""
    old, new = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
    file = readable_secret(keys / "hmac", old)
    service = start_service(tables=key_table(file=file, kid="shared"))
    tokens = [make_token_with_kid(secret, "shared") for secret in (old, new)]
    assert [answer_to(service, token).status_code for token in tokens] == [200, 401]
    readable_secret(file, new)
    service.hang_up()
    assert [answer_to(service, token).status_code for token in tokens] == [401, 200]


def test_j33_keys_out_of_their_time(start_service, keys):
    """A key that is still listed counts from not_before to not_after alone."""
    spans = {
        "past": {"not_after": "2026-01-01T00:00:00Z"},
        "future": {"not_before": "2100-01-01T00:00:00+02:00"},
        "now": {"not_before": "2020-01-01T00:00:00Z", "not_after": "2100-01-01T00:00:00Z"},
    }
    issuers = {name: Issuer("EdDSA", keys, name) for name in spans}
    service = start_service(tables="".join(issuers[name].table(kid=name, **span) for name, span in spans.items()))
    assert_refused(service, signed(issuers["past"]), "no longer in use")
    assert_refused(service, signed(issuers["future"]), "not in use yet")
    assert_accepted(service, signed(issuers["now"]))


def test_j33_key_ends_under_a_stream(start_service, keys):
    """The end of a key ends the handles and the streams of its tokens."""
    issuer = Issuer("EdDSA", keys, "ending")
    end = int(time.time()) + 6
    not_after = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    service = start_service(tables=issuer.table(kid="ending", not_after=not_after))
    made = ticker(service.client())
    with logs(Client(service.url, signed(issuer)), made) as found:
        assert list(found)[-1]["type"] == "error"
    assert end - 1 <= time.time() < end + 5
    assert_refused(service, signed(issuer))


def make_token_with_kid(secret, kid):
    claims = {"service": policies.SERVICE, "exp": FAR}
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid})


def readable_secret(path, secret):
    """A secret as packages install one: of root, readable by the broker's group."""
    write_key(path, secret, 0o640)
    shutil.chown(path, group="docker-control-broker")
    return path


# A reload that cannot be


@pytest.mark.parametrize(
    ("name", "break_it", "reason"),
    [
        ("key missing", lambda files: files["key"].unlink(), "cannot read"),
        ("key empty", lambda files: readable_secret(files["key"], ""), "shorter than 32 bytes"),
        ("key cut", lambda files: readable_secret(files["key"], "x"), "shorter than 32 bytes"),
        ("key unreadable", lambda files: files["key"].chmod(0o600), "Permission denied"),
        ("key open to all", lambda files: files["key"].chmod(0o644), "open to other users"),
        ("public key cut", lambda files: write_key(files["pub"], files["pub"].read_bytes()[:60]), "no public key"),
        ("set cut", lambda files: write_key(files["jwks"], '{"keys": ['), "is not a JSON object"),
        ("set missing", lambda files: files["jwks"].unlink(), "cannot read"),
        ("revocations missing", lambda files: files["revocations"].unlink(), "cannot read"),
        ("policy broken", lambda files: files["policy"].write_text("x"), "policy.toml:1:"),
        ("configuration broken", lambda files: files["config"].write_text("x"), "config.toml:1:"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_f18_all_or_nothing(start_service, keys, name, break_it, reason):
    """With any file unfit nothing changes: every key, revocation and right stays, and health says so."""
    secret = secrets.token_urlsafe(48)
    es, ed, later = (Issuer(algorithm, keys, name) for algorithm, name in
                     (("ES256", "es"), ("EdDSA", "ed"), ("EdDSA", "later")))  # fmt: skip
    files = {
        "key": readable_secret(keys / "hmac", secret), "pub": es.file,
        "jwks": write_key(keys / "keys.json", json.dumps({"keys": [ed.jwk()]})),
        "revocations": write_key(keys / "revocations.toml", 'jti = ["gone"]'),
    }  # fmt: skip
    tables = key_table(file=files["key"], kid="shared") + es.table(kid="es") + key_table("jwks", file=files["jwks"])
    service = start_service(settings={"revocations": str(files["revocations"])}, tables=tables)
    files["policy"], files["config"] = service.policy_file, service.directory / "config.toml"
    good = [make_token_with_kid(secret, "shared"), signed(es), signed(ed), make_token(service.secret)]
    bad = [signed(es, jti="gone"), signed(later)]

    def unchanged():
        for token in good:
            assert_accepted(service, token)
        for token in bad:
            assert_refused(service, token)

    unchanged()
    # Everything else of this reload is good, and must not come into force either.
    service.tables = tables + later.table(kid="later")
    service.configure()
    write_key(files["revocations"], "")
    break_it(files)
    assert reason in service.hang_up("nothing was reloaded")
    unchanged()
    assert '"policy_refused"' in service.audit_text()
    health = Client(service.url, None).get("/health")
    assert health.json()["checks"]["policy"]["status"] == "degraded"


def test_f18_told_at_the_start(start_service, keys):
    """A file that the broker's user will not be able to read again is named at the start."""
    file = write_key(keys / "hmac", secrets.token_urlsafe(48), 0o600)
    service = start_service(tables=key_table(file=file, kid="shared"))
    assert f"SIGHUP will be refused: this user cannot read {file} again" in service.log
