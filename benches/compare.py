#!/usr/bin/env python3
"""The face pipeline beside the usual Python one: same picture, same model files, same number of cores.

usage: compare.py INNKEEPER FRAME PEER_PYTHON

INNKEEPER is the program (it knows where the models are), FRAME the example of crates/face that drives the
pipeline, PEER_PYTHON an interpreter with benches/peer/requirements.txt installed. First both must find the same
face; then they are timed in turns, ROUNDS times, so that what else the machine does hits both.

Environment: BENCH_ROUNDS (3), BENCH_FRAMES (300) per run of all cores.
"""

import math
import os
import statistics
import sys
import tempfile
from pathlib import Path

from report import CORES, ROOT, json_of, machine, output_of, photograph, quantile, say, sha256, spread, table

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
FRAMES = int(os.environ.get("BENCH_FRAMES", "300"))
PICTURE = ("obama.jpg", 640)
PEER = ROOT / "benches/peer/insightface_style.py"
# In the order of the peer's arguments.
MODELS = [
    ("yunet", "yunet.onnx"),
    ("minifasnet", "minifasnet-v2-2.7.onnx"),
    ("minifasnet", "minifasnet-v1se-4.0.onnx"),
    ("suri", "suri.onnx"),
    ("edgeface-xs", "edgeface-xs.onnx"),
]
# Ours takes the box from a smaller look at the picture where that is enough (crates/face/src/detect/near.rs).
OVERLAP, COSINE, LIVENESS = 0.9, 0.95, 0.03


def overlap(a, b):
    """Intersection over union of two boxes x, y, w, h."""
    sides = [min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    shared = max(sides[0], 0) * max(sides[1], 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def check_agreement(ours, peers):
    """Ends the benchmark when the pipelines do not see the same."""
    for name, peer in peers.items():
        shared = overlap(ours["box"], peer["box"])
        cosine = math.fsum(a * b for a, b in zip(ours["embedding"], peer["embedding"], strict=True))
        liveness = abs(ours["liveness"] - peer["liveness"])
        say(
            f"agreement with {name}: overlap of the boxes {shared:.3f}, cosine of the embeddings {cosine:.5f}, "
            f"liveness {ours['liveness']:.4f} and {peer['liveness']:.4f}"
        )
        if shared < OVERLAP or cosine < COSINE or liveness > LIVENESS:
            sys.exit(f"not the same answer: wanted {OVERLAP}, {COSINE}, {LIVENESS}; nothing was timed")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    innkeeper, frame, python = sys.argv[1:]
    files = [Path(output_of(innkeeper, "models", "path", item).strip()) / name for item, name in MODELS]
    with tempfile.TemporaryDirectory(prefix="innkeeper-bench-") as folder:
        picture = photograph(frame, *PICTURE, folder)

        def ours(pack):
            return lambda callers, frames: json_of(frame, "run", picture, pack, callers, frames)

        def peer(canvas):
            return lambda callers, frames: json_of(python, PEER, picture, callers, frames, canvas, *files)

        runners = {
            "innkeeper, extended pack": ours("extended"),
            "Python, letterbox 640 x 640": peer("square"),
            "Python, letterbox as ours": peer("tight"),
            "innkeeper, default pack": ours("default"),
        }
        compare(picture, files, runners)


def compare(picture, files, runners):
    machine()
    say(f"picture   {PICTURE[0]} at {PICTURE[1]} px, {picture.stat().st_size} bytes, sha256 {sha256(picture)}")
    for path in files:
        say(f"model     {path.name}, sha256 {sha256(path)}")
    first = {name: run(1, 1) for name, run in runners.items()}
    (base, ours), *others = first.items()
    peers = {name: answer for name, answer in others if "versions" in answer}
    versions = ", ".join(f"{k} {v}" for k, v in next(iter(peers.values()))["versions"].items())
    say(f"ours      one process, {CORES} callers, a session per model and core, one thread each")
    say(f"peer      {versions}; {CORES} processes, one thread a session and in OpenCV")
    check_agreement(ours, peers)

    say(f"\n{ROUNDS} rounds in turns: {FRAMES} frames by {CORES} callers, then {FRAMES // 3} frames by one caller")
    speed = {name: [] for name in runners}
    cost = {name: [] for name in runners}
    middle = {name: [] for name in runners}
    tail = {name: [] for name in runners}
    for turn in range(ROUNDS):
        for name, run in runners.items():
            many, one = run(CORES, FRAMES), run(1, FRAMES // 3)
            speed[name].append(len(many["milliseconds"]) / many["seconds"])
            cost[name].append(many["cpu_seconds"] * 1e3 / len(many["milliseconds"]))
            middle[name].append(quantile(one["milliseconds"], 0.5))
            tail[name].append(quantile(one["milliseconds"], 0.95))
            say(f"round {turn + 1}: {name}: {speed[name][-1]:.1f} frames/s, one caller {middle[name][-1]:.1f} ms")
    say()
    head = ["pipeline (least / median / largest of the rounds)", "frames/s", "ours is faster by", "CPU ms/frame", "p50 ms", "p95 ms"]
    rows = []
    for name in runners:
        # Within a round, so that a slow moment of the machine does not count for one side only.
        ratios = [a / b for a, b in zip(speed[base], speed[name], strict=True)]
        gain = spread(ratios, 2) if name in peers else ""
        rows.append([name, spread(speed[name]), gain, *(spread(v[name]) for v in (cost, middle, tail))])
    table(head, rows)
    worst = statistics.median(tail[base])
    say("\nframes/s and CPU ms/frame with all cores busy, p50 and p95 with one caller; CPU time is what other work")
    say("on the machine disturbs least")
    say(f"one caller, p95: {worst:.1f} ms; the contract allows 125 ms")


if __name__ == "__main__":
    main()
