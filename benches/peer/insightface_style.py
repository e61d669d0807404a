#!/usr/bin/env python3
"""The peer: the face pipeline as it is usually written in Python, on the same model files as ours.

Decode (cv2) -> letterbox -> YuNet -> similarity transform on five landmarks (cv2.warpAffine) -> MiniFASNet
pair and suri -> EdgeFace. One process per caller, each with its own sessions, one thread a session, as
InsightFace-style services are run on a CPU.

usage: insightface_style.py FILE CALLERS FRAMES square|tight YUNET MINIFASNET_2.7 MINIFASNET_4.0 SURI EDGEFACE

`square` letterboxes into 640 x 640, as the InsightFace detectors do; `tight` pads to the next multiple of 128
only, as we do. Prints one JSON object like `frame run` (crates/face/examples/frame.rs), with the versions.
"""

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

SIZE = 640
WARM_UP = 20
MIN_SCORE, NMS_IOU = 0.6, 0.3
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    made = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = made.get_inputs()[0].name
    return lambda blob: made.run(None, {name: blob})


def overlap(box, boxes):
    """Intersection over union of one box with many, as corners."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    return shared / (np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared)


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def umeyama(source, target):
    """The similarity transform that carries `source` onto `target` with the least squares (Umeyama, 1991)."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred, goal = source - source_mean, target - target_mean
    u, spread, vt = np.linalg.svd(goal.T @ centred / len(source))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(sign) @ vt
    scale = (spread * sign).sum() / centred.var(axis=0).sum()
    shift = target_mean - scale * rotation @ source_mean
    return np.hstack([scale * rotation, shift[:, None]])


