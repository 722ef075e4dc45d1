#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutate.py SOURCE BUILD: does a test fail for each single change of a decision in policy/?

Every condition is forced to true and to false, every comparison and logical operator in a condition or
an answer is turned round, one at a time. All mutants are compiled into one program, which an environment
variable switches between, so that hundreds take minutes. A mutant that no unit test notices survives, and
the run fails unless tests/mutation/equivalent.txt says why it decides nothing.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TURNED = {
    "==": ["!="],
    "!=": ["=="],
    "<=": ["<"],
    ">=": [">"],
    "<": ["<="],
    ">": [">="],
    "&&": ["||"],
    "||": ["&&"],
}
# An operator with a space on each side is one: templates, arrows and pointers have none there.
OPERATOR = re.compile(r"(?<= )(==|!=|<=|>=|<|>|&&|\|\|)(?= )")
HEADER = """\
#pragma once
#include <cstdlib>
inline const int dc_mutant = std::getenv("DC_MUTANT") != nullptr ? std::atoi(std::getenv("DC_MUTANT")) : 0;
"""


class Mutant:
    def __init__(self, number, file, line, before, after):
        self.number, self.file, self.line = number, file, line
        self.before, self.after = " ".join(before.split()), " ".join(after.split())

    @property
    def key(self):
        return f"{self.file}: {self.before} => {self.after}"

    def __str__(self):
        return f"{self.file}:{self.line}: {self.before} => {self.after}"


def blanked(text):
    """The text with comments and literals replaced by as many spaces, so that places stay."""
    pattern = r'//[^\n]*|/\*.*?\*/|R"\(.*?\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\''
    return re.sub(pattern, lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=re.S)


def closing(code, start):
    """The place of the bracket that closes the one at `start`."""
    depth = 0
    for place in range(start, len(code)):
        depth += (code[place] in "([{") - (code[place] in ")]}")
        if depth == 0:
            return place
    raise AssertionError("unbalanced brackets")


def extents(code):
    """(start, end, whether it is a condition) of conditions and answers, the outermost ones."""
    found = []
    for match in re.finditer(r"\b(?:if|while) (?:constexpr )?\(", code):
        if "constexpr" in match.group():
            continue
        start = match.end()
        end = closing(code, start - 1)
        depth = 0
        for place in range(start, end):  # if (auto x = f(); !x)
            depth += (code[place] in "([{") - (code[place] in ")]}")
            if code[place] == ";" and depth == 0:
                start = place + 1
        found.append((start, end, True))
    for match in re.finditer(r"\breturn (?=[^;{])", code):
        start, depth = match.end(), 0
        for end in range(start, len(code)):
            depth += (code[end] in "([{") - (code[end] in ")]}")
            if code[end] == ";" and depth == 0:
                found.append((start, end, False))
                break
    found.sort()
    outermost, last = [], 0
    for start, end, condition in found:
        if start >= last:
            outermost.append((start, end, condition))
            last = end
    return outermost


def mutate(text, file, mutants):
    """The text with all its mutants, which are added to the list."""
    code = blanked(text)
    out, copied = [], 0
    for start, end, condition in extents(code):
        original = text[start:end]
        changed = ["true", "false"] if condition else []
        if not condition and original.strip() in ("true", "false"):
            changed = ["false" if original.strip() == "true" else "true"]
        if condition and re.match(r"[^(]* = ", original):
            continue  # it declares what it asks for: if (const auto x = f())
        for found in OPERATOR.finditer(code[start:end]):
            for turned in TURNED[found.group()]:
                changed.append(original[: found.start()] + turned + original[found.end() :])
        if condition and original.strip().startswith("!"):
            changed.append(original.strip()[1:] if "&&" not in original and "||" not in original else original)
            if changed[-1] == original:
                changed.pop()
        if not changed:
            continue
        as_bool = (lambda text: f"static_cast<bool>({text})") if condition else (lambda text: f"({text})")
        expression = as_bool(original)
        for alternative in changed:
            number = len(mutants) + 1
            mutants.append(Mutant(number, file, text.count("\n", 0, start) + 1, original, alternative))
            expression = f"dc_mutant == {number} ? {as_bool(alternative)} : ({expression})"
        out.append(text[copied:start] + f"({expression})")
        copied = end
    mutated = "".join(out) + text[copied:]
    return re.sub(r"^(\s*)(?:inline )?constexpr (?=(?:bool|std::string_view) \w+\()", r"\1inline ", mutated, flags=re.M)


def make_tree(source, tree):
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files"], cwd=source, check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (source / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, tree / name)
    mutants = []
    (tree / "common" / "mutant.hpp").write_text(HEADER)
    for path in sorted((tree / "policy").glob("*.[ch]pp")):
        text = mutate(path.read_text(), f"policy/{path.name}", mutants)
        first = text.index("#include" if path.suffix == ".cpp" else "#pragma once")
        if path.suffix == ".hpp":
            first += len("#pragma once\n")
        path.write_text(text[:first] + '#include "common/mutant.hpp"\n' + text[first:])
    return mutants


def build(tree, directory):
    if not (directory / "build.ninja").exists():
        subprocess.run(["meson", "setup", "--buildtype=debug", "-Ddocs=disabled", "-Doptimization=0", directory, tree],
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    subprocess.run(["ninja", "-C", directory, "tests/unit/policy_test"], check=True)
    return directory / "tests" / "unit" / "policy_test"


def survives(program, mutant):
    environment = {**os.environ, "DC_MUTANT": str(mutant.number if mutant else 0)}
    try:
        done = subprocess.run([program, "--abort-after=1", "--no-breaks"], env=environment, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main(source, directory):
    source, directory = Path(source).resolve(), Path(directory).resolve()
    mutants = make_tree(source, directory / "tree")
    program = build(directory / "tree", directory / "build")
    assert survives(program, None), "the tests fail without any change"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        alive = [mutant for mutant, lives in zip(mutants, pool.map(lambda m: survives(program, m), mutants)) if lives]
    excused = {}
    for line in (source / "tests" / "mutation" / "equivalent.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            key, _, reason = line.partition(" -- ")
            excused[key] = reason
    bad = [mutant for mutant in alive if not excused.get(mutant.key)]
    stale = set(excused) - {mutant.key for mutant in alive}
    for mutant in bad:
        print(f"survives: {mutant}")
    for key in sorted(stale):
        print(f"excused, but does not survive or does not exist: {key}")
    print(f"{len(mutants)} mutants, {len(mutants) - len(alive)} killed, {len(alive) - len(bad)} decide nothing, {len(bad)} survive")
    return 1 if bad or stale else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
