#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a backend does with docker-control: pull an image, run it, follow its log, stop and remove it.

Needs requests and PyJWT. Usage: backend.py IMAGE[:TAG]
"""

import json
import os
import sys
import time
import uuid
from pathlib import Path

import jwt
import requests

URL = os.environ.get("DOCKER_CONTROL_SERVICE_URL", "http://127.0.0.1:8002")


def secret():
    """The key that the service checks tokens with."""
    file = os.environ.get("DOCKER_CONTROL_JWT_SECRET_FILE")
    return Path(file).read_text().rstrip("\r\n") if file else os.environ["DOCKER_CONTROL_JWT_SECRET"]


class DockerControl:
    def __init__(self, url=URL, service="tt_studio_backend"):
        self.url = f"{url}/api/v1"
        self.service = service
        self.key = secret()
        self.session = requests.Session()

    def token(self):
        now = int(time.time())
        claims = {"service": self.service, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        return jwt.encode(claims, self.key, algorithm="HS256")

    def request(self, method, path, **options):
        headers = {"Authorization": f"Bearer {self.token()}"}
        response = self.session.request(method, self.url + path, headers=headers, **{"timeout": 120, **options})
        if response.status_code >= 400:
            error = response.json()
            raise RuntimeError(f"{response.status_code}: {error['detail']} ({error.get('hint', 'no hint')})")
        return response

    def pull(self, image, tag):
        """Pulls and shows how far it is."""
        pull_id = str(uuid.uuid4())
        body = {"image_name": image, "image_tag": tag, "pull_id": pull_id}
        self.request("POST", "/images/pull/start", json=body)
        while True:
            progress = self.request("GET", f"/images/pull/progress/{pull_id}").json()
            print(f"pull: {progress['status']}, {progress['layers_done']} of {progress['layers_total']} layers")
            if progress["status"] == "error":
                raise RuntimeError(progress["error"])
            if progress["status"] == "success":
                return
            time.sleep(0.5)

    def run(self, image, **fields):
        return self.request("POST", "/containers/run", json={"image": image, **fields}).json()

    def follow(self, container):
        """The container's log, one event for each line, until it ends."""
        answer = self.request(
            "GET", f"/containers/{container}/logs", params={"follow": "true", "tail": "all"}, stream=True
        )
        with answer:
            for line in answer.iter_lines(decode_unicode=True):
                if line.startswith("data: "):
                    yield json.loads(line[len("data: ") :])


def main():
    image, colon, tag = sys.argv[1].rpartition(":")
    if not colon or "/" in tag:  # no tag; what stands after the colon is a registry's port
        image, tag = sys.argv[1], "latest"
    docker_control = DockerControl()
    docker_control.pull(image, tag)
    made = docker_control.run(
        f"{image}:{tag}",
        command=["sh", "-c", "for i in 1 2 3; do echo INFO: step $i; sleep 0.2; done; echo WARNING: done"],
        mem_limit="256m",
    )
    try:
        for event in docker_control.follow(made["id"]):
            print(f"{event['timestamp']} {event['type']:<7} {event['message']}")
        ended = docker_control.request("POST", f"/containers/{made['id']}/wait").json()
        print(f"exit code {ended['exit_code']}")
    finally:
        docker_control.request("POST", f"/containers/{made['id']}/remove", json={"force": True, "v": True})


if __name__ == "__main__":
    main()
