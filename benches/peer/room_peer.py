#!/usr/bin/env python3
"""The peer of the room pipeline: what is usually written in Python, on the same model files as ours.

usage: room_peer.py pillow|opencv EMBEDDER HEAD DETECTOR|- THREADS ROUNDS FILE...

Decode -> squash to 224 x 224 -> EfficientNet-Lite0 -> mean of the map, unit length -> logistic head with its calibration
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

SIDE, SQUARE = 224, 416
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
