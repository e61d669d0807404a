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


def line_chart(path, title, across, up, points):
    """Writes points (x, y) as an SVG line from x = 0 and y = 0, so that growth shows in proportion."""
    width, height, left, right, top, bottom = 720, 320, 70, 20, 40, 50
    most_x, most_y = max(x for x, _ in points), 1.15 * max(y for _, y in points)
    step = next(s for s in (10, 20, 50, 100, 200, 500, 1000, 2000) if most_y / s <= 8)

    def place(x, y):
        return left + x / most_x * (width - left - right), height - bottom - y / most_y * (height - top - bottom)

    def text(x, y, words, anchor="middle"):
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'

    drawn = [text(width / 2, 22, title), text(width / 2, height - 10, across), text(8, top - 8, up, "start")]
    for value in range(0, int(most_y) + 1, step):
        x, y = place(0, value)
        drawn.append(f'<line x1="{x:.0f}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" stroke="#ddd"/>')
        drawn.append(text(x - 8, y + 4, value, "end"))
    for fifth in range(6):
        x, y = place(most_x * fifth / 5, 0)
        drawn.append(text(x, y + 20, f"{most_x * fifth // 5:,}"))
    line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in points)
    drawn.append(f'<polyline points="{line}" fill="none" stroke="#1f6feb" stroke-width="2"/>')
    Path(path).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )
