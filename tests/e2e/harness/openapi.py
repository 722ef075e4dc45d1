# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document, as a client reads it."""

import copy
import json
import re
from dataclasses import dataclass
from urllib.parse import quote

import jsonschema


@dataclass
class Operation:
    """One operation, its references resolved."""

    method: str
    path: str
    fields: dict

    @property
    def name(self):
        return self.fields["operationId"]

    @property
    def public(self):
        return self.fields.get("security") == []

    @property
    def body_example(self):
        return _content(self.fields.get("requestBody", {})).get("example")

    def example_values(self, place):
        """{name: example} of the parameters in "path" or "query" that have one."""
        parameters = [one for one in self.fields.get("parameters", []) if one["in"] == place]
        return {one["name"]: one["example"] for one in parameters if "example" in one}

    def address(self, **values):
        """The path with its parameters' examples, or with these."""
        path = self.path
        for name, value in {**self.example_values("path"), **values}.items():
            path = path.replace("{" + name + "}", quote(value, safe=""))
        assert "{" not in path, path
        return path

    def matches(self, address):
        """Whether the path stands for this address; an image's name may hold slashes."""
        pattern = re.escape(self.path).replace(r"\{image\}", ".+")
        return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", pattern), address) is not None

    def check(self, response):
        """The answer has a status that the document names, and the form that it says."""
        described = self.fields["responses"].get(str(response.status_code))
        assert described, f"{self.name}: undocumented {response.status_code}: {response.text}"
        content_type = response.headers["Content-Type"].split(";")[0]
        assert content_type in described["content"], f"{self.name}: {content_type}"
        if content_type == "application/json":
            validate(response.json(), described["content"][content_type]["schema"])


def operations(document):
    """Every operation of the document, in its order."""
    found = []
    for path, methods in document["paths"].items():
        for method, fields in methods.items():
            found.append(Operation(method, path, resolve(fields, document)))
    return found


def resolve(node, document):
    """A copy in which every reference is replaced with what it names."""
    if isinstance(node, list):
        return [resolve(one, document) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return {**resolve(target, document), **{k: v for k, v in node.items() if k != "$ref"}}
    return {key: resolve(value, document) for key, value in node.items()}


def validate(value, schema):
    """Draft 2020-12, and more strictly: objects hold nothing that their schema does not name."""
    jsonschema.Draft202012Validator(_closed(schema)).validate(value)


def _closed(schema):
    schema = copy.deepcopy(schema)
    stack = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            if isinstance(node.get("properties"), dict):
                node["additionalProperties"] = False
            stack += node.values()
    return schema


def _content(described):
    return described.get("content", {}).get("application/json", {})


def examples(document):
    """(where, example, schema) of every JSON example in the document."""
    for operation in operations(document):
        bodies = {"request": operation.fields.get("requestBody", {}), **operation.fields["responses"]}
        for where, described in bodies.items():
            content = _content(described)
            if "example" in content:
                yield f"{operation.name} {where}", content["example"], content["schema"]
        for parameter in operation.fields.get("parameters", []):
            if "example" in parameter:
                yield f"{operation.name} {parameter['name']}", parameter["example"], parameter["schema"]


def document_of(session, url):
    answer = session.get(f"{url}/api/v1/openapi.json", timeout=20)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text, object_pairs_hook=_unique)


def _unique(pairs):
    """A JSON object in which no name stands twice."""
    assert len({key for key, _ in pairs}) == len(pairs), [key for key, _ in pairs]
    return dict(pairs)
