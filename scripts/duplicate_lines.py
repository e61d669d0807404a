#!/usr/bin/env python3
"""Finds code that stands in two places, over crates/ and api/.

A line counts when it says something: no blank lines, comments, attributes, imports or lone brackets.
Two runs of at least RUN such lines that are equal (but for indentation) are a duplicate, and fail the check.
RUN = 10: shorter runs are mostly what the language or a framework asks for (a builder, a match arm, the
head of a handler); ten equal statements are knowledge that will be changed in one place and forgotten
in the other. Tests are left out: they repeat themselves so that each can be read alone.

Prints the share of lines inside shorter duplicates (from NOTICE lines on) for the curious; exit 1 on failure.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

RUN = 10
NOTICE = 6
ROOTS = ("crates", "api")
TEST_FOLDERS = {"tests", "benches", "examples", "target"}
TEST_FILES = re.compile(r"(^|_)(tests?|testing|fixtures)\.rs$")
SAYS_NOTHING = re.compile(
    r"^(//.*|#!?\[.*\]|(pub(\([a-z]+\))? )?(use .*|mod \w+;)|[\[\](){};,.?]*|\} else \{)$"
)


def meaningful(path):
    """The lines of a file that count, as (number, text), without its test module."""
    lines, in_use, test_depth = [], False, None
    previous = ""
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = raw.strip()
        if test_depth is None and previous == "#[cfg(test)]" and re.match(r"(pub(\(.*\))? )?mod \w+ \{", text):
            test_depth = len(raw) - len(raw.lstrip())
        previous = text or previous
        if test_depth is not None:
            if raw.startswith(" " * test_depth + "}"):
                test_depth = None
            continue
        # An import list over several lines.
        if in_use or re.match(r"(pub(\(.*\))? )?use [^;]*$", text):
            in_use = not text.endswith(";")
            continue
        if not SAYS_NOTHING.match(text):
            lines.append((number, text))
    return lines


def sources(root):
    for path in sorted(root.rglob("*.rs")):
        parts = path.relative_to(root).parts
        if not TEST_FOLDERS.intersection(parts) and not TEST_FILES.search(path.name):
            yield path


def duplicates(files, run):
    """Maximal equal runs of at least `run` lines: (length, file, start, other file, other start)."""
    at = defaultdict(list)
    for name, lines in files.items():
        for i in range(len(lines) - run + 1):
            at[tuple(text for _, text in lines[i : i + run])].append((name, i))
    found = []
    for places in at.values():
        for k, (a, i) in enumerate(places):
            for b, j in places[k + 1 :]:
                if a == b and abs(i - j) < run:
                    continue
                if i and j and files[a][i - 1][1] == files[b][j - 1][1]:
                    continue  # inside a longer run that starts earlier
                n = run
                while (
                    i + n < len(files[a])
                    and j + n < len(files[b])
                    and files[a][i + n][1] == files[b][j + n][1]
                    and not (a == b and i + n >= j)
                ):
                    n += 1
                found.append((n, a, i, b, j))
    return sorted(found, reverse=True)


def main():
    root = Path(__file__).resolve().parent.parent
    files = {}
    for folder in ROOTS:
        for path in sources(root / folder):
            files[str(path.relative_to(root))] = meaningful(path)
    total = sum(len(lines) for lines in files.values())

    covered = set()
    for n, a, i, b, j in duplicates(files, NOTICE):
        covered.update((a, i + k) for k in range(n))
        covered.update((b, j + k) for k in range(n))
    share = 100 * len(covered) / total if total else 0
    print(f"{len(files)} files, {total} telling lines, {share:.1f} % of them in runs of {NOTICE} or more that stand twice")

    failures = duplicates(files, RUN)
    for n, a, i, b, j in failures:
        print(f"{a}:{files[a][i][0]} and {b}:{files[b][j][0]}: {n} equal lines", file=sys.stderr)
    if failures:
        print(f"runs of {RUN} or more equal lines: give the shared thing one place and a name", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
