# SPDX-License-Identifier: Apache-2.0
"""tests/vectors/run_policy.json: requests to run, the profiles that they are judged by, and the host that they name."""

import contextlib
import json
import os
import shutil
import stat
from pathlib import Path

from .paths import ROOT

VECTORS = json.loads((ROOT / "tests" / "vectors" / "run_policy.json").read_text())
IMAGE = "alpine:3.20"  # what nearly every row runs

DIRECTORIES = ("/srv/models", "/srv/work/a", "/srv/fixed", "/dev/hugepages-1G")
NODES = ("/dev/tenstorrent/0", "/dev/tenstorrent/31")


def policy_of(vectors):
    """A policy with the vectors' profiles, each a service of its own that may ask, as often as it likes."""
    tables = []
    for name, lines in vectors["profiles"].items():
        scopes, *others = lines
        assert scopes.startswith("scopes = [")
        asking = scopes.replace("[", '["service:explain", ', 1)
        tables.append("\n".join([f"[service.{name}]", "rate = 100000", asking, *others]))
    return "\n".join(tables)


@contextlib.contextmanager
def named_places():
    """The directories and device nodes that the rows name. Those that were missing are gone afterwards."""
    with contextlib.ExitStack() as stack:
        for path in DIRECTORIES:
            _make_directory(stack, Path(path))
        for path in map(Path, NODES):
            _make_directory(stack, path.parent)
            if not path.exists():
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
                stack.callback(path.unlink)
        yield


def _make_directory(stack, path):
    """Makes what is missing of a path; the topmost that was made is what goes again."""
    missing = [part for part in (path, *path.parents) if not part.exists()]
    if missing:
        path.mkdir(parents=True)
        for part in missing:
            part.chmod(0o755)
        stack.callback(shutil.rmtree, missing[-1])
