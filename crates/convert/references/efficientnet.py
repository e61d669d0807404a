#!/usr/bin/env python3
"""Writes efficientnet-lite0.txt beside this file, with numpy alone.

    efficientnet.py efficientnet-lite0-57934424.pth

The layers are computed one after the other as the original defines them (convolution, batch
normalisation with epsilon 1e-3, ReLU6, padding computed from the size of each map), in 64-bit floats and
with nothing folded. The input comes from the generator that src/reference.rs has too.
"""

import collections
import pathlib
import pickle
import struct
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
SHAPE = (2, 3, 64, 64)
# blocks, kernel, stride, expansion, from, to
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


def noise(shape):
    """Whole numbers 0..255: the finaliser of MurmurHash3 over 1, 2, 3, ... times the golden ratio."""
    mask = np.uint64(0xFFFFFFFF)
    h = np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(2654435761) & mask
    h ^= h >> np.uint64(16)
    h = h * np.uint64(0x85EBCA6B) & mask
    h ^= h >> np.uint64(13)
    h = h * np.uint64(0xC2B2AE35) & mask
    h ^= h >> np.uint64(16)
    return (h % np.uint64(256)).astype(np.float64).reshape(shape)


class Reader(pickle.Unpickler):
    """The state dict of torch.save before 1.6: tensors as (storage key, offset, shape, stride)."""

    def __init__(self, file):
        super().__init__(file)
        self.types = {}

    def find_class(self, module, name):
        if name == "_rebuild_tensor_v2":
            return lambda key, offset, shape, stride, *_: (key, offset, shape, stride)
        if name == "OrderedDict":
            return collections.OrderedDict
        if name.endswith("Storage"):
            return {"FloatStorage": "<f4", "LongStorage": "<i8"}[name]
        raise pickle.UnpicklingError(f"{module}.{name}")

    def persistent_load(self, pid):
        self.types[pid[2]] = np.dtype(pid[1])
        return pid[2]


def read(path):
    with open(path, "rb") as file:
        for _ in range(3):
            pickle.load(file)
        reader = Reader(file)
        tensors = reader.load()
        storages = {}
        for key in pickle.load(file):
            (length,) = struct.unpack("<q", file.read(8))
            kind = reader.types[key]
            storages[key] = np.frombuffer(file.read(length * kind.itemsize), kind)
    weights = {}
    for name, (key, offset, shape, stride) in tensors.items():
        data = storages[key][offset:]
        steps = [step * data.itemsize for step in stride]
        weights[name] = np.lib.stride_tricks.as_strided(data, shape, steps).astype(np.float64)
    return weights


def convolution(x, weight, stride):
    kernel = weight.shape[-1]
    rows, columns = (-(-side // stride) for side in x.shape[2:])
    pads = [
        max((out - 1) * stride + kernel - side, 0) for out, side in zip((rows, columns), x.shape[2:])
    ]
    x = np.pad(x, [(0, 0), (0, 0)] + [(pad // 2, pad - pad // 2) for pad in pads])
    total = 0
    for row in range(kernel):
        for column in range(kernel):
            part = x[:, :, row : row + rows * stride : stride, column : column + columns * stride : stride]
            tap = weight[:, :, row, column]
            if weight.shape[1] == 1 and weight.shape[0] == x.shape[1]:
                total = total + part * tap[None, :, 0, None, None]
            else:
                total = total + np.einsum("bchw,oc->bohw", part, tap)
    return total


def features(weights, x):
    def layer(x, name, norm, stride=1):
        x = convolution(x, weights[f"{name}.weight"], stride)
        of = lambda part: weights[f"{norm}.{part}"][None, :, None, None]
        return (x - of("running_mean")) / np.sqrt(of("running_var") + 1e-3) * of("weight") + of("bias")

    relu6 = lambda x: np.clip(x, 0, 6)
    x = relu6(layer(x, "_conv_stem", "_bn0", 2))
    block = 0
    for blocks, _, stride, expansion, _, _ in STAGES:
        for at in range(blocks):
            name = f"_blocks.{block}"
            y = x
            if expansion > 1:
                y = relu6(layer(y, f"{name}._expand_conv", f"{name}._bn0"))
            step = stride if at == 0 else 1
            y = relu6(layer(y, f"{name}._depthwise_conv", f"{name}._bn1", step))
            y = layer(y, f"{name}._project_conv", f"{name}._bn2")
            x = x + y if at > 0 else y
            block += 1
    return relu6(layer(x, "_conv_head", "_bn1"))


if __name__ == "__main__":
    found = features(read(sys.argv[1]), (noise(SHAPE) - 127.5) / 128)
    sides = lambda shape: " ".join(str(side) for side in shape)
    lines = [
        "# efficientnet-lite0: outputs of the original's layers, written by efficientnet.py",
        "tolerance 1e-4",
        f"input centred {sides(SHAPE)}",
        f"output features {sides(found.shape)}",
    ]
    for row in found.reshape(-1, 64):
        lines.append(" ".join(f"{value:.7g}" for value in row))
    (HERE / "efficientnet-lite0.txt").write_text("\n".join(lines) + "\n")
