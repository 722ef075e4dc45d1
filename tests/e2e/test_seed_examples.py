# SPDX-License-Identifier: Apache-2.0
"""The examples of the two seed documents as written; only host, secret and image differ."""

import subprocess

import jwt
import pytest
import requests

from harness.wait import wait_for


def curl(*arguments):
    """What curl prints; the same options that the documents use, and -s for a quiet terminal."""
    done = subprocess.run(["curl", "-s", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return requests.models.complexjson.loads(done.stdout)


@pytest.fixture
def api(service):
    return f"http://localhost:{service.port}/api/v1"


@pytest.fixture
def token(service):
    return jwt.encode({"service": "tt_studio_backend"}, service.secret, algorithm="HS256")


class DockerControlClient:
    """The class of the migration guide."""

    def __init__(self, url, jwt_secret):
        self.url = url
        self.jwt_secret = jwt_secret

    def _get_headers(self):
        token = jwt.encode({"service": "tt_studio_backend"}, self.jwt_secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}

    def list_containers(self):
        response = requests.get(f"{self.url}/api/v1/containers", headers=self._get_headers())
        response.raise_for_status()
        return response.json()


def test_health_needs_no_token(api):
    """curl http://localhost:8002/api/v1/health answers a status that a monitor can read."""
    health = curl(f"{api}/health")
    assert health["status"] in ("healthy", "degraded"), health
    assert {"status", "timestamp", "checks"} <= set(health)


def test_list_with_curl(api, token, docker):
    """List Containers of the guide shows a container that runs."""
    made = docker.create_container("alpine:3", ["sleep", "1000"], name="seen")
    docker.start(made)
    answer = curl("-H", f"Authorization: Bearer {token}", f"{api}/containers")
    assert answer["status"] == "success"
    assert [item["name"] for item in answer["containers"]] == ["seen"]


def test_run_with_curl(api, token, docker):
    """Run Container of the guide, field by field, makes what it describes."""
    network = docker.create_network("tt_studio_network", driver="bridge")
    answer = curl(
        "-X", "POST", "-H", f"Authorization: Bearer {token}",
        "-H", "Content-Type: application/json",
        "-d", """{
            "image": "tenstorrent/model:latest",
            "name": "my_model",
            "ports": {"8000/tcp": 7001},
            "network": "tt_studio_network",
            "environment": {"MODEL_TYPE": "llm"}
        }""",
        f"{api}/containers/run",
    )  # fmt: skip
    assert answer["status"] == "success", answer
    assert answer["name"] == answer["container_name"] == "my_model"
    assert answer["id"] == answer["container_id"]
    assert "port_bindings" in answer
    seen = docker.inspect_container("my_model")
    assert seen["Id"] == answer["id"]
    assert "MODEL_TYPE=llm" in seen["Config"]["Env"]
    assert list(seen["NetworkSettings"]["Networks"]) == ["tt_studio_network"]
    assert seen["NetworkSettings"]["Networks"]["tt_studio_network"]["NetworkID"] == network["Id"]
    assert seen["HostConfig"]["PortBindings"]["8000/tcp"][0]["HostPort"] == "7001"


def test_stop_with_curl(api, token, client, docker):
    """Stop Container of the guide, which sends no body, stops."""
    made = client.started()
    answer = curl("-X", "POST", "-H", f"Authorization: Bearer {token}", f"{api}/containers/{made['id']}/stop")
    assert answer["status"] == "success"
    assert not docker.inspect_container(made["id"])["State"]["Running"]


def test_no_token(api):
    """401 Unauthorized of the guide."""
    assert curl(f"{api}/containers")["detail"] == "Invalid or missing JWT token"


def test_image_not_in_the_list(api, token, docker):
    """400 Image Not Whitelisted of the guide."""
    answer = curl(
        "-X", "POST", "-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json",
        "-d", '{"image": "evil/image:latest"}', f"{api}/containers/run",
    )  # fmt: skip
    assert answer["detail"] == "Image not in allowed list"
    assert docker.containers(all=True) == []


def test_name_exists(client):
    """409 Conflict of the guide."""
    client.started(name="taken")
    response = client.run(name="taken")
    assert response.status_code == 409
    assert response.json()["detail"] == "Container already exists"


def test_python_client_of_the_guide(service, client):
    """The guide's DockerControlClient lists containers."""
    client.started(name="one")
    listed = DockerControlClient(service.url, service.secret).list_containers()
    assert [item["name"] for item in listed["containers"]] == ["one"]


def test_python_request_of_the_readme(service):
    """The README's authenticated request."""
    token = jwt.encode({"service": "tt_studio_backend"}, service.secret, algorithm="HS256")
    headers = {"Authorization": f"Bearer {token}"}
    response = requests.get(f"{service.url}/api/v1/containers", headers=headers)
    assert response.status_code == 200


def test_paths_of_the_readme(client, docker):
    """Run, list, get, stop and remove at the README's paths."""
    made = client.started(name="whole_life")
    assert client.get(f"/containers/{made['id']}").status_code == 200
    assert client.post(f"/containers/{made['id']}/stop").status_code == 200
    assert client.post(f"/containers/{made['id']}/remove").status_code == 200
    wait_for(lambda: docker.containers(all=True) == [], what="the container to be removed")
