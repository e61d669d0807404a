#!/usr/bin/env python3
"""Compares the documents with the code where they state the same thing.

- every problem code of crates/core/src/code.rs has a row in docs/operations.md, and every row a code;
- every metric that is described or recorded in the code has a row there, and every row a metric;
- every relative link in a Markdown file leads to a file.
Exit 1 with one line per disagreement.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = ROOT / "docs/operations.md"


def rows_of(heading):
    """First cells, in backquotes, of the table below a heading of docs/operations.md."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", OPERATIONS.read_text(), re.M | re.S).group(1)
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.M))


def metric_names():
    """Names of metrics in code that is not a test."""
    names = set()
    for path in [*ROOT.glob("crates/*/src/**/*.rs"), *ROOT.glob("api/src/**/*.rs")]:
        text = path.read_text(encoding="utf-8").split("#[cfg(test)]\nmod")[0]
        if not re.search(r"\bmetrics\b", text) or re.search(r"_?tests?\.rs$", path.name):
            continue
        constants = dict(re.findall(r'const (\w+): &str = "([a-z_]+)"', text))
        for name in re.findall(r'\b(?:counter|gauge|histogram)!\(\s*("?\w+"?)', text):
            names.add(name.strip('"') if name.startswith('"') else constants.get(name, name))
    return names


def differences(what, code, documented):
    for name in sorted(code - documented):
        yield f"{what} {name} has no row in docs/operations.md"
    for name in sorted(documented - code):
        yield f"{what} {name} in docs/operations.md is not in the code"


def broken_links():
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        if not (ROOT / name).exists():
            continue  # deleted, not committed yet
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / name).read_text(encoding="utf-8")):
            if "://" not in target and not (ROOT / name).parent.joinpath(target).exists():
                yield f"{name}: {target} does not exist"


def main():
    codes = set(re.findall(r'^    \w+ = "([a-z_0-9]+)",$', (ROOT / "crates/core/src/code.rs").read_text(), re.M))
    wrong = [
        *differences("problem code", codes, rows_of("Problem codes")),
        *differences("metric", metric_names(), rows_of("Metrics")),
        *broken_links(),
    ]
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        print(f"{len(codes)} problem codes, the metrics and all links agree with the code")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
