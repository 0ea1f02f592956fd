#!/usr/bin/env python3
"""Writes a checkpoint and its vocabulary as a GGUF file: matrices in q8_0, norms in f32.

Needs PyTorch, sentencepiece and the package gguf.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import sentencepiece
import torch

from model import Shape

Q8_0 = gguf.GGMLQuantizationType.Q8_0
DEFAULT_OUT = Path(__file__).parent.parent / "guide.gguf"


def write_metadata(writer: gguf.GGUFWriter, shape: Shape, parameters: int) -> None:
    writer.add_name("modelhost guide")
    writer.add_basename("guide")
    writer.add_size_label(f"{parameters / 1e6:.1f}M")
    writer.add_description("A demo chat model that answers questions about modelhost")
    writer.add_license("Apache-2.0")
    writer.add_languages(["en", "zh"])
    writer.add_tags(["chat", "modelhost", "demo"])
    # No chat template: the prompt format is the family plugin's, which recognises this key.
    writer.add_string("modelhost.family", "vicuna")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocab)


def write_vocabulary(writer: gguf.GGUFWriter, spm: sentencepiece.SentencePieceProcessor) -> None:
    def kind(token: int) -> gguf.TokenType:
        if spm.is_unknown(token):
            return gguf.TokenType.UNKNOWN
        if spm.is_control(token):
            return gguf.TokenType.CONTROL
        return gguf.TokenType.BYTE if spm.is_byte(token) else gguf.TokenType.NORMAL

    tokens = range(spm.vocab_size())
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([spm.id_to_piece(t) for t in tokens])
    writer.add_token_scores([spm.get_score(t) for t in tokens])
    writer.add_token_types([kind(t) for t in tokens])
    writer.add_unk_token_id(spm.unk_id())
    writer.add_bos_token_id(spm.bos_id())
    writer.add_eos_token_id(spm.eos_id())
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(True)


def export(checkpoint: Path, tokenizer: Path, out: Path) -> None:
    state = torch.load(checkpoint, map_location="cpu")
    shape, tensors = Shape(**state["shape"]), state["net"]
    writer = gguf.GGUFWriter(str(out), "llama")
    write_metadata(writer, shape, sum(t.numel() for t in tensors.values()))
    write_vocabulary(writer, sentencepiece.SentencePieceProcessor(model_file=str(tokenizer)))
    for name, tensor in tensors.items():  # the network's names are GGUF's names
        values = tensor.float().numpy()
        if values.ndim > 1:
            writer.add_tensor(name, gguf.quants.quantize(values, Q8_0), raw_dtype=Q8_0)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"wrote {out}: {out.stat().st_size} bytes, step {state['step']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("target/guide"), help="folder of tokenizer and checkpoint")
    parser.add_argument("--name", default="guide", help="name of the checkpoint, NAME.pt")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    args = parser.parse_args()
    export(args.work / f"{args.name}.pt", args.work / "tokenizer.model", args.out)


if __name__ == "__main__":
    main()
