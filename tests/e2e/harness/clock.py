# SPDX-License-Identifier: Apache-2.0
"""A broker whose wall clock the test sets: time() of harness/clock.c in place of the C library's."""

import os
import subprocess
from pathlib import Path


class Clock:
    def __init__(self, directory):
        self.library = directory / "clock.so"
        self.file = directory / "offset"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, source], check=True)
        self.set(0)
        directory.chmod(0o755)

    def set(self, offset):
        """Seconds between the broker's clock and ours."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{int(offset)}\n")
        new.chmod(0o644)
        new.rename(self.file)

    @property
    def environment(self):
        sanitizers = os.environ.get("ASAN_OPTIONS", "")
        return {
            "LD_PRELOAD": str(self.library),
            "CLOCK_OFFSET": str(self.file),
            **({"ASAN_OPTIONS": f"{sanitizers}:verify_asan_link_order=0"} if sanitizers else {}),
        }
