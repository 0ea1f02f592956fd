#!/usr/bin/env python3
"""Trains the guide on its questions and answers. One thread, fixed seed, no GPU.

Needs tokenizer.py's result in the work folder, and PyTorch (Debian: python3-torch libopenblas0-pthread).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

# Big temporaries stay mapped between steps: several times faster on the CPU.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_TOP_PAD_": "268435456"}
if __name__ == "__main__" and "MALLOC_TRIM_THRESHOLD_" not in os.environ:
    os.environ.update(ALLOCATOR, OMP_NUM_THREADS="1")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import sentencepiece
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import augment
import dataset
from model import Guide, Shape

BOS, EOS = 1, 2
IGNORE = -100
ROWS = 64  # a usual number of rows in a batch; batches differ, their samples weigh the same
OTHER_SYSTEMS = [
    "",
    "You are a helpful assistant.",
    "You are a helpful, respectful and honest assistant.",
    "Answer briefly.",
    "You answer questions about modelhost.",
    "你是一个有用的助手。",
    "A chat between a curious human and an artificial intelligence assistant.",
]
SMALL_TALK = {"hello", "thanks", "bye", "acknowledge", "test-message", "praise"}


# The part of the questions that is not varied; more in the last quarter, so that the wordings themselves are known.
UNTOUCHED, UNTOUCHED_AT_LAST = 0.12, 0.4
LAST = 0.75
# How often a sample is a conversation, and how often that has so many earlier turns, from 1 to 8.
CONVERSATIONS = 0.14
EARLIER_TURNS = (3, 3, 3, 4, 2, 2, 1, 2)


@dataclass
class Sample:
    """One turn or several. The lists of one turn follow those of the one before."""

    tokens: list[int]
    targets: list[int]  # the token to come; negative in a question; IGNORE after an answer
    weights: list[float]
    asked_at: list[int]  # index of the last token of each question
    labels: list[int]  # the topics

    def __add__(self, other: Sample) -> Sample:
        return Sample(
            self.tokens + other.tokens,
            self.targets + other.targets,
            self.weights + other.weights,
            self.asked_at + [len(self.tokens) + at for at in other.asked_at],
            self.labels + other.labels,
        )


def question_only(tokens: list[int], label: int) -> Sample:
    """A question without an answer, to name its topic."""
    return Sample(tokens, [IGNORE] * len(tokens), [0.0] * len(tokens), [len(tokens) - 1], [label])


class Sampler:
    """Draws varied conversations; topics with more questions more often, off-topic most."""

    def __init__(self, entries: list[dataset.Entry], spm: sentencepiece.SentencePieceProcessor, seed: int) -> None:
        self.entries, self.spm, self.rng = entries, spm, random.Random(seed)
        usual = sum(len(e.trained) for e in entries) / len(entries)
        self.weights = [self.weight(e, usual) for e in entries]
        self.untouched = UNTOUCHED
        self.answers = [spm.encode(e.answer) + [EOS] for e in entries]

    @staticmethod
    def weight(entry: dataset.Entry, usual: float) -> float:
        base = 1.0 if entry.language == "en" else 0.7
        if entry.topic == dataset.OFF_TOPIC:
            return base * 24
        return base * (0.5 + 0.5 * len(entry.trained) / usual)

    def question(self, entry: dataset.Entry) -> str:
        rng, text = self.rng, self.rng.choice(entry.trained)
        if rng.random() < self.untouched:
            return text
        framed = entry.topic not in SMALL_TALK
        if rng.random() < (0.35 if entry.topic == dataset.OFF_TOPIC else 0.05):
            text = augment.cross(text, rng.choice(entry.trained), rng)
        return augment.vary(text, rng, framed)

    def encode(self, text: str) -> list[int]:
        if self.rng.random() < 0.15:  # other ways to cut words, against rare spellings
            return self.spm.encode(text, enable_sampling=True, alpha=0.1, nbest_size=-1)
        return self.spm.encode(text)

    def turn(self, index: int, whole: bool) -> Sample:
        """One turn. Often only the answer's start, where the choice falls."""
        asked = self.encode(dataset.user_turn(self.question(self.entries[index])))
        answer = self.answers[index]
        if not whole and self.rng.random() < 0.75:
            answer = answer[: self.rng.randint(4, 12)]
        # The question's tokens are predicted, too; their loss gets a small weight (see losses).
        # The first tokens of an answer decide which answer it is: they weigh more.
        weights = [1.0] * (len(asked) - 1) + [1 + 7 * 0.5**place for place in range(len(answer))] + [0.0]
        return Sample(asked + answer, [-t for t in asked[1:]] + answer + [IGNORE], weights, [len(asked) - 1], [index])

    def draw(self) -> Sample:
        """One turn, or a conversation, of which every turn is learnt."""
        index = self.rng.choices(range(len(self.entries)), self.weights)[0]
        if self.rng.random() >= CONVERSATIONS:
            return self.turn(index, whole=self.rng.random() < 0.1)
        count = self.rng.choices(range(1, 9), EARLIER_TURNS)[0]
        earlier = (self.turn(self.rng.randrange(len(self.entries)), whole=True) for _ in range(count))
        return reduce(Sample.__add__, [*earlier, self.turn(index, whole=False)])

    def batches(self, tokens: int) -> Iterator[list[Sample]]:
        """Endless batches of samples of similar length, each of about so many tokens."""
        while True:
            chunks: list[list[Sample]] = [[]]
            for sample in sorted((self.draw() for _ in range(768)), key=lambda s: len(s.tokens)):
                if (len(chunks[-1]) + 1) * len(sample.tokens) > tokens:
                    chunks.append([])
                chunks[-1].append(sample)
            self.rng.shuffle(chunks)
            yield from chunks


