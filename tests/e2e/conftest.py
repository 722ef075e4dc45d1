# SPDX-License-Identifier: Apache-2.0
"""Fixtures. One Engine and one service for the whole run; every test finds the Engine empty."""

import contextlib
import itertools
import os
import sys

import pytest
from docker.errors import APIError

sys.path.insert(0, os.path.dirname(__file__))
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost,::1"

from harness import policies  # noqa: E402
from harness.audit import FailedRuns  # noqa: E402
from harness.engine import PrivateEngine  # noqa: E402
from harness.fake_engine import FakeEngine  # noqa: E402
from harness.host_places import HostPlaces  # noqa: E402
from harness.http_bytes import RawConnection  # noqa: E402
from harness.paths import BUILD, staged_programs  # noqa: E402
from harness.proxy import RecordingProxy  # noqa: E402
from harness.registry import Registry  # noqa: E402
from harness.service import Service  # noqa: E402

FIGURES = {}


@pytest.fixture(scope="session")
def engine():
    """The private Engine, with the images of harness/engine.py."""
    engine = PrivateEngine()
    try:
        engine.start()
        engine.load_images()
        yield engine
    finally:
        engine.close()


@pytest.fixture(scope="session")
def docker(engine):
    """The docker SDK's low-level client on the private Engine: the witness."""
    with contextlib.closing(engine.client()) as client:
        yield client


@pytest.fixture(scope="session")
def registry(engine):
    registry = Registry(engine.directory)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


@pytest.fixture(scope="session")
def private_registry(engine):
    """One that gives nothing without a login."""
    registry = Registry(engine.directory, private=True)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


@pytest.fixture(scope="session")
def programs(engine):
    return staged_programs(engine.directory)


@pytest.fixture(scope="session")
def service_maker(engine, programs):
    """Makes services that the caller must close."""
    numbers = itertools.count()

    def make(docker_socket=None, **options):
        directory = engine.directory / f"service-{next(numbers)}"
        return Service(directory, programs, docker_socket or engine.socket, **options)

    return make


@pytest.fixture(scope="session")
def service(service_maker, registry):
    """The service that most tests share. Tests that hurt a service start their own."""
    yield from _running(service_maker(policy=policies.standard(registry.host)))


@pytest.fixture(scope="session")
def dev_service(service_maker, registry, engine):
    """The same in development mode: with the API pages, log files, and every scope for the main service."""
    policy = policies.standard(registry.host).replace('"networks:*"]', '"networks:*", "service:*"]')
    log = engine.directory / "host.log"
    log.write_text("INFO one\nINFO two\n")
    log.chmod(0o644)
    logs = dict.fromkeys(("service_log", "startup_log", "fastapi_log"), str(log))
    yield from _running(service_maker(policy=policy, environment={"DEV_MODE": "true"}, settings=logs))


@pytest.fixture(scope="session", params=["both-check", "broker-alone-checks"])
def checked_service(request, service_maker, proxy, registry):
    """The service behind the recording proxy, with the front's policy check on and off."""
    yield from _running(
        service_maker(
            docker_socket=proxy.path,
            policy=policies.standard(registry.host),
            front_policy_check=request.param == "both-check",
        )
    )


@pytest.fixture(scope="session")
def places(engine):
    """Places of the host that the policy of `given` is about."""
    with contextlib.closing(HostPlaces(engine)) as places:
        yield places


@pytest.fixture(scope="session")
def given_service(service_maker, places):
    yield from _running(service_maker(policy=places.policy))


@pytest.fixture
def given(given_service):
    """A caller who may have some of the host: see harness/host_places.py."""
    yield from _watched(given_service, "given")


@pytest.fixture
def barred(given_service):
    """One of the same service who may have nothing of it."""
    yield from _watched(given_service, "barred")


@pytest.fixture(scope="session", params=["both-check", "broker-alone-checks"])
def checked_given_service(request, service_maker, places):
    """The service of `given`, with the front's policy check on and off."""
    check = request.param == "both-check"
    yield from _running(service_maker(policy=places.policy, front_policy_check=check))


@pytest.fixture
def checked_given(checked_given_service):
    yield from _watched(checked_given_service, "given")


@pytest.fixture
def start_service(service_maker):
    """start_service(...): a service of the test's own, ended after it."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            made = service_maker(**options)
            stack.callback(made.close)
            return made.start()

        yield start


@pytest.fixture
def keys(tmp_path):
    """A directory for files that the broker's user can read again, as SIGHUP needs it."""
    for path in (tmp_path, *list(tmp_path.parents)[:2]):
        path.chmod(0o755)
    return tmp_path


@pytest.fixture
def client(service):
    with contextlib.closing(service.client()) as client:
        yield client


@pytest.fixture(scope="session")
def proxy(engine):
    """The recording proxy that checked_service uses; the test clears it first."""
    proxy = RecordingProxy(engine.directory / "proxy.sock", engine.socket)
    yield proxy
    proxy.clear()
    proxy.close()


@pytest.fixture
def own_proxy(engine, request):
    """A recording proxy for one test's own service."""
    proxy = RecordingProxy(engine.directory / f"proxy-{abs(hash(request.node.nodeid))}.sock", engine.socket)
    yield proxy
    proxy.clear()
    proxy.close()


@pytest.fixture
def big_engine(engine):
    """An Engine of a hundred containers whose documents are 64 KiB each."""
    fake = FakeEngine(engine.directory / "big.sock")
    fake.add_containers(100, 65536)
    yield fake
    fake.close()


@pytest.fixture
def raw(service):
    """A TCP connection to the service that sends exactly what it is given."""
    with RawConnection(service.port) as connection:
        yield connection


@pytest.fixture
def bearer(service):
    """The Authorization header, as a pair."""
    return ("Authorization", f"Bearer {service.token()}")


@pytest.fixture(autouse=True)
def empty_engine(request):
    """Removes every container and network that a test left on the Engine."""
    docker = request.getfixturevalue("docker") if "engine" in request.fixturenames else None
    yield
    if docker is None:
        return
    for container in docker.containers(all=True):
        with contextlib.suppress(APIError):  # it may be on its way out already
            docker.remove_container(container["Id"], force=True, v=True)
    for network in docker.networks():
        if network["Name"] not in ("bridge", "host", "none"):
            docker.remove_network(network["Id"])


@pytest.fixture(scope="session")
def figures():
    """Measured values, by name; printed at the end and kept beside the results."""
    return FIGURES


def pytest_terminal_summary(terminalreporter):
    if not FIGURES:
        return
    lines = [f"{name}: {value}" for name, value in FIGURES.items()]
    report = BUILD / "test-results" / "figures.txt"
    report.parent.mkdir(exist_ok=True)
    report.write_text("\n".join(lines) + "\n")
    terminalreporter.section(f"measured (also in {report})")
    for line in lines:
        terminalreporter.write_line(line)


def _watched(service, name):
    """A client with `failures`, for harness/refusals.py."""
    with contextlib.closing(service.client(name)) as client:
        client.failures = FailedRuns(service)
        yield client


def _running(service):
    try:
        yield service.start()
    finally:
        service.close()
