#!/usr/bin/env python3
"""Trains the guide's vocabulary with sentencepiece on its own questions and answers.

Only the trained questions are read, never the held-out ones.
llama.cpp normalises nothing, so neither does this vocabulary: identity normalisation,
a space in front of the text, byte fallback for what the data does not contain.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import sentencepiece

import dataset

PRINTABLE_ASCII = "".join(map(chr, range(33, 127)))


def corpus(entries: list[dataset.Entry]) -> list[str]:
    """Answers count more than questions; the fixed words of the prompt become single pieces."""
    lines = [dataset.SYSTEM] * 60 + ["USER: ASSISTANT:"] * 400
    for entry in entries:
        lines += [entry.answer] * 4
        for question in entry.trained:
            lines += [question, question.lower()]
    return lines


def train(lines: list[str], prefix: Path, vocab_size: int) -> Path:
    """Writes prefix.model and prefix.vocab, and returns the former."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(prefix),
        model_type="bpe",
        vocab_size=vocab_size,
        character_coverage=1.0,
        required_chars=PRINTABLE_ASCII,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        split_digits=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    return prefix.with_suffix(".model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("target/guide"), help="folder for the results")
    parser.add_argument("--vocab-size", type=int, default=3200)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    model = train(corpus(dataset.load()), args.work / "tokenizer", args.vocab_size)
    print(f"wrote {model}")


if __name__ == "__main__":
    main()
