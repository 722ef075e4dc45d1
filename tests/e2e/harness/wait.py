# SPDX-License-Identifier: Apache-2.0
"""Waiting for events instead of for time."""

import time


def wait_for(condition, timeout=10.0, what="the condition", interval=0.005):
    """Returns the first true value of condition(), asked again and again until the timeout."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(interval)
        interval = min(interval * 1.5, 0.1)
