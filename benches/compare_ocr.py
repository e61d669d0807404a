#!/usr/bin/env python3
"""The text pipeline beside RapidOCR: same receipts, same model files, same number of threads.

usage: compare_ocr.py INNKEEPER READ PEER_PYTHON DATA

INNKEEPER is the program (it knows where the models are), READ the example of crates/ocr that drives the pipeline,
PEER_PYTHON an interpreter with benches/peer/requirements.txt installed, DATA a folder with `sroie/img`. First both
must read the same; then they are timed in turns, ROUNDS times, on one thread and on as many as there are cores.
Instead of INNKEEPER, a folder with `libonnxruntime.so.*`, `text-angle.onnx` and `{v6,v4}/text-*.onnx` will do.

Environment: BENCH_ROUNDS (3), BENCH_RECEIPTS (all) of them.
"""

import json
import os
import statistics
import sys
from pathlib import Path

from compare import overlap
from report import CORES, ROOT, machine, output_of, say, sha256, spread, table

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
RECEIPTS = int(os.environ.get("BENCH_RECEIPTS", "0"))
PEER = ROOT / "benches/peer/rapidocr_peer.py"
ITEMS = {
    "v6": ("ppocr-v6-det-small", "ppocr-v6-rec-small"),
    "v4": ("ppocr-v4-det", "ppocr-v4-rec"),
}
# Boxes that are one line; lines of the peer that ours must have; edits by characters in lines that both have. Ours pads
# lines less and does not turn a line over that it reads well (crates/ocr/src/text), so some differ.
SAME_BOX, FOUND, EDITS = 0.5, 0.95, 0.05


def model_files(innkeeper):
    """ONNX Runtime's library, and for each version the models for detection, angle and recognition."""
    folder = Path(innkeeper)
    if folder.is_dir():
        angle = folder / "text-angle.onnx"
        pairs = {v: [folder / v / f"text-{task}.onnx" for task in ("detection", "recognition")] for v in ITEMS}
        library = next(folder.glob("libonnxruntime.so.*"))
    else:

        def path(item):
            return Path(output_of(innkeeper, "models", "path", item).strip())

        angle = path("ppocr-angle") / "text-angle.onnx"
        pairs = {
            v: [path(det) / "text-detection.onnx", path(rec) / "text-recognition.onnx"]
            for v, (det, rec) in ITEMS.items()
        }
        library = path("onnxruntime")
    return library, {v: (det, angle, rec) for v, (det, rec) in pairs.items()}


def lines_of(output):
    """Pages by file, and the summary."""
    *pages, summary = [json.loads(line) for line in output.splitlines()]
    return {page["file"]: page["lines"] for page in pages}, summary


def bounds(corners):
    """x, y, w, h of the upright box round four corners."""
    (left, right), (top, bottom) = ((min(v), max(v)) for v in zip(*corners, strict=True))
    return left, top, right - left, bottom - top


def edits(a, b):
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(before + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def agreement(version, ours, peers):
    """Ends the benchmark when the pipelines do not read the same."""
    lines = found = same = letters = wrong = 0
    for file, theirs in peers.items():
        mine = [(bounds(line["box"]), line["text"]) for line in ours[file]]
        lines += len(theirs)
        for line in theirs:
            box = bounds(line["box"])
            shared, text = max(((overlap(box, other), text) for other, text in mine), default=(0, ""))
            if shared >= SAME_BOX:
                found += 1
                same += text == line["text"]
                letters += len(line["text"])
                wrong += edits(text, line["text"])
    say(
        f"agreement with the peer, {version}: {found} of its {lines} lines found, {same / found:.1%} of them letter for "
        f"letter, {wrong / letters:.2%} of their letters differ; ours has {sum(map(len, ours.values()))} lines"
    )
    if found < FOUND * lines or wrong > EDITS * letters:
        sys.exit(f"not the same answer: wanted {FOUND:.0%} found and at most {EDITS:.0%} to differ; nothing was timed")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    innkeeper, read, python, data = sys.argv[1:]
    library, models = model_files(innkeeper)
    receipts = sorted(path for path in (Path(data) / "sroie/img").iterdir() if path.is_file())
    if RECEIPTS:  # spread over the folder
        receipts = receipts[:: max(1, len(receipts) // RECEIPTS)][:RECEIPTS]
    if not receipts:
        sys.exit(f"there are no receipts in {data}/sroie/img")
    machine()
    say(f"receipts  {len(receipts)}, {sum(path.stat().st_size for path in receipts)} bytes")
    for path in dict.fromkeys(path for files in models.values() for path in files):
        say(f"model     {path.parent.name}/{path.name}, sha256 {sha256(path)}")
    rows = []
    for version, files in models.items():

        def ours(threads, files=files):
            return lines_of(output_of(read, library, *files, threads, 1, *receipts))

        def peer(threads, version=version, files=files):
            return lines_of(output_of(python, PEER, version, *files, threads, 1, *receipts))

        rows += compare(version, ours, peer)
    say()
    head = ["models, threads (least / median / largest)", "ours, images/s", "RapidOCR, images/s", "faster by"]
    table([*head, "ours, CPU s/image", "RapidOCR, CPU s/image", "share of its CPU"], rows)


def compare(version, ours, peer):
    rows = []
    for threads in sorted({1, CORES}):
        speed, cost = {"ours": [], "peer": []}, {"ours": [], "peer": []}
        for turn in range(ROUNDS):
            for name, run in (("ours", ours), ("peer", peer)):
                pages, summary = run(threads)
                if turn == 0 and threads == 1:
                    if name == "ours":
                        first = pages
                    else:
                        say("peer      " + ", ".join(f"{k} {v}" for k, v in summary["versions"].items()))
                        agreement(version, first, pages)
                speed[name].append(summary["images"] / summary["seconds"])
                cost[name].append(summary["cpu_seconds"] / summary["images"])
                say(f"{version}, {threads} thread(s), round {turn + 1}: {name}: {speed[name][-1]:.2f} images/s")
        # Within a round, so that a slow moment of the machine does not count for one side only.
        faster = [a / b for a, b in zip(speed["ours"], speed["peer"], strict=True)]
        share = [a / b for a, b in zip(cost["ours"], cost["peer"], strict=True)]
        row = [f"{version}, {threads}", spread(speed["ours"], 2), spread(speed["peer"], 2), spread(faster, 2)]
        rows.append([*row, spread(cost["ours"], 2), spread(cost["peer"], 2), spread(share, 2)])
        say(f"{version}, {threads}: {statistics.median(faster):.2f} times the images, {statistics.median(share):.2f} of the CPU")
    return rows


if __name__ == "__main__":
    main()
