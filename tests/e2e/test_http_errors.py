# SPDX-License-Identifier: Apache-2.0
"""What refusals look like: tests/vectors/http_errors.json holds the status and the whole body of each.

408 is in test_http_limits.py, 421 in test_http_content.py, 503 in test_http_crowds.py, what the Engine's
faults become in test_engine_faults.py.
"""

import json

import pytest

from harness.http_bytes import RawConnection, field, head, request
from harness.paths import ROOT

LIVE = "/api/v1/livez"
LIST = "/api/v1/containers"
RUN = f"{LIST}/run"
STOP = f"{LIST}/missing/stop"
JSON = b"Content-Type: application/json"

GOLDEN = json.loads((ROOT / "tests" / "vectors" / "http_errors.json").read_text())


def run(**fields):
    return lambda token: request("POST", RUN, [token], json.dumps(fields).encode())


def get(path, *headers):
    return lambda token: request("GET", path, [token, *headers])


def post(path, body):
    return lambda token: request("POST", path, [token], body)


def run_head(*lines, body=b""):
    return lambda token: head("POST", RUN, field(token), *lines) + body


# The bytes, or a function that makes them with a good token.
REQUESTS = {
    "no target": b"GET\r\n\r\n",
    "malformed escape": get("/api/v1/%zz"),
    "malformed path": get("/api/v1/../livez"),
    "malformed query": get(f"{LIST}?all=%00"),
    "parameter twice": get(f"{LIST}?all=1&all=1"),
    "header without a colon": head("GET", LIVE, b"nothing"),
    "folded header": head("GET", LIVE, b"X: a\r\n b"),
    "control character": head("GET", LIVE, b"X: \x01"),
    "bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "no Host": head("GET", LIVE, host=None),
    "header twice": head("GET", LIVE, b"Origin: http://a", b"Origin: http://a"),
    "target of another host": head("GET", f"http://b{LIVE}"),
    "malformed chunk": run_head(JSON, b"Transfer-Encoding: chunked", body=b"x\r\n"),
    "transfer encoding": run_head(JSON, b"Transfer-Encoding: gzip, chunked"),
    "unknown method": head("FOO", LIVE),
    "version": b"GET / HTTP/2.0\r\n\r\n",
    "long target": head("GET", "/" + "x" * 5000),
    "long header": head("GET", LIVE, b"X: " + b"x" * 9000),
    "expectation": run_head(JSON, b"Content-Length: 1", b"Expect: x"),
    "no token": request("GET", LIST),
    "bad token": request("GET", LIST, [("Authorization", "Bearer x.y.z")]),
    "unknown path": get("/api/v1/nothing"),
    "method of the path": lambda token: request("PATCH", LIST, [token]),
    "answer's type": get(LIST, ("Accept", "image/png")),
    "body's type": run_head(b"Content-Length: 2", body=b"{}"),
    "body's encoding": run_head(JSON, b"Content-Length: 2", b"Content-Encoding: gzip", body=b"{}"),
    "large body": run_head(JSON, b"Content-Length: 65537"),
    "empty body": post(RUN, b""),
    "JSON syntax": post(RUN, b"{"),
    "JSON depth": post(RUN, b"[" * 100 + b"]" * 100),
    "no object": post(RUN, b"[]"),
    "field twice": post(RUN, b'{"image": "a", "image": "a"}'),
    "unknown field": run(image="alpine:3", nmae=1),
    "missing field": run(),
    "field's type": run(image=1),
    "field's range": post(STOP, b'{"timeout": 301}'),
    "container's form": get(f"{LIST}/-"),
    "parameter's form": get(f"{LIST}?all=maybe"),
    "unknown parameter": post(f"{STOP}?x=1", b"{}"),
    "image of the policy": run(image="evil/x"),
    "missing container": post(STOP, b"{}"),
    "taken name": run(image="alpine:3", name="taken"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_H39_bodies(raw, bearer, client, case):
    """One shape for every error; its words are an interface too."""
    if case == "taken name":
        client.started(name="taken")
    data = REQUESTS[case]
    raw.send(data if isinstance(data, bytes) else data(bearer))
    answer = raw.answer()
    assert [answer.status, json.loads(answer.body)] == GOLDEN[case]
    assert answer.header("content-type") == "application/json"
    assert (answer.header("www-authenticate") == "Bearer") == (answer.status == 401)


def test_H39_scope(service):
    """A missing scope names the scope and the line of the policy that would give it."""
    token = ("Authorization", f"Bearer {service.token('observer')}")
    with RawConnection(service.port) as raw:
        raw.send(request("POST", STOP, [token], b"{}"))
        answer = raw.answer()
    assert [answer.status, json.loads(answer.body)] == GOLDEN["scope"]


def test_H39_every_case_is_asked():
    """No golden answer is left without its question."""
    assert set(GOLDEN) == {*REQUESTS, "scope"}
