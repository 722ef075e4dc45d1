# SPDX-License-Identifier: Apache-2.0
"""A day in the life of a backend whose client was written from the seeds and the REST contract alone.

Plain requests and PyJWT, no exp in the token, `params` dictionaries, `force` in JSON, server-sent
events by iter_lines, progress by polling a pull_id: the habits of the client that is in use today.
"""

import json
import threading
import time
import uuid

import jwt
import pytest
import requests

from harness.wait import wait_for

SCRIPT = """\
i=0
while :; do i=$((i+1)); echo "INFO: line $i"; [ $i = 3 ] && echo "ERROR: this one failed" >&2; sleep 0.1; done
"""


class Backend:
    """The client, as a backend developer writes one."""

    def __init__(self, url, secret):
        self.url = url
        self.secret = secret

    def headers(self):
        token = jwt.encode({"service": "tt_studio_backend"}, self.secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method, path, json_body=None, params=None):
        response = requests.request(
            method, f"{self.url}/api/v1{path}", headers=self.headers(), json=json_body, params=params, timeout=60
        )
        assert response.status_code == 200, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    def follow(self, container, seen, stop):
        """Reads log events into `seen` until told to stop."""
        with requests.get(
            f"{self.url}/api/v1/containers/{container}/logs",
            headers={**self.headers(), "Accept": "text/event-stream"},
            params={"follow": "true", "tail": 100},
            stream=True,
            timeout=60,
        ) as response:
            assert response.status_code == 200, response.text
            assert response.headers["Content-Type"].startswith("text/event-stream")
            for line in response.iter_lines(decode_unicode=True):
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:]))
                if stop.is_set():
                    return


@pytest.fixture
def published(registry, docker):
    """An image that only the registry has."""
    return registry.publish(docker, f"library/day-{uuid.uuid4().hex[:8]}", "v1")


def test_a_day_in_the_life(service, docker, published):
    backend = Backend(service.url, service.secret)
    image, tag = published.rsplit(":", 1)

    assert requests.get(f"{service.url}/api/v1/health", timeout=10).json()["status"] in ("healthy", "degraded")

    # A network.
    made = backend.call("POST", "/networks/create", {"name": "tt_studio_network", "driver": "bridge"})
    assert made["status"] == "success"
    listed = backend.call("GET", "/networks")["networks"]
    assert "tt_studio_network" in [network.get("name") or network.get("Name") for network in listed]

    # A pull with progress.
    assert backend.call("GET", "/images/exists", params={"name": image, "tag": tag})["exists"] is False
    pull_id = str(uuid.uuid4())
    started = backend.call(
        "POST", "/images/pull/start", {"image_name": image, "image_tag": tag, "pull_id": pull_id}
    )
    assert started["status"] == "success"
    deadline = time.monotonic() + 60
    while (progress := backend.call("GET", f"/images/pull/progress/{pull_id}"))["status"] == "pulling":
        assert progress["downloaded_bytes"] <= max(progress["total_bytes"], progress["downloaded_bytes"])
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert progress["status"] == "success" and progress["layers_done"] == progress["layers_total"], progress
    assert backend.call("GET", "/images/exists", params={"name": image, "tag": tag})["exists"] is True
    assert f"{image}:{tag}" in sum((item["tags"] for item in backend.call("GET", "/images")["images"]), [])

    # A container, followed while it works.
    run = backend.call(
        "POST",
        "/containers/run",
        {
            "image": f"{image}:{tag}",
            "name": "my_model",
            "command": ["sh", "-c", SCRIPT],
            "environment": {"MODEL_TYPE": "llm"},
            "ports": {"8000/tcp": 7001},
            "detach": True,
            "auto_remove": False,
        },
    )
    container = run["container_id"]
    events, stop = [], threading.Event()
    follower = threading.Thread(target=backend.follow, args=(container, events, stop))
    follower.start()
    try:
        wait_for(lambda: len(events) >= 8, 20, "eight lines of the log")
    finally:
        stop.set()
        follower.join(20)
    assert not follower.is_alive()
    assert [e["message"] for e in events if e["type"] == "event"][:3] == [f"INFO: line {n}" for n in (1, 2, 3)]
    assert "ERROR: this one failed" in [e["message"] for e in events if e["type"] == "error"]

    # What it looks like, and how large.
    shown = backend.call("GET", f"/containers/{container}")
    assert shown["name"] == "my_model" and "MODEL_TYPE=llm" in shown["environment"]
    size = backend.call("POST", f"/containers/{container}/dir-size", {"path": "/bin", "timeout": 4.0})
    assert size["bytes"] > 0

    # Another name, another network.
    backend.call("POST", f"/containers/{container}/rename", params={"new_name": "my_other_model"})
    backend.call("POST", "/networks/tt_studio_network/connect", {"container": "my_other_model"})
    networks = docker.inspect_container("my_other_model")["NetworkSettings"]["Networks"]
    assert sorted(networks) == ["bridge", "tt_studio_network"]

    # And the end of it.
    assert backend.call("POST", "/containers/my_other_model/stop", {"timeout": 1})["status"] == "success"
    assert backend.call("POST", "/networks/tt_studio_network/disconnect", {"container": container})
    assert backend.call("POST", "/containers/my_other_model/remove", {"force": True})["status"] == "success"
    wait_for(lambda: docker.containers(all=True) == [], what="the container to be gone")
    backend.call("DELETE", "/networks/tt_studio_network")
    backend.call("DELETE", "/images/remove", params={"name": image, "tag": tag})
    assert docker.images(f"{image}:{tag}") == []
    assert "tt_studio_network" not in [network["Name"] for network in docker.networks()]
