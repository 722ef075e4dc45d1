# SPDX-License-Identifier: Apache-2.0
"""run.py FILE -- COMPILER...: FILE compiles; with MUST_FAIL it does not, for the expected reason.

The line `// expect: REGEX` in FILE is searched in the compiler's messages, so that a test cannot pass
because of a typing error.
"""

import re
import subprocess
import sys


def compile_file(command, path, *flags):
    return subprocess.run([*command, *flags, path], capture_output=True, text=True,
                          env={"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}, check=False)


def main(path, command):
    expected = re.search(r"^// expect: (.+)$", open(path, encoding="utf-8").read(), re.MULTILINE)
    if not expected:
        return "no `// expect:` line"
    right = compile_file(command, path)
    if right.returncode != 0:
        return "must compile without MUST_FAIL:\n" + right.stderr
    wrong = compile_file(command, path, "-DMUST_FAIL")
    if wrong.returncode == 0:
        return "compiles with MUST_FAIL, and must not"
    if not re.search(expected.group(1), wrong.stderr):
        return f"fails for another reason than /{expected.group(1)}/:\n" + wrong.stderr
    return None


if __name__ == "__main__":
    split = sys.argv.index("--")
    problem = main(sys.argv[1], sys.argv[split + 1:])
    if problem:
        sys.exit(problem)
