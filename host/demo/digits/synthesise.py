#!/usr/bin/env python3
"""Synthesises the training speech: the clean features and the word times of single utterances.

Silence, noise and loudness are added while training, anew each time, which costs next to nothing on features.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
from functools import partial
from pathlib import Path

import numpy as np

from features import SAMPLE_RATE, log_power
from speech import draw_utterance
from vocabulary import WORDS

TAIL = int(0.03 * SAMPLE_RATE)  # silence behind, so that the last sound rings out


def make(index: int, seed: int) -> tuple[np.ndarray, float, list[int], list[tuple[float, float]]]:
    """Features, mean log10 power, words and spans of one training utterance."""
    rng = np.random.default_rng((seed, index))
    utterance = draw_utterance(rng, "train")
    # Frames fall anywhere in a sound: shift it by less than one.
    shift = int(rng.integers(0, 160))
    sound = np.concatenate([np.zeros(shift), utterance.sound, np.zeros(TAIL)]).astype(np.float32)
    offset = shift / SAMPLE_RATE
    spans = [(begin + offset, end + offset) for begin, end in utterance.spans]
    power = float(np.log10(np.mean(utterance.sound**2) + 1e-12))
    return log_power(sound).astype(np.float16), power, [WORDS.index(w) for w in utterance.words], spans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("target/digits"), help="folder for what is made")
    parser.add_argument("--count", type=int, default=60000, help="utterances")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool(args.processes) as pool:
        made = pool.map(partial(make, seed=args.seed), range(args.count), chunksize=100)
    offsets = np.cumsum([0] + [len(features) for features, *_ in made])
    np.save(args.work / "train.npy", np.concatenate([features for features, *_ in made]))
    facts = {
        "offsets": offsets,
        "powers": np.array([power for _, power, _, _ in made], np.float32),
        "words": [words for _, _, words, _ in made],
        "spans": [spans for _, _, _, spans in made],
    }
    (args.work / "train.pkl").write_bytes(pickle.dumps(facts))
    print(f"{args.count} utterances, {offsets[-1] / 100 / 3600:.1f} hours")


if __name__ == "__main__":
    main()
