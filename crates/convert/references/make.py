#!/usr/bin/env python3
"""Writes the reference outputs beside this file by running the original networks.

    make.py FOLDER

FOLDER holds pnet.pt, rnet.pt, onet.pt, mtcnn.py (facenet-pytorch 2.6.0),
dlib_face_recognition_resnet_model_v1.dat (face_recognition_models 0.3.0) and edgeface_xs_q.pt.
Needs torch, timm, numpy and dlib. The inputs come from the generator that
src/reference.rs has too, so only outputs are stored.
"""

import pathlib
import sys
import types

import dlib
import numpy as np
import timm
import torch

HERE = pathlib.Path(__file__).parent


def noise(shape):
    """Whole numbers 0..255: the finaliser of MurmurHash3 over 1, 2, 3, ... times the golden ratio."""
    mask = np.uint64(0xFFFFFFFF)
    h = np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * np.uint64(2654435761) & mask
    h ^= h >> np.uint64(16)
    h = h * np.uint64(0x85EBCA6B) & mask
    h ^= h >> np.uint64(13)
    h = h * np.uint64(0xC2B2AE35) & mask
    h ^= h >> np.uint64(16)
    return (h % np.uint64(256)).astype(np.float32).reshape(shape)


def sides(shape):
    return " ".join(str(side) for side in shape)


def write(name, pixels, tolerance, shape, outputs):
    lines = [f"# {name}: outputs of the original network, written by make.py", f"tolerance {tolerance}"]
    lines.append(f"input {pixels} {sides(shape)}")
    for output, values in outputs.items():
        lines.append(f"output {output} {sides(values.shape)}")
        for row in values.reshape(-1, values.shape[-1]):
            lines.append(" ".join(f"{value:.9g}" for value in row))
    (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n")


def mtcnn(folder):
    source = (folder / "mtcnn.py").read_text()
    source = source.replace("from .utils.detect_face import detect_face, extract_face", "")
    module = types.ModuleType("mtcnn")
    exec(source, module.__dict__)
    for name, net, shape, outputs in (
        ("pnet", module.PNet, (2, 3, 21, 32), ("box", "probability")),
        ("rnet", module.RNet, (2, 3, 24, 24), ("box", "probability")),
        ("onet", module.ONet, (2, 3, 48, 48), ("box", "landmarks", "probability")),
    ):
        net = net(pretrained=False)
        net.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))
        values = net.eval()(torch.from_numpy((noise(shape) - 127.5) / 128))
        found = {key: value.numpy() for key, value in zip(outputs, values)}
        write(f"mtcnn-{name}", "centred", "1e-4", shape, found)


def dlib_resnet(folder):
    net = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))
    shape = (2, 3, 150, 150)
    chips = noise(shape).astype(np.uint8).transpose(0, 2, 3, 1)
    found = [net.compute_face_descriptor(np.ascontiguousarray(chip), 0) for chip in chips]
    write("dlib-face-resnet", "pixels", "1e-4", shape, {"embedding": np.array(found)})


def edgeface(folder):
    weights = {}
    packed = "._packed_params._packed_params"
    for key, value in torch.load(folder / "edgeface_xs_q.pt", weights_only=False).items():
        key = key.removeprefix("model.")
        if key.endswith(packed):
            weights[key.removesuffix(packed) + ".weight"] = value[0].dequantize()
            weights[key.removesuffix(packed) + ".bias"] = value[1].detach()
        elif not key.endswith((".scale", ".zero_point", ".dtype")):
            weights[key] = value
    net = timm.create_model("edgenext_x_small", num_classes=512)
    net.load_state_dict(weights)
    shape = (2, 3, 112, 112)
    found = net.eval()(torch.from_numpy((noise(shape) - 127.5) / 127.5)).numpy()
    write("edgeface-xs", "pixels", "1e-4", shape, {"embedding": found})


if __name__ == "__main__":
    with torch.no_grad():
        mtcnn(pathlib.Path(sys.argv[1]))
        dlib_resnet(pathlib.Path(sys.argv[1]))
        edgeface(pathlib.Path(sys.argv[1]))
