# SPDX-License-Identifier: Apache-2.0
"""Which path and query is meant, and in which order a request is looked at."""

import json

import pytest

from harness.http_bytes import RawConnection, assert_ok, assert_refused, request

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = "/api/v1/containers/run"


@pytest.mark.parametrize(
    "path",
    ["//api/v1/livez", "/api//v1/livez", "/api/v1/./livez", "/api/v1/x/../livez", "/api/v1/%2e/livez",
     "/api/v1/containers/%2e%2e/livez", "/api/v1/containers/%2E%2E/%2e%2e/livez", "/api/v1/containers/%00",
     "/api/v1/containers/%zz", "/api/v1/containers/%4", "/api/v1/containers/%", "/api/v1/containers/%C0%AF",
     "/api/v1/containers/%ff", "/api/v1/containers/a\\b", "/api/v1/containers/a%5cb", "/api/v1/containers/a%0ab",
     "/api/v1/livez#x", "/1/2/3/4/5/6/7/8/9/10/11/12/13"],
)  # fmt: skip
def test_H19_malformed_path(raw, bearer, path):
    """A path that could be read in two ways is refused before anything else is looked at."""
    raw.send(request("GET", path, [bearer]))
    assert_refused(raw, (400,))


@pytest.mark.parametrize(
    "path, status",
    [
        ("/api/v1/livez/", 404), ("/API/v1/livez", 404), ("/api/v1/livez;x", 404), ("/api/v1%2flivez", 404),
        ("/api/v1/containers/", 404), ("/api/v1/containers/a%2Fb", 400), ("/api/v1/containers/a%252fb", 400),
        ("/api/v1/containers/a%252e%252e", 400), ("/api/v1/containers/a;b", 400), ("/api/v1/containers/a+b", 400),
        ("/api/v1/containers/-a", 400), ("/api/v1/containers/.a", 400), ("/api/v1/containers/" + "a" * 129, 400),
        ("/api/v1/containers/%61", 404), ("/api/v1/%6civez", 200),
    ],
)  # fmt: skip
def test_H19_decoded_once(raw, bearer, path, status):
    """Segments are decoded once, after the split, and have to be what the route takes."""
    raw.send(request("GET", path, [bearer]) + request("GET", LIVE))
    answer = raw.answer()
    assert answer.status == status, answer.raw
    assert_ok(raw)


def test_H20_slashes_in_queries(raw, bearer, client):
    """A slash in a query may be escaped, and + is a space."""
    client.started(name="shown", labels={"a/b": "c d"})
    for query in ("label=a/b%3Dc+d", "label=a%2Fb%3Dc%20d", "label=a%2fb=c%20d"):
        raw.send(request("GET", f"{LIST}?{query}", [bearer]))
        assert len(json.loads(assert_ok(raw).body)["containers"]) == 1, query
    for query in ("label=a%252Fb%3Dc+d", "label=a/b%3Dc%2Bd"):
        raw.send(request("GET", f"{LIST}?{query}", [bearer]))
        assert json.loads(assert_ok(raw).body)["containers"] == [], query


@pytest.mark.parametrize(
    "query", ["label=%zz", "label=%", "label=%4", "label=%00", "label=%0a", "label=%ff", "=1", "all=1&all=1",
              "all=1&%61ll=1", "&".join(f"p{number}=1" for number in range(33))],
)  # fmt: skip
def test_H20_H21_malformed_query(raw, bearer, query):
    """Bad escapes, a name that is given twice and too many of them are refused."""
    raw.send(request("GET", f"{LIST}?{query}", [bearer]))
    assert_refused(raw, (400,))


@pytest.mark.parametrize("value, listed", [
    *((value, 1) for value in ("true", "TRUE", "True", "1", "yes", "on", "t", "y")),
    *((value, 0) for value in ("false", "FALSE", "0", "no", "off", "f", "n")),
])  # fmt: skip
def test_H21_booleans(raw, bearer, client, value, listed):
    """Booleans are read as the service that we replace reads them."""
    client.started(command=["true"], detach=False)
    raw.send(request("GET", f"{LIST}?all={value}", [bearer]))
    assert len(json.loads(assert_ok(raw).body)["containers"]) == listed


@pytest.mark.parametrize("value", ["", "2", "-1", "tru", "0x1", "1.0", "%D9%A3", "null", "true%20"])
def test_H21_no_booleans(raw, bearer, value):
    """Anything else is refused with the parameter's name."""
    raw.send(request("GET", f"{LIST}?all={value}", [bearer]))
    answer = raw.answer()
    assert answer.status == 400 and b"all" in answer.body


