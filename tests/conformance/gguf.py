"""Writes the smallest GGUF file that the host accepts.

The fake engine needs no weights, but a model is a file all the same: the host reads its header, and
families recognise it by what the header says.
"""

import struct
from pathlib import Path

U32, F32, STRING, ARRAY, I32 = 4, 6, 8, 9, 5
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
ALIGNMENT = 32


def _text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _scalar(kind, value):
    if kind == STRING:
        return _text(value)
    return struct.pack({U32: "<I", F32: "<f", I32: "<i"}[kind], value)


def _entry(key, kind, value, element=None):
    head = _text(key) + struct.pack("<I", kind)
    if kind != ARRAY:
        return head + _scalar(kind, value)
    body = b"".join(_scalar(element, item) for item in value)
    return head + struct.pack("<IQ", element, len(value)) + body


def write(path: Path, name, architecture="llama", control=(), context_length=8192):
    """A model of one tiny tensor, whose vocabulary is bytes, `<s>`, `</s>` and `control`."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    tokens += [("▁", NORMAL)] + [(text, CONTROL) for text in control]
    width = 32
    entries = [
        _entry("general.architecture", STRING, architecture),
        _entry("general.name", STRING, name),
        _entry("general.file_type", U32, 0),
        _entry(f"{architecture}.context_length", U32, context_length),
        _entry(f"{architecture}.embedding_length", U32, width),
        _entry(f"{architecture}.block_count", U32, 1),
        _entry(f"{architecture}.feed_forward_length", U32, width),
        _entry(f"{architecture}.attention.head_count", U32, 1),
        _entry(f"{architecture}.attention.head_count_kv", U32, 1),
        _entry(f"{architecture}.attention.layer_norm_rms_epsilon", F32, 1e-5),
        _entry("tokenizer.ggml.model", STRING, "llama"),
        _entry("tokenizer.ggml.tokens", ARRAY, [text for text, _ in tokens], STRING),
        _entry("tokenizer.ggml.scores", ARRAY, [0.0 for _ in tokens], F32),
        _entry("tokenizer.ggml.token_type", ARRAY, [kind for _, kind in tokens], I32),
        _entry("tokenizer.ggml.bos_token_id", U32, 1),
        _entry("tokenizer.ggml.eos_token_id", U32, 2),
        _entry("tokenizer.ggml.unknown_token_id", U32, 0),
    ]
    tensor = _text("token_embd.weight") + struct.pack("<IQQIQ", 2, width, len(tokens), 0, 0)
    header = struct.pack("<4sIQQ", b"GGUF", 3, 1, len(entries)) + b"".join(entries) + tensor
    padding = b"\0" * (-len(header) % ALIGNMENT)
    path.write_bytes(header + padding + b"\0" * (4 * width * len(tokens)))
