# SPDX-License-Identifier: Apache-2.0
"""Counts results: Meson's testlog.json (doctest cases where a test prints them) and JUnit XML."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"test cases:\s+\d+ \|\s+(\d+) passed \|\s+(\d+) failed")
MESON_GOOD = {"OK", "EXPECTEDFAIL"}


def count_meson(path):
    passed = failed = 0
    for line in open(path, encoding="utf-8"):
        test = json.loads(line)
        if test["result"] == "SKIP":
            continue
        good = test["result"] in MESON_GOOD
        output = re.sub(r"\x1b\[[0-9;]*m", "", test.get("stdout") or "")
        cases = DOCTEST.findall(output)
        passed_here = sum(int(p) for p, _ in cases) if cases else int(good)
        failed_here = sum(int(f) for _, f in cases)
        passed += passed_here
        failed += failed_here or int(not good)
    return passed, failed


def count_junit(path):
    passed = failed = 0
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        numbers = {key: int(suite.get(key, 0)) for key in ("tests", "errors", "failures", "skipped")}
        bad = numbers["errors"] + numbers["failures"]
        failed += bad
        passed += max(0, numbers["tests"] - bad - numbers["skipped"])
    return passed, failed


def count(path):
    """A result file that is empty or cannot be read is one failure: its tests did not finish."""
    try:
        passed, failed = count_junit(path) if path.endswith(".xml") else count_meson(path)
    except (ElementTree.ParseError, ValueError, KeyError):
        return 0, 1
    return (passed, failed) if passed + failed else (0, 1)


def main(paths):
    counts = [count(path) for path in paths]
    passed = sum(p for p, _ in counts)
    failed = sum(f for _, f in counts)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
