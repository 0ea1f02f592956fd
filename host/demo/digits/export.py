#!/usr/bin/env python3
"""Writes a checkpoint as a whisper.cpp model file: matrices quantized, the rest in f16 or f32."""

from __future__ import annotations

import argparse
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from features import BANDS, FILTERS, WINDOW
from model import AUDIO_POSITIONS, TEXT_POSITIONS, Network, Shape
from vocabulary import ROW_IDS, TEXTS, VOCABULARY_SIZE

MAGIC = 0x67676D6C
BLOCK = 32  # values that share a scale
# Name: (the header's file type, ggml's tensor type); blocks are written as in ggml's version 2.
TYPES = {"f32": (0, 0), "f16": (1, 1), "q5_0": (2008, 6), "q8_0": (2007, 8)}
# Ids of text that every reader expects to find; those that are not used have no text.
TEXT_IDS = 50_256
DEFAULT_OUT = Path(__file__).parent.parent / "digits.bin"


def _round(values: np.ndarray) -> np.ndarray:
    """C's roundf: halves away from zero."""
    return np.trunc(values + np.copysign(0.5, values))


def _divide(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Zero where the divisor is."""
    return np.divide(values, by, out=np.zeros_like(values), where=by != 0)


def _q8_0(blocks: np.ndarray) -> bytes:
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    values = _round(_divide(blocks, np.broadcast_to(scale, blocks.shape))).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), values.view(np.uint8)], 1).tobytes()


def _q5_0(blocks: np.ndarray) -> bytes:
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    scale = largest / -16
    scaled = _divide(blocks, np.broadcast_to(scale, blocks.shape))
    values = np.clip(np.trunc(scaled + 16.5), 0, 31).astype(np.uint8)
    low = (values[:, : BLOCK // 2] & 15) | ((values[:, BLOCK // 2 :] & 15) << 4)
    high = np.packbits(values >> 4, axis=1, bitorder="little")
    return np.concatenate([scale.astype(np.float16).view(np.uint8), high, low], 1).tobytes()


def encode(values: np.ndarray, kind: str) -> bytes:
    """The bytes of a tensor as ggml quantizes it."""
    if kind == "f32":
        return values.astype(np.float32).tobytes()
    if kind == "f16":
        return values.astype(np.float16).tobytes()
    blocks = np.ascontiguousarray(values, np.float32).reshape(-1, BLOCK)
    return (_q8_0 if kind == "q8_0" else _q5_0)(blocks)


def write_tensor(file: BinaryIO, name: str, values: np.ndarray, kind: str) -> None:
    label = name.encode()
    file.write(struct.pack("<3i", values.ndim, len(label), TYPES[kind][1]))
    file.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)))
    file.write(label)
    file.write(encode(values, kind))


def write_header(file: BinaryIO, shape: Shape, kind: str) -> None:
    audio = (AUDIO_POSITIONS, shape.width, shape.heads, shape.encoder_layers)
    text = (TEXT_POSITIONS, shape.width, shape.heads, shape.decoder_layers)
    file.write(struct.pack("<I11i", MAGIC, VOCABULARY_SIZE, *audio, *text, BANDS, TYPES[kind][0]))
    file.write(struct.pack("<2i", BANDS, WINDOW // 2 + 1))
    file.write(FILTERS.tobytes())
    file.write(struct.pack("<i", TEXT_IDS))
    for text_bytes in (text.encode() for text in TEXTS):
        file.write(struct.pack("<I", len(text_bytes)) + text_bytes)
    file.write(bytes(4 * (TEXT_IDS - len(TEXTS))))


def token_table(network: Network) -> np.ndarray:
    """The used rows at their ids; all other ids share one vector."""
    rows = network.decoder.table().detach().numpy()
    table = np.tile(rows[-1], (VOCABULARY_SIZE, 1))
    table[ROW_IDS] = rows[:-1]
    return table


def tensors(network: Network, kind: str) -> list[tuple[str, np.ndarray, str]]:
    """Every tensor of the file: its name, values and type."""
    own_rows = {"rows", "unused", "waves", "time.weight", "time.bias", "begin_of_window", "end_of_window"}
    listed = [("decoder.token_embedding.weight", token_table(network), kind)]
    for name, tensor in network.state_dict().items():
        values = tensor.numpy()
        if name.removeprefix("decoder.") in own_rows:
            continue
        if name.startswith("encoder.conv"):
            is_weight = name.endswith("weight")
            half = "f32" if kind == "f32" else "f16"
            listed.append((name, values if is_weight else values[:, None], half if is_weight else "f32"))
        else:
            is_matrix = values.ndim == 2 and not name.endswith("positional_embedding")
            listed.append((name, values, kind if is_matrix else "f32"))
    return listed


def export(checkpoint: Path, out: Path, kind: str) -> None:
    """Writes `out` from a checkpoint of train.py."""
    state = torch.load(checkpoint, map_location="cpu")
    shape = Shape(**state["shape"])
    network = Network(shape)
    network.load_state_dict(state["network"])
    with out.open("wb") as file:
        write_header(file, shape, kind)
        for tensor in tensors(network, kind):
            write_tensor(file, *tensor)
    print(f"wrote {out}: {kind}, {out.stat().st_size} bytes, step {state['step']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("target/digits"), help="folder of the checkpoint")
    parser.add_argument("--name", default="digits", help="name of the checkpoint, NAME.pt")
    parser.add_argument("--type", choices=sorted(TYPES), default="q8_0")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    args = parser.parse_args()
    export(args.work / f"{args.name}.pt", args.out, args.type)


if __name__ == "__main__":
    main()
