# SPDX-License-Identifier: Apache-2.0
"""The contract: the OpenAPI document says what the service does, operation by operation."""

import contextlib
import json
import subprocess
from dataclasses import dataclass, field

import pytest
import requests
from docker.errors import APIError

from harness import openapi
from harness.paths import ROOT

IMAGE = "tenstorrent/model:latest"  # the documents' own, which the Engine has
NAME = "my_model"
NETWORK = "tt_studio_network"


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def document(dev_service, session):
    return openapi.document_of(session, dev_service.url)


@pytest.fixture(scope="module")
def operations(document):
    return {operation.name: operation for operation in openapi.operations(document)}


@dataclass
class Caller:
    """Sends operations as the document describes them."""

    service: object
    session: requests.Session

    def send(self, operation, token=..., body=..., path=None, query=None, **headers):
        if token is ...:
            token = self.service.token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is ...:
            body = operation.body_example
        return self.session.request(
            operation.method,
            self.service.url + operation.address(**(path or {})),
            params={**operation.example_values("query"), **(query or {})},
            json=body,
            headers=headers,
            timeout=60,
        )


@pytest.fixture
def caller(dev_service, session):
    return Caller(dev_service, session)


# --- the document itself --------------------------------------------------------------------------


def test_it_is_valid(document, tmp_path):
    """By a validator that is nobody's of ours."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    validator = ROOT / "web" / "node_modules" / ".bin" / "validate-api"
    done = subprocess.run([validator, file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and '"valid": true' in done.stdout, done.stdout + done.stderr


def test_its_examples_are_of_its_schemas(document):
    examples = list(openapi.examples(document))
    assert len(examples) > 100
    for where, example, schema in examples:
        try:
            openapi.validate(example, schema)
        except openapi.jsonschema.ValidationError as error:
            raise AssertionError(f"{where}: {error.message}") from error


def test_tags_and_schemes_are_declared(document, operations):
    declared = {tag["name"] for tag in document["tags"]}
    assert declared == {tag for one in operations.values() for tag in one.fields["tags"]}
    assert list(document["components"]["securitySchemes"]) == ["bearer"]
    assert document["security"] == [{"bearer": []}]


def test_every_operation_says_what_every_caller_needs(operations):
    for operation in operations.values():
        assert operation.fields["summary"]
        codes = set(operation.fields["responses"])
        assert {"200", "default"} <= codes
        if not operation.public:
            assert {"400", "401", "403", "429", "500", "503", "504"} <= codes
            assert "Scope: `" in operation.fields["description"]
        if operation.fields.get("requestBody"):
            assert {"413", "415"} <= codes


def test_paths_have_just_the_methods_that_it_names(operations, caller):
    """What a path allows is what the document's paths say that match it: `images/pull` could also
    be the image of that name."""
    token = {"Authorization": f"Bearer {caller.service.token()}"}
    for operation in operations.values():
        address = operation.address()
        answer = caller.session.options(caller.service.url + address, headers=token, timeout=20)
        assert answer.status_code == 204, address
        allowed = set(answer.headers["Allow"].lower().split(", ")) - {"head", "options"}
        assert allowed == {one.method for one in operations.values() if one.matches(address)}, address


# --- each operation on the real Engine ------------------------------------------------------------


def container(world, command=("sleep", "1000")):
    world.docker.start(world.docker.create_container(IMAGE, list(command), name=NAME))


def stopped(world):
    container(world)
    world.docker.kill(NAME)
    world.docker.wait(NAME)


def network(world):
    world.docker.create_network(NETWORK, driver="bridge")


def own_network(world):
    response = world.caller.send(world.operations["networks.create"], body={"name": NETWORK})
    assert response.status_code == 200, response.text


def container_and_network(world):
    network(world)
    container(world)


def connected(world):
    container_and_network(world)
    world.docker.connect_container_to_network(NAME, NETWORK)


def printing(world):
    container(world, command=["sh", "-c", "echo INFO one; echo two"])
    world.docker.wait(NAME)


def in_registry(world):
    """The example's image is not to be had here; a registry of the test's own has another."""
    reference = world.registry.publish(world.docker, "library/pulled", "1")
    world.images.append(reference)
    return {"body": {"name": reference}}


def pull_of(world):
    name, tag = in_registry(world)["body"]["name"].rsplit(":", 1)
    return {"body": {"image_name": name, "image_tag": tag, "pull_id": "p1"}}


def pulling(world):
    response = world.caller.send(world.operations["images.pull.start"], **pull_of(world))
    assert response.status_code == 200, response.text


def spare_image(world):
    world.docker.tag(IMAGE, "alpine", "spare")
    world.images.append("alpine:spare")


def spare_by_path(world):
    spare_image(world)
    return {"path": {"image": "alpine:spare"}}


def spare_by_query(world):
    spare_image(world)
    return {"query": {"name": "alpine", "tag": "spare"}}


# What there has to be before the operation is called as its example says; a function may give other
# values to call it with.
SCENARIOS = {
    "health": None,
    "livez": None,
    "readyz": None,
    "service.metrics": None,
    "service.explain": None,
    "service.logs.service": None,
    "service.logs.startup": None,
    "service.logs.fastapi": None,
    "containers.list": container,
    "containers.run": network,
    "containers.get": container,
    "containers.start": stopped,
    "containers.stop": container,
    "containers.restart": container,
    "containers.remove": container,
    "containers.rename": container,
    "containers.wait": printing,
    "containers.stats": container,
    "containers.logs": printing,
    "containers.dir-size": container,
    "images.pull": in_registry,
    "images.pull.start": pull_of,
    "images.progress": pulling,
    "images.pull.events": pulling,
    "images.list": None,
    "images.exists": None,
    "images.exists.query": None,
    "images.remove": spare_by_path,
    "images.remove.query": spare_by_query,
    "networks.create": None,
    "networks.list": network,
    "networks.remove": own_network,
    "networks.connect": container_and_network,
    "networks.disconnect": connected,
}

@dataclass
class World:
    docker: object
    registry: object
    caller: Caller
    operations: dict
    images: list = field(default_factory=list)


@pytest.fixture
def world(docker, registry, caller, operations):
    world = World(docker, registry, caller, operations)
    yield world
    for name in world.images:
        with contextlib.suppress(APIError):
            docker.remove_image(name, force=True)


def test_every_operation_is_called_here(operations):
    assert set(operations) == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_its_example_succeeds_as_described(world, name):
    operation = world.operations[name]
    prepare = SCENARIOS[name]
    values = (prepare(world) if prepare else None) or {}
    response = world.caller.send(operation, **values)
    assert response.status_code == 200, response.text
    operation.check(response)


@pytest.mark.parametrize("name", SCENARIOS)
def test_its_refusals_are_as_described(world, name):
    operation = world.operations[name]
    if operation.public:
        response = world.caller.send(operation, token=None)
        return operation.check(response)
    service = world.caller.service
    elsewhere = "networks:read" if name.startswith("containers") else "containers:read"
    calls = {
        401: {"token": None},
        403: {"token": service.token(scope=elsewhere)},
        406: {"Accept": "image/png"},
    }
    if operation.fields.get("requestBody"):
        calls[415] = {"Content-Type": "text/plain"}
        calls[400] = {"body": {**(operation.body_example or {}), "no_such_field": 1}}
    for status, values in calls.items():
        response = world.caller.send(operation, **values)
        assert response.status_code == status, (status, response.text)
        operation.check(response)
    if operation.example_values("path") and not name.startswith("images.exists"):
        # Of what the policy allows, one that there is not.
        allowed = {"image": "alpine:no-such-tag", "name": NETWORK}
        nothing = {one: allowed.get(one, "no-such-thing") for one in operation.example_values("path")}
        response = world.caller.send(operation, path=nothing)
        assert response.status_code == 404, response.text
        operation.check(response)