@dataclass
class Batch:
    tokens: Tensor  # [rows, length]
    targets: Tensor
    weights: Tensor
    asked_at: tuple[Tensor, Tensor]  # rows and places of the questions' ends
    labels: Tensor  # one for each question


def collate(samples: list[Sample]) -> Batch:
    shape = len(samples), max(len(s.tokens) for s in samples)
    tokens, targets, weights = torch.zeros(shape, dtype=torch.long), torch.full(shape, IGNORE), torch.zeros(shape)
    for row, sample in enumerate(samples):
        tokens[row, : len(sample.tokens)] = torch.tensor(sample.tokens)
        targets[row, : len(sample.targets)] = torch.tensor(sample.targets)
        weights[row, : len(sample.weights)] = torch.tensor(sample.weights)
    rows = torch.tensor([row for row, s in enumerate(samples) for _ in s.asked_at])
    places = torch.tensor([at for s in samples for at in s.asked_at])
    return Batch(tokens, targets, weights, (rows, places), torch.tensor([label for s in samples for label in s.labels]))


def losses(
    net: Guide, topic_head: nn.Linear, prefix: Tensor, gap: int, batch: Batch, question_weight: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Answer loss, question loss (targets are negative there), and the loss of naming the topic.

    The topic head reads the state at the end of the question; it is not part of the model."""
    hidden = net(prefix, batch.tokens, gap)
    wanted = batch.targets != IGNORE if question_weight else batch.targets > 0
    logits, flat = net.logits(hidden[wanted]), batch.targets[wanted]
    each = F.cross_entropy(logits, flat.abs(), reduction="none")
    answer = flat > 0
    answer_loss = (each * batch.weights[wanted])[answer].sum() / ROWS / 8
    question_loss = each[~answer].mean() * question_weight if question_weight else torch.zeros(())
    named = topic_head(hidden[batch.asked_at])
    topic_loss = F.cross_entropy(named, batch.labels, label_smoothing=0.05, reduction="sum") / ROWS
    return answer_loss, question_loss, topic_loss


@torch.no_grad()
def topic_accuracy(net: Guide, head: nn.Linear, prefix: Tensor, spm, entries: list[dataset.Entry]) -> tuple[float, float]:
    """How often the topic head is right on the questions "dev": on topics, and on off-topic ones."""
    net.eval()
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for label, entry in enumerate(entries):
        if not entry.dev:
            continue
        batch = collate([question_only(spm.encode(dataset.user_turn(q)), label) for q in entry.dev])
        best = head(net(prefix, batch.tokens)[batch.asked_at]).argmax(-1)
        hits[entry.topic == dataset.OFF_TOPIC] += (best == label).tolist()
    net.train()
    return tuple(sum(hits[k]) / len(hits[k]) for k in (False, True))


def load_head(head: nn.Linear, state: dict[str, Tensor], known: list[tuple], labels: list[tuple]) -> None:
    """Takes over what a checkpoint knows of the topics that are still there."""
    for row, label in enumerate(labels):
        if label in known:
            head.weight.data[row] = state["weight"][known.index(label)]
            head.bias.data[row] = state["bias"][known.index(label)]


def learning_rate(step: int, args: argparse.Namespace) -> float:
    if step < args.warm_up:
        return args.rate * (step + 1) / args.warm_up
    done = (step - args.warm_up) / max(1, args.steps - args.warm_up)
    return args.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("target/guide"), help="folder of the tokenizer and the checkpoints")
    parser.add_argument("--name", default="guide", help="name of the checkpoint, NAME.pt")
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--warm-up", type=int, default=200)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--feed-forward", type=int, default=512)
    parser.add_argument("--question-weight", type=float, default=0.3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--float32", action="store_true", help="do not use bfloat16 where the CPU has it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=int, default=100, help="steps between two lines of output")
    parser.add_argument("--save", type=int, default=500, help="steps between two checkpoints")
    parser.add_argument("--resume", type=Path, help="checkpoint to go on from")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    spm = sentencepiece.SentencePieceProcessor(model_file=str(args.work / "tokenizer.model"))
    sentencepiece.set_random_generator_seed(args.seed)
    entries = dataset.load()
    shape = Shape(spm.vocab_size(), args.width, args.layers, args.heads, args.feed_forward)
    net = Guide(shape, args.dropout)
    labels = [(e.topic, e.language) for e in entries]
    head = nn.Linear(shape.width, len(labels))
    print(f"{sum(p.numel() for p in net.parameters())} parameters, {len(entries)} entries", flush=True)

    matrices = [p for p in net.parameters() if p.dim() > 1]
    rest = [p for p in net.parameters() if p.dim() == 1] + list(head.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=args.rate, betas=(0.9, 0.98)
    )
    first_step = 0
    if args.resume:
        state = torch.load(args.resume)
        net.load_state_dict(state["net"])
        load_head(head, state["head"], state["labels"], labels)
        # Where topics came or went the optimizer begins anew, and so do the steps.
        if state["labels"] == labels:
            optimizer.load_state_dict(state["optimizer"])
            first_step = state["step"]
    prefixes = [torch.tensor([BOS] + spm.encode(text)) for text in [dataset.SYSTEM, *OTHER_SYSTEMS]]
    sampler = Sampler(entries, spm, args.seed + first_step)
    half = not args.float32 and "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    net.train()
    started, sums = time.time(), [0.0, 0.0, 0.0]
    for step, samples in zip(range(first_step, args.steps), sampler.batches(args.batch_tokens)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args)
        sampler.untouched = UNTOUCHED if step < LAST * args.steps else UNTOUCHED_AT_LAST
        prefix = prefixes[0] if sampler.rng.random() < 0.92 else sampler.rng.choice(prefixes[1:])
        room = shape.context - len(prefix) - max(len(s.tokens) for s in samples)
        gap = sampler.rng.randrange(room) if room > 0 and sampler.rng.random() < 0.2 else 0
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            parts = losses(net, head, prefix, gap, collate(samples), args.question_weight)
        optimizer.zero_grad(set_to_none=True)
        sum(parts).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        sums = [total + part.item() for total, part in zip(sums, parts)]
        if (step + 1) % args.report == 0:
            answer, question, topic = (total / args.report for total in sums)
            known, other = topic_accuracy(net, head, prefixes[0], spm, entries)
            print(
                f"step {step + 1}  answer {answer:.4f}  question {question:.3f}  topic {topic:.3f}  "
                f"dev topic {known:.3f}  off-topic {other:.3f}  {time.time() - started:.0f} s",
                flush=True,
            )
            sums = [0.0, 0.0, 0.0]
        if (step + 1) % args.save == 0 or step + 1 == args.steps:
            state = {"shape": shape.as_dict(), "step": step + 1, "net": net.state_dict(), "head": head.state_dict()}
            torch.save({**state, "labels": labels, "optimizer": optimizer.state_dict()}, args.work / f"{args.name}.pt")
    print(f"done in {time.time() - started:.0f} s")


if __name__ == "__main__":
    main()