def test_H21_unknown_parameters(raw, bearer):
    """A read ignores parameters that it does not know; a change refuses them."""
    raw.send(request("GET", f"{LIST}?_=1234", [bearer]))
    assert_ok(raw)
    for verb in ("start", "stop", "restart", "remove"):
        raw.send(request("POST", f"{LIST}/missing/{verb}?_=1234", [bearer]))
        assert raw.answer().status == 400, verb


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("DELETE", LIST, {"GET", "HEAD", "OPTIONS"}),
        ("PUT", RUN, {"GET", "HEAD", "POST", "OPTIONS"}),  # also a container of that name
        ("GET", f"{LIST}/x/stop", {"POST", "OPTIONS"}),
        ("HEAD", f"{LIST}/x/stop", {"POST", "OPTIONS"}),
        ("PATCH", f"{LIST}/x", {"GET", "HEAD", "OPTIONS"}),
        ("POST", LIVE, {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_H23_method_not_allowed(raw, bearer, method, path, allowed):
    """A known path and another method: 405, with those that it has."""
    raw.send(request(method, path, [bearer]) + request("GET", LIVE))
    answer = raw.answer(body_expected=method != "HEAD")
    assert answer.status == 405
    assert {name.strip() for name in answer.header("allow").split(",")} == allowed
    assert_ok(raw)


def test_H23_options(raw, bearer):
    """OPTIONS tells the methods of a path to who has a token."""
    raw.send(request("OPTIONS", f"{LIST}/x/stop", [bearer]) + request("OPTIONS", f"{LIST}/x/stop"))
    answer = raw.answer()
    assert (answer.status, answer.header("allow")) == (204, "POST, OPTIONS")
    assert raw.answer().status == 401


UNKNOWN = ["/api/v1/nothing", "/", "/api/v1", "/api/v2/containers", "/containers", "/api/v1/containers/x/y/z", "/.env"]


def test_H24_no_route_oracle(raw, bearer):
    """Without a token every path is the same 401, known or not and with whatever method."""
    answers = set()
    for path in [LIST, f"{LIST}/x/stop", *UNKNOWN]:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            raw.send(request(method, path))
            answer = raw.answer()
            assert answer.status == 401, (method, path)
            answers.add((answer.body, tuple(pair for pair in answer.headers if pair[0] != "date")))
    assert len(answers) == 1, answers


@pytest.mark.parametrize("path", UNKNOWN)
def test_H24_unknown_path(raw, bearer, path):
    """With a token an unknown path is a 404."""
    raw.send(request("GET", path, [bearer]))
    assert raw.answer().status == 404


# Each request is wrong in two ways or more; the answer tells the one that is looked at first.
ORDER = [
    pytest.param("GET", "/api/v1/%zz", None, None, 400, id="parse before authentication"),
    pytest.param("FOO", LIST, None, None, 501, id="method before authentication"),
    pytest.param("GET", "/nothing", None, None, 401, id="authentication before route"),
    pytest.param("PUT", LIST, None, None, 401, id="authentication before method"),
    pytest.param("POST", RUN, None, b"nonsense", 401, id="authentication before body"),
    pytest.param("GET", "/nothing", "nobody", None, 404, id="route before scope"),
    pytest.param("PUT", LIST, "nobody", None, 405, id="method of the route before scope"),
    pytest.param("POST", RUN, "observer", b"nonsense", 403, id="scope before body"),
    pytest.param("POST", f"{LIST}/-/stop", "observer", None, 403, id="scope before the id's form"),
    pytest.param("POST", RUN, "tenant_a", b'{"image": "evil/x", "nmae": 1}', 400, id="form before policy"),
    pytest.param("POST", f"{LIST}/missing/stop", "tenant_a", b'{"timeout": -1}', 400, id="form before ownership"),
    pytest.param("POST", f"{LIST}/missing/stop", "tenant_a", b"{}", 404, id="ownership before the Engine"),
]


@pytest.mark.parametrize("method, path, who, body, status", ORDER)
def test_H36_order(service, docker, method, path, who, body, status):
    """Parse, authenticate, route, scope, validate, policy, ownership, Engine."""
    headers = [("Authorization", f"Bearer {service.token(who)}")] if who else []
    with RawConnection(service.port) as raw:
        raw.send(request(method, path, headers, body))
        answer = raw.answer()
    assert answer.status == status, answer.raw
    assert docker.containers(all=True) == []


def test_H36_policy_before_engine(service, client, engine):
    """What the policy refuses is refused with the Engine away."""
    code = client.post("/containers/run", {"image": "alpine:3", "nmae": 1}).json()["code"]
    assert code == "invalid_request"
    engine.pause()
    try:
        assert client.run(image="evil/x").json()["code"] == "image_not_allowed"
    finally:
        engine.resume()