class Pipeline:
    """Loaded sessions of one process."""

    def __init__(self, canvas, yunet, fas27, fas40, suri, edgeface):
        cv2.setNumThreads(1)
        self.canvas = canvas
        self.yunet, self.suri, self.edgeface = session(yunet), session(suri), session(edgeface)
        self.fas = [(session(fas27), 2.7), (session(fas40), 4.0)]

    def detect(self, image):
        """Box as x, y, w, h and five landmarks of the largest face."""
        height, width = image.shape[:2]
        scale = min(SIZE / max(height, width), 1.0)
        if scale < 1.0:
            image = cv2.resize(image, (round(width * scale), round(height * scale)))
        rows, columns = (SIZE, SIZE) if self.canvas == "square" else (-(-side // 128) * 128 for side in image.shape[:2])
        canvas = np.zeros((rows, columns, 3), dtype=np.uint8)
        canvas[: image.shape[0], : image.shape[1]] = image
        out = self.yunet(cv2.dnn.blobFromImage(canvas, 1.0, (columns, rows)))
        boxes, scores, points = [], [], []
        for i, stride in enumerate((8, 16, 32)):
            cells = columns // stride
            score = np.sqrt(np.clip(out[i], 0, 1) * np.clip(out[3 + i], 0, 1)).reshape(-1)
            keep = np.flatnonzero(score >= MIN_SCORE)
            at = np.stack([keep % cells, keep // cells], axis=1)
            box = out[6 + i].reshape(-1, 4)[keep]
            middle, extent = (at + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
            boxes.append(np.hstack([middle - extent / 2, middle + extent / 2]))
            points.append((out[9 + i].reshape(-1, 5, 2)[keep] + at[:, None]) * stride)
            scores.append(score[keep])
        boxes, scores, points = np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)
        order, kept = np.argsort(-scores), []
        while len(order):
            best, order = order[0], order[1:]
            kept.append(best)
            order = order[overlap(boxes[best], boxes[order]) <= NMS_IOU]
        if not kept:
            return None
        largest = max(kept, key=lambda k: np.prod(boxes[k, 2:] - boxes[k, :2]))
        box = boxes[largest] / scale
        return np.concatenate([box[:2], box[2:] - box[:2]]), points[largest] / scale

    @staticmethod
    def fas_crop(image, box, scale):
        """The crop of Silent-Face-Anti-Spoofing: scaled about the centre, shifted inside the picture."""
        height, width = image.shape[:2]
        x, y, w, h = box
        scale = min((height - 1) / h, (width - 1) / w, scale)
        corners = []
        for middle, extent, limit in ((x + w / 2, w * scale, width), (y + h / 2, h * scale, height)):
            low, high = middle - extent / 2, middle + extent / 2
            if low < 0:
                low, high = 0, high - low
            if high > limit - 1:
                low, high = low - (high - limit + 1), limit - 1
            corners.append((int(low), int(high)))
        (left, right), (top, bottom) = corners
        return cv2.resize(image[top : bottom + 1, left : right + 1], (80, 80))

    @staticmethod
    def suri_crop(image, box):
        """A square of 1.5 times the longest side about the face, mirrored beyond the edge (face-antispoof-onnx)."""
        height, width = image.shape[:2]
        x, y, w, h = box
        side = round(max(w, h) * 1.5)
        left, top = round(x + w / 2) - side // 2, round(y + h / 2) - side // 2
        right, bottom = left + side, top + side
        crop = image[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
        edges = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
        if any(edges):
            crop = cv2.copyMakeBorder(crop, *edges, cv2.BORDER_REFLECT_101)
        return cv2.resize(crop, (128, 128), interpolation=cv2.INTER_LANCZOS4 if side < 128 else cv2.INTER_AREA)

    def look(self, encoded):
        """From JPEG bytes to box, liveness score and embedding of the largest face."""
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        face = self.detect(image)
        if face is None:
            return None
        box, landmarks = face
        chip = cv2.warpAffine(image, umeyama(landmarks, TEMPLATE), (112, 112), borderValue=0.0)
        pair = []
        for run, scale in self.fas:
            blob = cv2.dnn.blobFromImage(self.fas_crop(image, box, scale))
            pair.append(softmax(run(blob)[0][0])[1])
        blob = cv2.dnn.blobFromImage(self.suri_crop(image, box), 1.0 / 255.0, swapRB=True)
        liveness = (np.mean(pair) + softmax(self.suri(blob)[0][0])[0]) / 2
        vector = self.edgeface(cv2.dnn.blobFromImage(chip, swapRB=True))[0][0]
        return box, liveness, vector / np.linalg.norm(vector)


def work(arguments, encoded, start, taken, frames, answers):
    """One process: loads, warms up, then takes frames until there are none left."""
    pipeline = Pipeline(*arguments)
    for _ in range(WARM_UP):
        first = pipeline.look(encoded)
    milliseconds = []
    start.wait()
    begun, busy = time.monotonic(), time.process_time()
    while True:
        with taken.get_lock():
            if taken.value >= frames:
                break
            taken.value += 1
        since = time.monotonic()
        pipeline.look(encoded)
        milliseconds.append((time.monotonic() - since) * 1e3)
    answers.put((begun, time.monotonic(), time.process_time() - busy, milliseconds, first))


def main():
    if len(sys.argv) != 10 or sys.argv[4] not in ("square", "tight"):
        sys.exit(__doc__)
    file, callers, frames = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    encoded = np.fromfile(file, dtype=np.uint8)
    spawn = multiprocessing.get_context("spawn")
    start, taken, answers = spawn.Barrier(callers), spawn.Value("q", 0), spawn.Queue()
    workers = [
        spawn.Process(target=work, args=(sys.argv[4:], encoded, start, taken, frames, answers), daemon=True)
        for _ in range(callers)
    ]
    for worker in workers:
        worker.start()
    done = [answers.get(timeout=600) for _ in workers]
    for worker in workers:
        worker.join()
    first = done[0][4]
    if first is None:
        sys.exit("there is no face on the picture")
    box, liveness, vector = first
    print(
        json.dumps(
            {
                "box": [float(v) for v in box],
                "liveness": float(liveness),
                "embedding": [float(v) for v in vector],
                "seconds": max(answer[1] for answer in done) - min(answer[0] for answer in done),
                "cpu_seconds": sum(answer[2] for answer in done),
                "milliseconds": [ms for answer in done for ms in answer[3]],
                "versions": {
                    "Python": platform.python_version(),
                    "onnxruntime": onnxruntime.__version__,
                    "OpenCV": cv2.__version__,
                    "NumPy": np.__version__,
                },
            }
        )
    )


if __name__ == "__main__":
    main()
