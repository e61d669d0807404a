"""What the benchmark scripts share: running a program, spreads, tables, the machine."""

import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORES = len(os.sched_getaffinity(0))


def output_of(*command):
    """Standard output of a program; the benchmark ends with its words when it fails."""
    run = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if run.returncode != 0:
        sys.exit(f"{command[0]} ended with status {run.returncode}")
    return run.stdout.decode()


def json_of(*command):
    return json.loads(output_of(*command))


def quantile(values, share):
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)]


def spread(values, digits=1):
    """Least, median and largest."""
    return " / ".join(f"{v:.{digits}f}" for v in (min(values), statistics.median(values), max(values)))


def table(head, rows):
    """A Markdown table."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def say(text=""):
    print(text, flush=True)


def machine():
    """Prints what the figures were taken on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if "model name" in line),
        platform.processor(),
    )
    say(f"machine   {CORES} cores, {model}, Linux {platform.release()}")
    say(f"load      {' '.join(f'{v:.2f}' for v in os.getloadavg())} over 1, 5 and 15 minutes before the first run")


def photograph(frame, name, side, folder):
    """A photograph of the demo set at `side` pixels, as a file."""
    path = Path(folder) / f"{Path(name).stem}-{side}.jpg"
    if not path.exists():
        output_of(frame, "photograph", name, side, path)
    return path
