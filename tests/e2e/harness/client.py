# SPDX-License-Identifier: Apache-2.0
"""A caller of the service, as the seed documents write one: requests and PyJWT."""

import time

import jwt
import requests

from .policies import SERVICE


def make_token(secret, service=SERVICE, **claims):
    return jwt.encode({"service": service, **claims}, secret, algorithm="HS256")


class Client:
    def __init__(self, url, token):
        self.url = url
        self.api = f"{url}/api/v1"
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path, **options):
        return self.session.get(self.api + path, **{"timeout": 60, **options})

    def post(self, path, body=None, **options):
        return self.session.post(self.api + path, json=body, **{"timeout": 60, **options})

    def run(self, image="alpine:3", **fields):
        """POST /containers/run; a container that keeps running unless a command is given."""
        fields.setdefault("command", ["sleep", "1000"])
        if fields["command"] == ["sleep", "1000"]:
            fields.setdefault("init", True)
        return self.post("/containers/run", {"image": image, **fields})

    def started(self, **fields):
        """The answer to a run that must succeed."""
        response = self.run(**fields)
        assert response.status_code == 200, response.text
        return response.json()

    def containers(self, **query):
        response = self.get("/containers", params=query)
        assert response.status_code == 200, response.text
        return response.json()["containers"]

    def timed(self, method, path, **options):
        """(response, seconds it took)"""
        start = time.monotonic()
        response = self.session.request(method, self.api + path, **{"timeout": 60, **options})
        return response, time.monotonic() - start

    def close(self):
        self.session.close()


def assert_error(response, status, code=None, mentions=()):
    """The error shape of the contract: detail and code, hint at most."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    body = response.json()
    assert {"detail", "code"} <= set(body) <= {"detail", "code", "hint"}, body
    assert isinstance(body["detail"], str) and body["detail"]
    assert body["code"].replace("_", "").isalnum() and body["code"] == body["code"].lower()
    if code:
        assert body["code"] == code, body
    for word in [mentions] if isinstance(mentions, str) else mentions:
        assert word in body["detail"], body
    return body
