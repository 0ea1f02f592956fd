#!/usr/bin/env python3
"""Trains the network on what synthesise.py made: one process for each core, on the same weights.

The processes share the memory of the weights and never wait for each other ("Hogwild"):
where other programs run, threads or averaged gradients spend most of their time waiting for the slowest.
The training lasts as long as the cores have worked for it on average, whatever else runs beside it or stops it for a
while, and all processes are equally far: one that has less of its core does fewer steps.
For both reasons no two trainings are equal to the bit, whatever the seed.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import Tensor, nn

from batches import ORDINALS, Batch, Batches
from model import Network, Shape
from vocabulary import WORDS
from windows import Corpus

WARM_UP = 150  # steps
FLAT = 0.4  # the part of the training after which the learning rate falls
MUON_FACTOR = 2.5  # of AdamW's learning rate
GUIDED_LAYER = 1
REPORT_EVERY = 100  # steps
SAVE_EVERY = 60  # seconds


class Hints(nn.Module):
    """Helpers that are not exported: they name the word at each position, and its place in the phrase.

    Without them the encoder learns only from what the decoder gets right, which is nothing at first.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.word = nn.Linear(width, len(WORDS) + 1)
        self.ordinal = nn.Linear(width, ORDINALS + 1)


def losses(network: Network, hints: Hints, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:
    """The parts of the loss, each as a mean."""
    stand_ins = int(rng.choice([16, 24, 32]))
    heard = network.encoder(
        batch.features, batch.silence, batch.begin, batch.to_the_end, stand_ins, batch.filler, batch.positions
    )
    log_chances, looked = network.decoder(batch.tokens, heard, GUIDED_LAYER)
    # The entropy of what is wanted is taken off: the rest is zero for a perfect model.
    known = batch.wanted.sum(-1)
    entropy = torch.special.entr(batch.wanted).sum()
    text = (-(batch.wanted * log_chances).sum() - entropy) / known.sum()
    sounding = heard.states[:, : heard.sounding]
    word = F.cross_entropy(hints.word(sounding).flatten(0, 1), batch.word_at.flatten())
    ordinal = F.cross_entropy(hints.ordinal(sounding).flatten(0, 1), batch.ordinal_at.flatten())
    is_word = batch.spoken_at.amax(-1)
    there = -((looked * batch.spoken_at).sum(-1) + 1e-3).log()
    look = (there * is_word).sum() / is_word.sum().clamp(min=1)
    return {"text": text, "word": word, "ordinal": ordinal, "look": look}


def weights(progress: float) -> dict[str, float]:
    """The hints matter at first, the text at the end."""
    early = progress < 0.35
    return {"text": 1.0, "word": 1.0 if early else 0.4, "ordinal": 0.3 if early else 0.1, "look": 0.3 if early else 0.1}


def learning_rate(step: int, progress: float, highest: float) -> float:
    """Warm-up by steps, then flat, then half a cosine down to nearly nothing."""
    cosine = 0.5 * (1 + np.cos(np.pi * max(0.0, progress - FLAT) / (1 - FLAT)))
    return highest * min(1.0, (step + 1) / WARM_UP) * (0.995 * cosine + 0.005)


def save(path: Path, network: Network, hints: Hints, step: int, progress: float) -> None:
    """Writes a checkpoint; whoever reads it meanwhile gets the one before."""
    unfinished = path.with_suffix(".part")
    state = {"shape": asdict(network.shape), "network": network.state_dict(), "hints": hints.state_dict()}
    torch.save({**state, "step": step, "progress": progress}, unfinished)
    unfinished.replace(path)


def load(path: Path, network: Network, hints: Hints) -> float:
    """Reads a checkpoint and says how far that training was."""
    state = torch.load(path, map_location="cpu")
    network.load_state_dict(state["network"])
    hints.load_state_dict(state["hints"])
    return state["progress"]


def make_optimisers(network: Network, hints: Hints) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the matrices of the layers, which learns in fewer steps, and AdamW for all else;
    with each the factor of the learning rate."""
    named = [*network.named_parameters(), *hints.named_parameters()]
    matrices = [p for name, p in named if ".blocks." in name and p.ndim == 2]
    others = [p for name, p in named if not (".blocks." in name and p.ndim == 2)]
    muon = torch.optim.Muon(matrices, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    return [(muon, MUON_FACTOR), (torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True), 1.0)]


def run(rank: int, args: argparse.Namespace, network: Network, hints: Hints, worked: Tensor) -> None:
    """One process of the training. The first one also reports and saves."""
    torch.set_num_threads(1)
    torch.manual_seed(args.seed + rank)
    rng = np.random.default_rng((args.seed, rank))
    batches = Batches(Corpus(args.work), rng, args.positions)
    parameters = [*network.parameters(), *hints.parameters()]
    optimisers = make_optimisers(network, hints)
    begun, saved = time.process_time(), time.monotonic()
    windows, sums = 0, dict.fromkeys(("text", "word", "ordinal", "look"), 0.0)
    for step, batch in enumerate(batches):
        worked[rank] = time.process_time() - begun
        minutes = worked.mean().item() / 60
        batches.progress = min(1.0, args.begin + (1 - args.begin) * minutes / args.minutes)
        rate = learning_rate(step, batches.progress, args.rate)
        parts = losses(network, hints, batch, rng)
        weight = weights(batches.progress)
        network.zero_grad()
        hints.zero_grad()
        sum(weight[name] * part for name, part in parts.items()).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimiser, factor in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = factor * rate
            optimiser.step()

        windows += len(batch.tokens)
        for name, part in parts.items():
            sums[name] += part.item() / REPORT_EVERY
        if rank == 0 and (step + 1) % REPORT_EVERY == 0:
            shown = " ".join(f"{name} {value:.3f}" for name, value in sums.items())
            print(f"{batches.progress:.3f} {minutes:.1f} min step {step + 1} windows {windows} {shown}", flush=True)
            sums = dict.fromkeys(sums, 0.0)
        done = batches.progress >= 1
        if rank == 0 and (done or time.monotonic() - saved > SAVE_EVERY):
            save(args.work / f"{args.name}.pt", network, hints, step, batches.progress)
            saved = time.monotonic()
        if done:
            break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("target/digits"), help="folder of the training speech")
    parser.add_argument("--name", default="digits", help="name of the checkpoint, NAME.pt")
    parser.add_argument("--minutes", type=float, default=30.0, help="work of each core, on average")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--begin", type=float, help="progress to go on from, if not the checkpoint's")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--positions", type=int, default=3500, help="size of a process's batch")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    # Large temporaries come and go with every step: the allocator must not give them back to the system.
    for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"):
        os.environ.setdefault(name, str(1 << 30) if name != "MALLOC_TOP_PAD_" else str(1 << 26))
    torch.manual_seed(args.seed)
    network = Network(Shape()).share_memory()
    hints = Hints(network.shape.width).share_memory()
    reached = load(args.work / f"{args.name}.pt", network, hints) if args.resume else 0.0
    args.begin = reached if args.begin is None else args.begin
    print(f"{sum(p.numel() for p in network.parameters())} parameters", flush=True)
    worked = torch.zeros(args.processes).share_memory_()
    mp.start_processes(run, (args, network, hints, worked), nprocs=args.processes, start_method="spawn")


if __name__ == "__main__":
    main()
