#!/usr/bin/env python3
"""The peer of the text pipeline: RapidOCR as it comes, on the same model files as ours.

usage: rapidocr_peer.py v6|v4 DETECTION ANGLE RECOGNITION THREADS ROUNDS FILE...

One picture after the other, THREADS threads in ONNX Runtime and OpenCV. Prints JSON lines like the example `read`
(crates/ocr/examples/read.rs): the lines of each picture in the first round, then a summary with the versions.
"""

import importlib.metadata
import json
import os
import platform
import sys
import time

threads = sys.argv[5]
# Before the libraries load.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = threads

import cv2  # noqa: E402
import onnxruntime  # noqa: E402
import rapidocr  # noqa: E402
from rapidocr.utils.typings import OCRVersion  # noqa: E402


def reader(version, detection, angle, recognition, threads):
    settings = {
        "Det.model_path": detection,
        "Cls.model_path": angle,
        "Rec.model_path": recognition,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "Global.log_level": "error",
    }
    if version == "v4":
        settings |= {"Det.ocr_version": OCRVersion.PPOCRV4, "Rec.ocr_version": OCRVersion.PPOCRV4}
    return rapidocr.RapidOCR(params=settings)


def main():
    version, detection, angle, recognition, threads, rounds = sys.argv[1:7]
    files = sys.argv[7:]
    cv2.setNumThreads(int(threads))
    engine = reader(version, detection, angle, recognition, int(threads))
    engine(files[0])
    clock, busy = time.perf_counter(), time.process_time()
    for turn in range(int(rounds)):
        for file in files:
            begun = time.perf_counter()
            answer = engine(file)
            seconds = time.perf_counter() - begun
            if turn == 0:
                found = zip(answer.boxes, answer.txts, answer.scores, strict=True) if answer.boxes is not None else []
                lines = [{"text": text, "score": float(score), "box": box.tolist()} for box, text, score in found]
                print(json.dumps({"file": file, "seconds": seconds, "lines": lines}))
    summary = {
        "images": len(files) * int(rounds),
        "seconds": time.perf_counter() - clock,
        "cpu_seconds": time.process_time() - busy,
        "versions": {
            "Python": platform.python_version(),
            "rapidocr": importlib.metadata.version("rapidocr"),
            "onnxruntime": onnxruntime.__version__,
            "OpenCV": cv2.__version__,
        },
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
