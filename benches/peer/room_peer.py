#!/usr/bin/env python3
"""The peer of the room pipeline: what is usually written in Python, on the same model files as ours.

usage: room_peer.py pillow|opencv EMBEDDER SIDE HEAD DETECTOR|- THREADS ROUNDS FILE...

Decode -> squash to SIDE x SIDE -> EfficientNet-Lite0 -> mean of the map, unit length -> logistic head with its calibration
-> with a detector, letterbox to 416 -> YOLOX-nano -> class-wise suppression. One process per thread, each with its own
sessions of one thread, as such services are run on a CPU. `pillow` decodes and resizes as torchvision does; `opencv` does
both in OpenCV, which is quicker and not quite the same picture. Prints JSON lines like the example `rooms`
(crates/room/examples/rooms.rs): what was read in the first round, then a summary with the versions.
"""

import base64
import json
import multiprocessing
import os
import platform
import sys
import time

# Before the libraries load: one thread each.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import PIL  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402

SQUARE = 416
MIN_SCORE, OVERLAP = 0.25, 0.45


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    made = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = made.get_inputs()[0].name
    return lambda blob: made.run(None, {name: blob})


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Pipeline:
    """Loaded sessions of one process."""

    def __init__(self, kind, embedder, side, head, detector):
        cv2.setNumThreads(1)
        self.kind, self.side = kind, int(side)
        self.embedder = session(embedder)
        self.detector = None if detector == "-" else session(detector)
        with open(head, encoding="utf-8") as file:
            labels = json.load(file)["labels"]
        self.labels = [label["label"] for label in labels]
        self.weights = np.stack([np.frombuffer(base64.b64decode(label["weights"]), dtype="<f4") for label in labels])
        self.bias, self.slope, self.intercept = (
            np.array(values)
            for values in zip(
                *((v["bias"], v["calibration"]["slope"], v["calibration"]["intercept"]) for v in labels), strict=True
            )
        )
        lines = [np.mgrid[: SQUARE // s, : SQUARE // s][::-1].reshape(2, -1).T for s in (8, 16, 32)]
        self.cells = np.concatenate(lines).astype(np.float32)
        self.strides = np.concatenate([np.full((len(line), 1), s) for line, s in zip(lines, (8, 16, 32), strict=True)])

    def decode(self, file):
        """The picture and its square, RGB."""
        if self.kind == "pillow":
            picture = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
            square = np.asarray(picture.resize((self.side, self.side), Image.Resampling.BICUBIC))
            return np.asarray(picture), square
        picture = cv2.cvtColor(cv2.imread(file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        return picture, cv2.resize(picture, (self.side, self.side), interpolation=cv2.INTER_AREA)

    def objects(self, picture):
        """Kind, score and box x, y, w, h of each object."""
        height, width = picture.shape[:2]
        scale = min(SQUARE / height, SQUARE / width)
        small = cv2.resize(picture, (int(width * scale), int(height * scale)), interpolation=cv2.INTER_LINEAR)
        canvas = np.full((SQUARE, SQUARE, 3), 114, dtype=np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small[:, :, ::-1]
        rows = self.detector(canvas.transpose(2, 0, 1)[None].astype(np.float32))[0][0]
        scores = rows[:, 4:5] * rows[:, 5:]
        kinds, best = scores.argmax(axis=1), scores.max(axis=1)
        keep = best >= MIN_SCORE
        middle = (rows[keep, :2] + self.cells[keep]) * self.strides[keep] / scale
        extent = np.exp(rows[keep, 2:4]) * self.strides[keep] / scale
        boxes, kinds, best = np.hstack([middle - extent / 2, extent]), kinds[keep], best[keep]
        found = []
        for kind in np.unique(kinds):
            at = np.flatnonzero(kinds == kind)
            for i in np.array(cv2.dnn.NMSBoxes(boxes[at].tolist(), best[at].tolist(), MIN_SCORE, OVERLAP)).ravel():
                found.append([int(kind), float(best[at[i]]), *boxes[at[i]].tolist()])
        return found

    def read(self, file):
        picture, square = self.decode(file)
        blob = (square.astype(np.float32).transpose(2, 0, 1)[None] - 127) / 128
        embedding = self.embedder(blob)[0][0].mean(axis=(1, 2))
        embedding /= np.linalg.norm(embedding)
        logits = self.slope * (self.weights @ embedding + self.bias) + self.intercept
        probabilities = dict(zip(self.labels, (1 / (1 + np.exp(-logits))).tolist(), strict=True))
        return embedding, probabilities, self.objects(picture) if self.detector else []


def worker(arguments, files, rounds, first, ready, go, answers):
    pipeline = Pipeline(*arguments)
    pipeline.read(files[0])
    ready.put(None)
    go.wait()
    busy = time.process_time()
    for turn in range(rounds):
        for number, file in enumerate(files):
            embedding, probabilities, objects = pipeline.read(file)
            if turn == 0:
                line = {"file": file, "embedding": embedding.tolist(), "probabilities": probabilities, "objects": objects}
                answers.put((first + number, line))
    answers.put((None, time.process_time() - busy))


def main():
    *arguments, threads, rounds = sys.argv[1:8]
    files, threads, rounds = sys.argv[8:], int(threads), int(rounds)
    context = multiprocessing.get_context("spawn")
    ready, answers, go = context.Queue(), context.Queue(), context.Event()
    # Every process takes its share of the files, as evenly as can be.
    shares = [files[i::threads] or files[:1] for i in range(threads)]
    workers = [
        context.Process(target=worker, args=(arguments, share, rounds, i * len(files), ready, go, answers))
        for i, share in enumerate(shares)
    ]
    for process in workers:
        process.start()
    for _ in workers:
        ready.get()
    clock = time.perf_counter()
    go.set()
    lines, busy, ended = [], 0.0, 0
    while ended < threads:
        number, answer = answers.get()
        if number is None:
            busy, ended = busy + answer, ended + 1
        else:
            lines.append(answer)
    seconds = time.perf_counter() - clock
    for process in workers:
        process.join()
    for line in lines:
        print(json.dumps(line))
    versions = {
        "Python": platform.python_version(),
        "numpy": np.__version__,
        "Pillow": PIL.__version__,
        "onnxruntime": onnxruntime.__version__,
        "OpenCV": cv2.__version__,
    }
    images = sum(len(share) for share in shares) * rounds
    print(json.dumps({"images": images, "seconds": seconds, "cpu_seconds": busy, "versions": versions}))


if __name__ == "__main__":
    main()
