# SPDX-License-Identifier: Apache-2.0
"""The files of examples/, run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from harness.engine import BRIDGE_ADDRESS, import_image
from harness.wait import wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(command, service, **environment):
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "DOCKER_CONTROL_SERVICE_URL": service.url, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_curl(service, registry, docker):
    image = registry.publish(docker, "library/example", "1")
    out = run([EXAMPLES / "curl.sh"], service, TOKEN=service.token(), IMAGE=image)
    assert f"Image {image} pulled successfully" in out
    assert '"exists":true' in out and "INFO: up" in out and re.search(r'"bytes":[1-9]', out)
    assert docker.containers(all=True) == []
    assert "tt_studio_network" not in [network["Name"] for network in docker.networks()]


def test_python(service, registry, docker, tmp_path):
    image = registry.publish(docker, "library/example", "2")
    key = tmp_path / "token.key"
    key.write_text(service.secret + "\n")
    out = run([sys.executable, EXAMPLES / "backend.py", image], service, DOCKER_CONTROL_JWT_SECRET_FILE=str(key))
    assert [line.split(maxsplit=2)[2] for line in out.splitlines() if "step" in line] == [
        f"event   INFO: step {number}" for number in (1, 2, 3)
    ]
    assert "exit code 0" in out
    wait_for(lambda: docker.containers(all=True) == [], what="the container to be removed")


def test_compose(start_service, engine, docker, tmp_path):
    """A backend container on a network of its own reaches docker-control at the bridge's gateway."""
    import_image(docker, "tt-studio/backend:latest")
    service = start_service(port=8002, listen=["127.0.0.1:8002", f"{BRIDGE_ADDRESS}:8002"])
    shutil.copy(EXAMPLES / "docker-compose.yml", tmp_path)
    key = tmp_path / "token.key"
    key.write_text(service.secret)
    key.chmod(0o444)
    script = """
        test -r "$DOCKER_CONTROL_JWT_SECRET_FILE" && test ! -e /var/run/docker.sock && id -u
        wget -q -O - "$DOCKER_CONTROL_SERVICE_URL/api/v1/health"
    """
    engine_of_compose = {"DOCKER_HOST": f"unix://{engine.socket}", "DOCKER_CONTROL_SERVICE_URL": ""}
    compose = ["docker-compose", "-f", tmp_path / "docker-compose.yml", "-p", "example"]
    try:
        out = run([*compose, "run", "--rm", "-T", "backend", "sh", "-c", script], service, **engine_of_compose)
    finally:
        run([*compose, "down"], service, **engine_of_compose)
        docker.remove_image("tt-studio/backend:latest", force=True)
    assert out.startswith("1000\n") and '"status":"' in out, out
