#!/usr/bin/env python3
"""The room pipeline beside the usual Python one: same photographs, same model files, same number of threads.

usage: compare_room.py INNKEEPER ROOMS PEER_PYTHON HEAD DATA

INNKEEPER is the program (it knows where the models are), ROOMS the example of crates/room that drives the pipeline,
PEER_PYTHON an interpreter with benches/peer/requirements.txt installed, HEAD the JSON of a head, DATA a folder whose
JPEG and PNG pictures, however deep, are the photographs. First both must say the same; then they are timed in turns,
ROUNDS times, without and with the detector, on one thread and on as many as there are cores. The peer runs twice: as
Pillow reads pictures and as OpenCV does; ours is set beside the quicker one of each round.
Instead of INNKEEPER, a folder with `libonnxruntime.so.*`, `efficientnet-lite0.onnx` and `yolox-nano.onnx` will do.

Environment: BENCH_ROUNDS (3), BENCH_PHOTOS (120) of them, at least.
"""

import json
import math
import os
import statistics
import sys
from pathlib import Path

from report import CORES, ROOT, machine, output_of, say, sha256, spread, table

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PHOTOS = int(os.environ.get("BENCH_PHOTOS", "120"))
PEER = ROOT / "benches/peer/room_peer.py"
KINDS = ("pillow", "opencv")
# Cosine of the embeddings and difference of the probabilities, in the middle of the photographs. Pillow squeezes a picture
# as we do; OpenCV takes plain means.
AGREEMENT = {"pillow": (0.999, 0.02), "opencv": (0.97, 0.1)}


def model_files(innkeeper):
    """ONNX Runtime's library, the embedder and the detector."""
    folder = Path(innkeeper)
    if folder.is_dir():
        return next(folder.glob("libonnxruntime.so.*")), folder / "efficientnet-lite0.onnx", folder / "yolox-nano.onnx"

    def path(item):
        return Path(output_of(innkeeper, "models", "path", item).strip())

    return (
        path("onnxruntime"),
        path("efficientnet-lite0") / "efficientnet-lite0.onnx",
        path("yolox-nano") / "yolox-nano.onnx",
    )


def lines_of(output):
    """Photographs by file, and the summary."""
    *photos, summary = [json.loads(line) for line in output.splitlines()]
    return {photo["file"]: photo for photo in photos}, summary


def agreement(kind, ours, peers):
    """Ends the benchmark when the pipelines do not say the same."""
    cosines, differences = [], []
    for file, theirs in peers.items():
        mine = ours[file]
        cosines.append(math.fsum(a * b for a, b in zip(mine["embedding"], theirs["embedding"], strict=True)))
        said = {label["label"]: label["probability"] for label in mine["probabilities"]}
        differences += [abs(said[label] - probability) for label, probability in theirs["probabilities"].items()]
    cosine, difference = statistics.median(cosines), statistics.median(differences)
    say(
        f"agreement with the peer ({kind}): cosine of the embeddings {cosine:.5f} in the middle, {min(cosines):.5f} at "
        f"least; probabilities differ by {difference:.4f} in the middle, {max(differences):.4f} at most"
    )
    least, most = AGREEMENT[kind]
    if cosine < least or difference > most:
        sys.exit(f"not the same answer: wanted {least} and {most}; nothing was timed")


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    innkeeper, rooms, python, head, data = sys.argv[1:]
    library, embedder, detector = model_files(innkeeper)
    kept = json.loads(Path(head).read_text(encoding="utf-8"))
    side = kept["embedder"].rsplit("-", 1)[1]
    photos = sorted(path for path in Path(data).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not photos:
        sys.exit(f"there are no pictures in {data}")
    # Every so many, so that all folders have their share.
    photos = photos[:: max(1, len(photos) // PHOTOS)]
    machine()
    say(f"photos    {len(photos)}, {sum(path.stat().st_size for path in photos)} bytes")
    for path in (embedder, detector, Path(head)):
        say(f"model     {path.name}, sha256 {sha256(path)}")
    rows = []
    for name, objects in (("without detector", "-"), ("with detector", detector)):

        def ours(threads, objects=objects):
            return lines_of(output_of(rooms, library, embedder, head, objects, threads, 1, *photos))

        def peer(kind, threads, objects=objects):
            return lines_of(output_of(python, PEER, kind, embedder, side, head, objects, threads, 1, *photos))

        rows += compare(name, ours, peer)
    say()
    head_row = ["pipeline, threads (least / median / largest)", "ours, photos/s", "Pillow, photos/s", "OpenCV, photos/s"]
    table([*head_row, "faster than the quicker", "ours, CPU ms/photo", "quicker peer, CPU ms/photo"], rows)


def compare(name, ours, peer):
    rows = []
    for threads in sorted({1, CORES}):
        speed = {runner: [] for runner in ("ours", *KINDS)}
        cost = {runner: [] for runner in ("ours", *KINDS)}
        for turn in range(ROUNDS):
            for runner in ("ours", *KINDS):
                photos, summary = ours(threads) if runner == "ours" else peer(runner, threads)
                if turn == 0 and threads == 1:
                    if runner == "ours":
                        first = photos
                    else:
                        agreement(runner, first, photos)
                if turn == 0 and threads == 1 and runner == KINDS[0]:
                    say("peer      " + ", ".join(f"{k} {v}" for k, v in summary["versions"].items()))
                speed[runner].append(summary["images"] / summary["seconds"])
                cost[runner].append(summary["cpu_seconds"] * 1e3 / summary["images"])
                say(f"{name}, {threads} thread(s), round {turn + 1}: {runner}: {speed[runner][-1]:.1f} photos/s")
        # Within a round, so that a slow moment of the machine does not count for one side only.
        quicker = [max(pair) for pair in zip(*(speed[kind] for kind in KINDS), strict=True)]
        cheaper = [min(pair) for pair in zip(*(cost[kind] for kind in KINDS), strict=True)]
        faster = [a / b for a, b in zip(speed["ours"], quicker, strict=True)]
        row = [f"{name}, {threads}", *(spread(speed[runner]) for runner in ("ours", *KINDS)), spread(faster, 2)]
        rows.append([*row, spread(cost["ours"]), spread(cheaper)])
        say(f"{name}, {threads}: {statistics.median(faster):.2f} times the photos of the quicker peer")
    return rows


if __name__ == "__main__":
    main()
