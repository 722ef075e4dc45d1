# SPDX-License-Identifier: Apache-2.0
"""What headers say of a request's form, who sends it and where its answer may be read."""

import json

import pytest

from harness.http_bytes import RawConnection, assert_ok, assert_refused, field, head, request

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"


@pytest.mark.parametrize(
    "accept, status",
    [(None, 200), ("", 200), ("*/*", 200), ("application/*", 200), ("application/json", 200),
     ("text/html, */*;q=0.1", 200), ("nonsense", 200), ("image/png", 406), ("application/json;q=0", 406),
     ("*/*;q=0", 406), ("text/event-stream", 406)],
)  # fmt: skip
def test_H25_accept(raw, bearer, accept, status):
    """We speak JSON; who does not take it gets a 406, who writes nonsense takes anything."""
    lines = [bearer] if accept is None else [bearer, ("Accept", accept)]
    raw.send(request("GET", LIST, lines) + request("GET", LIVE))
    assert raw.answer().status == status
    assert_ok(raw)


@pytest.mark.parametrize(
    "content_type, status",
    [
        (None, 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=utf-8; x=y", 415),
        ("application/jsonx", 415),
        ("text/json", 415),
        ("application/json", 400),
        ("application/json; charset=utf-8", 400),
        ('Application/JSON;charset="UTF-8"', 400),
    ],
)
def test_H26_content_type(raw, bearer, docker, content_type, status):
    """Bodies are JSON and say so: no plain form of a web page reaches us. (400: no image.)"""
    lines = [field(bearer), b"Content-Length: 2"]
    if content_type:
        lines.append(field(("Content-Type", content_type)))
    raw.send(head("POST", RUN, *lines) + b"{}")
    assert raw.answer().status == status


@pytest.mark.parametrize("encoding, status", [("gzip", 415), ("br", 415), ("gzip, identity", 415), ("identity", 400)])
def test_H27_content_encoding(raw, bearer, encoding, status):
    """Compressed bodies are not taken. (400: no image.)"""
    lines = [field(bearer), b"Content-Length: 2", b"Content-Type: application/json"]
    raw.send(head("POST", RUN, *lines, field(("Content-Encoding", encoding))) + b"{}")
    assert raw.answer().status == status


GOOD = b'"image": "alpine:3"'
JSON = {
    "duplicate key": b'{"image": "alpine:3", "image": "alpine:3"}',
    "duplicate key by an escape": b'{"image": "alpine:3", "im\\u0061ge": "evil/x"}',
    "duplicate key deeper": b"{" + GOOD + b', "labels": {"a": "1", "a": "2"}}',
    "unknown key": b"{" + GOOD + b', "nmae": "x"}',
    "key in another case": b"{" + GOOD + b', "Privileged": true}',
    "trailing bytes": b"{" + GOOD + b"} {}",
    "trailing comma": b"{" + GOOD + b",}",
    "comment": b"{" + GOOD + b"} // x",
    "depth 33": b"{" + GOOD + b', "labels": ' + b"[" * 33 + b"]" * 33 + b"}",
    "depth 10000": b"[" * 10000 + b"]" * 10000,
    "number out of range": b"{" + GOOD + b', "cpus": 1e400}',
    "integer of 20 digits": b"{" + GOOD + b', "pids_limit": 99999999999999999999}',
    "integer as a float": b"{" + GOOD + b', "pids_limit": 1e2}',
    "NaN": b"{" + GOOD + b', "cpus": NaN}',
    "half a surrogate pair": b'{"image": "alpine:3", "name": "\\ud800"}',
    "invalid UTF-8": b'{"image": "alpine:3", "name": "\xff"}',
    "overlong UTF-8": b'{"image": "alpine:3", "name": "\xc0\xaf"}',
    "byte order mark": b"\xef\xbb\xbf{" + GOOD + b"}",
    "NUL escape": b'{"image": "alpine:3", "hostname": "a\\u0000b"}',
    "NUL byte": b'{"image": "alpine:3"}\0',
    "control character": b'{"image": "alpine:3\n"}',
    "UTF-16": '{"image": "alpine:3"}'.encode("utf-16"),
    "empty body": b"",
    "blank body": b"  ",
    "null": b"null",
    "array": b'[{"image": "alpine:3"}]',
    "string": b'"alpine:3"',
}


@pytest.mark.parametrize("case", JSON)
def test_H28_json(raw, bearer, docker, case):
    """A body that is not exactly one JSON object of known members is refused whole."""
    raw.send(request("POST", RUN, [bearer], JSON[case]) + request("GET", LIVE))
    answer = raw.answer()
    assert answer.status == 400, answer.raw
    assert json.loads(answer.body)["code"] == "invalid_request"
    assert_ok(raw)
    assert docker.containers(all=True) == []


LOCAL = "http://localhost:8000"
CORS = "access-control-"


def cors_headers(answer):
    return {name: value for name, value in answer.headers if name.startswith(CORS)}


def test_H30_listed_origin(raw, bearer):
    """A page of a listed origin may read every answer, refusals too."""
    for path, headers, status in ((LIVE, [], 200), (LIST, [bearer], 200), (LIST, [], 401), ("/x", [bearer], 404)):
        raw.send(request("GET", path, [("Origin", LOCAL), *headers]))
        answer = raw.answer()
        assert answer.status == status
        assert cors_headers(answer) == {CORS + "allow-origin": LOCAL}
        assert answer.header("vary") == "Origin"


OTHERS = ["null", "*", "http://localhost:8000.evil.example", "http://localhost", "https://localhost:8000",
          "http://LOCALHOST:8000", "http://localhost:8000/", "http://evil.example", "", f"{LOCAL} {LOCAL}"]  # fmt: skip


@pytest.mark.parametrize("origin", OTHERS)
def test_H30_other_origin(raw, bearer, origin):
    """No other page may."""
    raw.send(request("GET", LIST, [bearer, ("Origin", origin)]))
    assert cors_headers(assert_ok(raw)) == {}


def test_H30_no_origin(raw, bearer):
    """Who is no browser is told nothing of it."""
    raw.send(request("GET", LIST, [bearer]))
    answer = assert_ok(raw)
    assert cors_headers(answer) == {} and answer.header("vary") is None


PREFLIGHT = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization,content-type")]


def test_H30_preflight(raw, docker):
    """A browser's question before the request needs no token and does nothing."""
    raw.send(request("OPTIONS", RUN, [("Origin", LOCAL), *PREFLIGHT]))
    answer = raw.answer()
    assert (answer.status, answer.body) == (204, b"")
    allowed = cors_headers(answer)
    assert allowed[CORS + "allow-origin"] == LOCAL
    assert "POST" in allowed[CORS + "allow-methods"]
    assert {"authorization", "content-type"} <= set(allowed[CORS + "allow-headers"].lower().split(", "))
    assert CORS + "allow-credentials" not in allowed
    for origin in OTHERS:
        raw.send(request("OPTIONS", RUN, [("Origin", origin), *PREFLIGHT]))
        answer = raw.answer()
        assert cors_headers(answer) == {}, origin


def test_H30_configured_origins(start_service):
    """The list is the administrator's; an empty one is nobody."""
    for origins in (["https://app.example"], []):
        service = start_service(settings={"cors_origins": origins})
        with RawConnection(service.port) as raw:
            for origin in ("https://app.example", LOCAL):
                raw.send(request("GET", LIVE, [("Origin", origin)]))
                assert bool(cors_headers(assert_ok(raw))) == (origin in origins)


def test_H31_hosts(start_service):
    """With a list of hosts, a request for any other is a 421, whatever else it holds."""
    names = ["docker-control", "127.0.0.1", "[::1]:8002"]
    service = start_service(settings={"hosts": names})
    token = ("Authorization", f"Bearer {service.token()}")
    served = ["docker-control", f"docker-control:{service.port}", "DOCKER-CONTROL", "127.0.0.1", "127.0.0.1:1", "[::1]:8002"]
    with RawConnection(service.port) as raw:
        for host in served:
            raw.send(request("GET", LIST, [token], host=host))
            assert_ok(raw)
    misdirected = [
        *(request("GET", LIST, [token], host=host) for host in ("evil.example", "docker-control.evil.example", "[::1]")),
        request("GET", LIVE, host="evil.example"),
        request("OPTIONS", "*", host="evil.example"),
        head("GET", f"http://evil.example{LIVE}", host=b"Host: evil.example"),
        head("GET", "/nothing", host=b"Host: evil.example"),
        f"GET {LIVE} HTTP/1.0\r\n\r\n".encode(),
    ]
    for data in misdirected:
        with RawConnection(service.port) as raw:
            raw.send(data)
            assert_refused(raw, (421,))


def test_H31_any_host(raw):
    """Without a list every host is ours."""
    raw.send(request("GET", LIVE, host="evil.example"))
    assert_ok(raw)


TOKEN_FORMS = {
    "token alone": ["{t}"],
    "other scheme": ["Basic {t}"],
    "no scheme's end": ["Bearer{t}"],
    "scheme alone": ["Bearer"],
    "two spaces": ["Bearer  {t}"],
    "tab": ["Bearer\t{t}"],
    "comma list": ["Bearer {t}, Bearer {t}"],
    "two tokens": ["Bearer {t} {t}"],
    "quoted": ['Bearer "{t}"'],
    "parameter": ["Bearer token={t}"],
    "empty": [""],
}


@pytest.mark.parametrize("case", TOKEN_FORMS)
def test_J34_authorization_forms(raw, service, case):
    """Anything but the scheme, one space and the token is refused, with the one body there is."""
    lines = [("Authorization", value.format(t=service.token())) for value in TOKEN_FORMS[case]]
    raw.send(request("GET", LIST, lines) + request("GET", LIST))
    answer, without = raw.answer(), raw.answer()
    assert (answer.status, answer.body) == (without.status, without.body) == (401, answer.body)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_J34_scheme_in_any_case(raw, service, scheme):
    """The scheme's case does not count, and blanks around the value are no part of it."""
    raw.send(head("GET", LIST, f"Authorization: \t {scheme} {service.token()} ".encode()))
    assert_ok(raw)


def test_J34_two_headers(raw, bearer):
    """Two Authorization headers are a malformed request."""
    raw.send(request("GET", LIST, [bearer, bearer]))
    assert_refused(raw, (400,))


def test_J34_not_elsewhere(raw, service):
    """No token in the query, in a cookie, in another header or in the target."""
    token = service.token()
    for path, headers in (
        (f"{LIST}?token={token}", []),
        (f"{LIST}?access_token={token}", []),
        (LIST, [("Cookie", f"Authorization=Bearer {token}")]),
        (LIST, [("Proxy-Authorization", f"Bearer {token}")]),
        (LIST, [("X-Authorization", f"Bearer {token}")]),
    ):
        raw.send(request("GET", path, headers))
        assert raw.answer().status == 401, path
