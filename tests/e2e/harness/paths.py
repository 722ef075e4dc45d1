# SPDX-License-Identifier: Apache-2.0
"""Where the built programs are."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("DOCKER_CONTROL_BUILD", ROOT / "build")).resolve()
BROKER = BUILD / "broker" / "docker-control-broker"
FRONT = BUILD / "daemon" / "docker-controld"
ADMIN = BUILD / "admin" / "docker-control"


def staged_programs(directory):
    """Copies the programs to where the service's users can reach them, which a checkout below
    /root is not, and returns that directory."""
    target = Path(directory) / "bin"
    target.mkdir(exist_ok=True)
    target.chmod(0o755)
    for program in (BROKER, FRONT, ADMIN):
        assert program.exists(), f"{program} is missing: run tools/dev build"
        shutil.copy2(program, target / program.name)
    return target
