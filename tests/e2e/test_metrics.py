# SPDX-License-Identifier: Apache-2.0
"""The metrics: who may read them, and that they move as what they count does."""

import contextlib
import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import policies, procs
from harness.client import Client, assert_error
from harness.http_bytes import RawConnection, request
from harness.wait import wait_for

REQUESTS = "docker_control_http_requests_total"
SECONDS = "docker_control_http_request_duration_seconds"
LIST = "/api/v1/containers"


def policy():
    """The standard one, with the scope for its main service."""
    return policies.standard().replace('"networks:*"]', '"networks:*", "service:metrics"]')


@pytest.fixture
def measured(start_service):
    return start_service(policy=policy())


@pytest.fixture
def caller(measured):
    with contextlib.closing(measured.client()) as client:
        yield client


def page(client):
    response = client.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return response.text


def samples(client):
    """{(name, labels): value} of the whole page."""
    found = {}
    for family in text_string_to_metric_families(page(client)):
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(client, name, **labels):
    return samples(client).get((name, frozenset(labels.items())), 0)


# --- who may read them ----------------------------------------------------------------------------


def test_a_token_with_the_scope_is_needed(measured, caller):
    page(caller)
    with contextlib.closing(Client(measured.url, None)) as stranger:
        assert_error(stranger.get("/metrics"), 401, "unauthenticated")
    for other in (measured.client("observer"), measured.client(scope="containers:*")):
        with contextlib.closing(other):
            assert_error(other.get("/metrics"), 403, "scope_denied", "service:metrics")
    assert_error(caller.get("/metrics", headers={"Accept": "image/png"}), 406)
    assert_error(caller.post("/metrics"), 405)


def test_the_scope_counts_where_the_broker_alone_checks(start_service):
    service = start_service(policy=policy(), front_policy_check=False)
    with contextlib.closing(service.client("observer")) as observer:
        assert_error(observer.get("/metrics"), 403, "scope_denied")
    with contextlib.closing(service.client()) as client:
        page(client)


def test_the_configuration_can_make_them_public(start_service):
    service = start_service(settings={"public_metrics": True})
    with contextlib.closing(Client(service.url, None)) as stranger:
        assert value(stranger, "docker_control_engine_up") == 1
        assert_error(stranger.get("/containers"), 401)


# --- requests -------------------------------------------------------------------------------------


def test_requests_are_counted_by_route(caller):
    def counted():
        found = samples(caller)
        route = frozenset({"route": LIST}.items())
        asked = found.get((REQUESTS, frozenset({"route": LIST, "method": "GET", "status": "200"}.items())), 0)
        buckets = [
            (float(dict(labels)["le"]), number)
            for (name, labels), number in found.items()
            if name == SECONDS + "_bucket" and ("route", LIST) in labels
        ]
        return asked, found.get((SECONDS + "_count", route), 0), sorted(buckets)

    assert counted() == (0, 0, [])
    for _ in range(3):
        caller.containers()
    asked, timed, buckets = counted()
    assert asked == timed == 3
    bounds = [bound for bound, _ in buckets]
    assert bounds[0] == 0.0005 and 60 in bounds and bounds[-1] == float("inf")
    numbers = [number for _, number in buckets]
    assert numbers == sorted(numbers) and numbers[-1] == 3


def test_denials_are_counted_by_code(measured, caller):
    def denied(code):
        return value(caller, "docker_control_denials_total", code=code)

    before = {code: denied(code) for code in ("image_not_allowed", "unauthenticated", "not_found")}
    assert set(before.values()) == {0}
    assert_error(caller.run(image="evil/image:1"), 400, "image_not_allowed")
    assert_error(caller.get("/containers/no-such-one"), 404)
    with contextlib.closing(Client(measured.url, None)) as stranger:
        for _ in range(2):
            assert_error(stranger.get("/containers"), 401)
    assert (denied("image_not_allowed"), denied("not_found"), denied("unauthenticated")) == (1, 1, 2)
    labels = {"route": LIST, "method": "GET", "status": "401"}
    assert value(caller, REQUESTS, **labels) == 2


def test_what_is_no_request_is_counted_too(measured, caller):
    with RawConnection(measured.port) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")
        assert connection.answer().status == 400
    assert value(caller, REQUESTS, route="none", method="none", status="400") == 1


def test_nothing_of_a_client_becomes_a_label(measured, caller):
    before = samples(caller).keys()
    with RawConnection(measured.port) as connection:
        for number in range(20):
            connection.send(request("GET", f"/api/v1/mark-{number}", headers=[("User-Agent", f"mark-{number}")]))
            assert connection.answer().status == 401
    for number in range(20):
        assert_error(caller.get(f"/containers/mark-{number}"), 404)
        assert caller.session.request("PROPFIND", caller.api + "/containers", timeout=20).status_code == 501
    text = page(caller)
    assert "mark" not in text and "PROPFIND" not in text
    new = samples(caller).keys() - before
    series = {(dict(labels)["route"], dict(labels).get("status")) for name, labels in new if name == REQUESTS}
    assert series <= {("none", "401"), ("none", "501"), ("/api/v1/containers/{id}", "404"), ("/api/v1/metrics", "200")}


def test_connections_by_state(measured, caller):
    def connections(state):
        return value(caller, "docker_control_http_connections", state=state)

    idle = connections("idle")
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            connection = stack.enter_context(RawConnection(measured.port))
            connection.send(request("GET", "/api/v1/livez"))
            assert connection.answer().status == 200
        assert connections("idle") == idle + 5
        assert connections("active") == 1  # the one that asks
    wait_for(lambda: connections("idle") == idle, what="the connections to be closed")


# --- what the broker tells ------------------------------------------------------------------------


def test_build_and_engine(caller):
    found = samples(caller)
    (labels,) = [labels for (name, labels) in found if name == "docker_control_build_info"]
    assert dict(labels)["version"]
    assert value(caller, "docker_control_engine_up") == 1
    wait_for(lambda: 0 < value(caller, "docker_control_engine_ping_seconds") < 2, what="a ping")
    assert value(caller, "docker_control_front_starts_total") == 1
    assert value(caller, "docker_control_channel_breaches_total") == 0
    assert value(caller, "docker_control_policy_stale") == 0


def test_engine_that_does_not_answer(start_service, own_proxy):
    service = start_service(policy=policy(), docker_socket=own_proxy.path)
    with contextlib.closing(service.client()) as client:
        assert value(client, "docker_control_engine_up") == 1
        hold = own_proxy.hold(lambda asked: asked.path.endswith("/_ping"))
        wait_for(lambda: value(client, "docker_control_engine_up") == 0, 20, "the Engine to be down")
        hold.release()
        wait_for(lambda: value(client, "docker_control_engine_up") == 1, 20, "the Engine to be up")


def test_front_restarts_are_counted(measured):
    procs.kill(measured.front, signal.SIGKILL)

    def starts():
        with contextlib.suppress(OSError), contextlib.closing(measured.client()) as client:
            return value(client, "docker_control_front_starts_total")
        return 0

    wait_for(lambda: starts() == 2, 20, "the second front to be counted")


def test_stale_policy(measured, caller):
    measured.reload("nonsense = [")
    wait_for(lambda: value(caller, "docker_control_policy_stale") == 1, 20, "the policy to be stale")
    measured.reload(policy())
    wait_for(lambda: value(caller, "docker_control_policy_stale") == 0, 20, "the policy to be in force")
