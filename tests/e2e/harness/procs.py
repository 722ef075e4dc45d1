# SPDX-License-Identifier: Apache-2.0
"""What /proc says about processes."""

import os
import signal
from pathlib import Path

from .wait import wait_for


def status(pid):
    """/proc/PID/status as a dictionary of its text fields."""
    text = Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def alive(pid):
    """True while the process exists and is not a zombie."""
    try:
        return status(pid)["State"][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return False


def name_of(pid):
    return Path(f"/proc/{pid}/comm").read_text().strip()


def all_pids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def children(pid):
    """The living children of a process."""
    found = []
    for candidate in all_pids():
        try:
            fields = status(candidate)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields["PPid"]) == pid and fields["State"][0] not in "ZX":
            found.append(candidate)
    return found


def with_argument(text):
    """The processes whose command line holds the text, this one left out."""
    found = []
    for pid in all_pids():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text.encode() in line and pid != os.getpid():
            found.append(pid)
    return found


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill_and_wait(pids, timeout=10.0):
    """SIGKILL to each, and back only when they are all gone."""
    pids = list(pids)
    for pid in pids:
        kill(pid)
    wait_for(lambda: not any(alive(pid) for pid in pids), timeout, f"the end of {pids}")
