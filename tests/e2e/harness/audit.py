# SPDX-License-Identifier: Apache-2.0
"""The audit file, read by other code than the program's."""

import hashlib
import json
import subprocess

from .paths import ADMIN
from .wait import wait_for


def records(*files):
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def chain_problems(lines, head=None, first=1):
    """The chain's definition: what is wrong with these lines (bytes without newlines), as a list."""
    problems, prev, seq, torn = [], "0" * 64 if first == 1 else None, first - 1, []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            torn.append(line)
            continue
        if torn and record.get("torn") != hashlib.sha256(b"\n".join(torn)).hexdigest():
            problems.append(f"{number}: torn bytes before it that it does not record")
        if record["seq"] != seq + 1 or (prev is not None and record["prev"] != prev):
            problems.append(f"{number}: seq {record['seq']} after {seq}")
        prev, seq, torn = hashlib.sha256(line).hexdigest(), record["seq"], []
    if torn:
        problems.append("torn at the end")
    if head is not None and head != f"{seq:020} {prev}\n".encode():
        problems.append(f"the head is {head}")
    return problems


class FailedRuns:
    """The runs that came to nothing, in a service's audit, since the last look or since this was made."""

    def __init__(self, service):
        self.file = service.audit_file
        self.skip()

    def skip(self):
        """Forgets what is on record so far."""
        self.offset = self.file.stat().st_size if self.file.exists() else 0

    def next(self, code):
        """The next one, which must be for this reason."""
        line = wait_for(self._next, what=f"the audit to record {code}")
        assert line["outcome"] == code, line
        return line

    def _next(self):
        with open(self.file, "rb") as file:
            file.seek(self.offset)
            for text in file:
                if not text.endswith(b"\n"):
                    return None
                self.offset += len(text)
                line = json.loads(text)
                if line.get("operation") == "containers.run" and line.get("outcome", "success") != "success":
                    return line
        return None


def audit(*arguments, **options):
    """docker-control audit ...: the completed process."""
    return subprocess.run([ADMIN, "audit", *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
