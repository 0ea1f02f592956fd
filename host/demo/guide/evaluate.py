#!/usr/bin/env python3
"""Measures how many questions of the data the guide answers right, greedily.

Against a running host (standard library only):
    evaluate.py --endpoint http://127.0.0.1:9997 --model guide
Against any server of the completions interface, such as stock llama.cpp's:
    evaluate.py --endpoint http://127.0.0.1:8080 --model guide --raw
Against the file, computed with PyTorch from its dequantized weights (needs torch and gguf):
    evaluate.py --gguf host/demo/guide.gguf
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dataset

Answerer = Callable[[list["Case"]], list[str]]
ANSWER_LIMIT = 96


@dataclass(frozen=True)
class Case:
    group: str
    topic: str
    question: str
    expected: str
    history: tuple[tuple[str, str], ...] = ()


def cases(entries: list[dataset.Entry], sets: set[str], turns: int) -> list[Case]:
    """Groups: trained, dev, test or rough, on topic or off topic, by language; after so many earlier turns."""
    found = []
    rng = random.Random(0)

    def history() -> tuple[tuple[str, str], ...]:
        earlier = rng.sample(entries, turns)
        return tuple((rng.choice(e.trained), e.answer) for e in earlier)

    for entry in entries:
        about = "off-topic" if entry.topic == dataset.OFF_TOPIC else "topics"
        for name in dataset.MARKS.values():
            if name in sets:
                group = f"{name} {about} {entry.language}"
                found += [Case(group, entry.topic, q, entry.answer, history()) for q in getattr(entry, name)]
    return found


def rest_answerer(endpoint: str, model: str, raw: bool, parallel: int) -> Answerer:
    """Asks over HTTP: /v1/chat/completions, or /v1/completions with the finished prompt."""

    def ask(case: Case) -> str:
        body: dict = {"model": model, "temperature": 0, "max_tokens": ANSWER_LIMIT}
        if raw:
            body["prompt"] = "</s>".join(dataset.prompt_parts(case.question, case.history))
        else:
            turns = [*sum(case.history, ()), case.question]
            body["messages"] = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns)]
        request = urllib.request.Request(
            endpoint.rstrip("/") + ("/v1/completions" if raw else "/v1/chat/completions"),
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as reply:
            choice = json.load(reply)["choices"][0]
        return choice["text"] if raw else choice["message"]["content"]

    def answer(asked: list[Case]) -> list[str]:
        with ThreadPoolExecutor(parallel) as pool:
            return list(pool.map(ask, asked))

    return answer


def gguf_answerer(path: Path) -> Answerer:
    """Computes the answers from the file itself, with the quantized weights as they are in it."""
    import gguf
    import torch

    from model import Guide, Shape
    from vocabulary import Vocabulary

    torch.set_num_threads(1)
    reader = gguf.GGUFReader(str(path))

    def value(key: str):
        return reader.fields[key].contents()

    vocabulary = Vocabulary(*(value(f"tokenizer.ggml.{k}") for k in ("tokens", "scores", "token_type")))
    net = Guide(
        Shape(
            vocab=len(vocabulary.pieces),
            width=value("llama.embedding_length"),
            layers=value("llama.block_count"),
            heads=value("llama.attention.head_count"),
            feed_forward=value("llama.feed_forward_length"),
            context=value("llama.context_length"),
            rope_base=value("llama.rope.freq_base"),
            norm_epsilon=value("llama.attention.layer_norm_rms_epsilon"),
        )
    )
    net.load_state_dict({t.name: torch.from_numpy(gguf.quants.dequantize(t.data, t.tensor_type).copy()) for t in reader.tensors})
    net.eval()
    bos, eos = value("tokenizer.ggml.bos_token_id"), value("tokenizer.ggml.eos_token_id")

    def tokens(case: Case) -> list[int]:
        parts = [vocabulary.encode(p) for p in dataset.prompt_parts(case.question, case.history)]
        return [bos] + [t for i, part in enumerate(parts) for t in ([eos] if i else []) + part]

    def answer(asked: list[Case]) -> list[str]:
        prompts = {case: tokens(case) for case in asked}
        ordered = sorted(prompts, key=lambda case: len(prompts[case]))
        answers: dict[Case, str] = {}
        for start in range(0, len(ordered), 64):
            batch = ordered[start : start + 64]
            outputs = net.greedy([prompts[case] for case in batch], eos, ANSWER_LIMIT)
            answers.update((case, vocabulary.decode(o)) for case, o in zip(batch, outputs))
        return [answers[case] for case in asked]

    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--endpoint", help="base URL of a running host, without /v1")
    where.add_argument("--gguf", type=Path, help="the model file")
    parser.add_argument("--model", default="guide", help="model uid")
    parser.add_argument("--raw", action="store_true", help="send the finished prompt to /v1/completions")
    parser.add_argument("--parallel", type=int, default=4, help="requests at a time")
    parser.add_argument("--sets", default="test,rough,dev,trained", help="some of test, rough, dev and trained, with commas")
    parser.add_argument("--turns", type=int, default=0, help="earlier turns of the conversation, drawn with a fixed seed")
    parser.add_argument("--sample", type=int, help="only so many questions, drawn with a fixed seed")
    parser.add_argument("--show-wrong", action="store_true", help="print every wrong answer")
    parser.add_argument("--ask", action="append", help="print the answer to this question instead; may be repeated")
    args = parser.parse_args()

    if args.gguf:
        answerer = gguf_answerer(args.gguf)
    else:
        answerer = rest_answerer(args.endpoint, args.model, args.raw, args.parallel)
    if args.ask:
        for question, text in zip(args.ask, answerer([Case("", "", q, "") for q in args.ask])):
            print(f"{question}\n  {text.strip()}")
        return

    asked = cases(dataset.load(), set(args.sets.split(",")), args.turns)
    if args.sample and args.sample < len(asked):
        asked = random.Random(0).sample(asked, args.sample)
    results: dict[str, list[bool]] = {}
    longest = ""
    for case, text in zip(asked, answerer(asked)):
        right = dataset.is_right(text, case.expected)
        longest = max(longest, text, key=len)
        for group in (case.group, f"{case.group.split(' ', 1)[0]} all"):
            results.setdefault(group, []).append(right)
        if args.show_wrong and not right:
            print(f"[{case.group}] {case.topic}: {case.question}\n    {text.strip()}")
    for group in sorted(results):
        hits = results[group]
        print(f"{group:26} {sum(hits):5} of {len(hits):5}  {100 * sum(hits) / len(hits):6.2f} %")
    print(f"longest answer: {len(longest)} characters")


if __name__ == "__main__":
    try:
        main()
    except urllib.error.HTTPError as error:
        sys.exit(f"the server answered {error.code}: {error.read().decode(errors='replace')[:500]}")
    except urllib.error.URLError as error:
        sys.exit(f"no connection: {error.reason}")
