"""Spoken word sequences, and the rule that keeps training, development and held-out speech apart.

Held out, decided before training: voice variants, bands of speaking rates, and by a checksum one in ten
of all sequences of three words or more. "dev" serves to watch training; "test" is measured once, at the end.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.signal import resample_poly

from espeak import Manner, speaker
from features import SAMPLE_RATE
from vocabulary import DIGITS, WORDS

Split = Literal["train", "dev", "test"]

# Dialects are too few to hold any out; their weights say how often each is drawn.
DIALECTS = {
    "en": 0.28,
    "en-us": 0.26,
    "en-gb-scotland": 0.1,
    "en-gb-x-rp": 0.08,
    "en-gb-x-gbclan": 0.07,
    "en-gb-x-gbcwmd": 0.07,
    "en-029": 0.08,
    "en-us-nyc": 0.06,
}
VARIANTS: dict[Split, list[str]] = {
    "train": (
        "m1 m2 m3 m5 m6 m7 f1 f2 f4 m1 m2 m3 m5 m6 m7 f1 f2 f4 klatt klatt2 klatt4 grandpa grandma aunty "
        "Alex Alicia Andrea Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike anika "
        "antonio benjamin boris caleb david edward gustave iven iven2 john marcelo michel miguel norbert "
        "pablo paul pedro quincy rob robert sandro shelby steph travis victor zac"
    ).split(),
    "dev": "m8 f5 ed belinda".split(),
    "test": "m4 f3 linda adam Andy max Gene2 iven3".split(),
}
RATES = range(100, 261)
HELD_OUT_RATES: dict[Split, list[range]] = {
    "train": [],
    "dev": [range(152, 157), range(200, 205)],
    "test": [range(138, 147), range(178, 187), range(226, 235)],
}
DEFAULTS = Manner()
# How often a sequence has one word, two, ... ten.
LENGTHS = np.array([14, 12, 11, 10, 10, 9, 9, 9, 8, 8]) / 100
AUDIBLE = 0.01  # of the loudest sample


def split_of(words: list[str]) -> Split | None:
    """To which split a sequence belongs; one and two words are too few to be held out."""
    if len(words) < 3:
        return None
    if words == "three seven open window nine".split():
        return "test"
    return {0: "test", 1: "test", 2: "dev"}.get(zlib.crc32(" ".join(words).encode()) % 20, "train")


def draw_words(rng: np.random.Generator, split: Split, count: int | None = None) -> list[str]:
    """A random sequence of the split: any words, sometimes digits alone, sometimes one twice in a row."""
    length = count or 1 + int(rng.choice(len(LENGTHS), p=LENGTHS))
    while True:
        source = DIGITS if rng.random() < 0.2 else WORDS
        words = [str(word) for word in rng.choice(source, length)]
        if length > 1 and rng.random() < 0.08:
            at = int(rng.integers(1, length))
            words[at] = words[at - 1]
        if split_of(words) in (None, split):
            return words


def draw_rate(rng: np.random.Generator, split: Split) -> int:
    """A speaking rate of the split; the command line's default is drawn more often for training."""
    bands = HELD_OUT_RATES[split]
    if bands:
        return int(rng.choice(np.concatenate(bands)))
    kept_away = set().union(*HELD_OUT_RATES["dev"], *HELD_OUT_RATES["test"])
    if rng.random() < 0.15:
        return DEFAULTS.rate
    return int(rng.choice([rate for rate in RATES if rate not in kept_away]))


def draw_voice(rng: np.random.Generator, split: Split) -> str:
    """A dialect, and a variant of the split; for training often the plain dialect."""
    dialect = str(rng.choice(list(DIALECTS), p=list(DIALECTS.values())))
    if split == "train" and rng.random() < 0.38:
        return dialect
    return f"{dialect}+{rng.choice(VARIANTS[split])}"


def draw_manner(rng: np.random.Generator, split: Split) -> Manner:
    """A way to speak, of the split in voice and rate."""
    default_tone = rng.random() < 0.25
    return Manner(
        voice=draw_voice(rng, split),
        rate=draw_rate(rng, split),
        pitch=DEFAULTS.pitch if default_tone else int(rng.integers(20, 81)),
        pitch_range=DEFAULTS.pitch_range if default_tone else int(rng.integers(20, 81)),
        word_gap=int(rng.integers(1, 40)) if rng.random() < 0.12 else 0,
    )


def draw_text(rng: np.random.Generator, words: list[str]) -> str:
    """The sequence as somebody may type it: in one breath, with commas, or with full stops."""
    style = rng.random()
    choices = [" "] if style < 0.55 else [", "] if style < 0.7 else [" ", ", ", ". "]
    text = words[0]
    for word in words[1:]:
        text += str(rng.choice(choices)) + word
    return text + ("." if rng.random() < 0.3 else "")


@dataclass
class Utterance:
    """A spoken sequence at 16 kHz, without silence around it."""

    words: list[str]
    spans: list[tuple[float, float]]  # begin and end of each word in seconds
    sound: np.ndarray


def _audible(sound: np.ndarray, begin: int, end: int, limit: float) -> tuple[int, int]:
    """The part of a range that can be heard."""
    loud = np.flatnonzero(np.abs(sound[begin:end]) > limit)
    return (begin + int(loud[0]), begin + int(loud[-1])) if len(loud) else (begin, end)


def _resample(sound: np.ndarray, rate: int, linear: bool) -> np.ndarray:
    """To 16 kHz, well or as simple programs do it."""
    if linear:
        times = np.arange(int(len(sound) * SAMPLE_RATE / rate)) * (rate / SAMPLE_RATE)
        return np.interp(times, np.arange(len(sound)), sound).astype(np.float32)
    divisor = int(np.gcd(SAMPLE_RATE, rate))
    return resample_poly(sound, SAMPLE_RATE // divisor, rate // divisor).astype(np.float32)


def speak(words: list[str], text: str, manner: Manner, linear: bool = False) -> Utterance | None:
    """Speaks a text that has these words in this order. None where the engine joined two of them."""
    rate = speaker().sample_rate
    sound, starts = speaker().speak(text, manner)
    positions, position = [], 0
    for word in words:
        position = text.index(word, position)
        positions.append(position)
        position += len(word)
    if len(sound) == 0 or any(p not in starts for p in positions):
        return None
    limit = AUDIBLE * float(np.abs(sound).max())
    first, last = _audible(sound, 0, len(sound), limit)
    begins = [starts[p] for p in positions]
    ends = [*begins[1:], last]
    spans = [_audible(sound, begin, end, limit) for begin, end in zip(begins, ends, strict=True)]
    spans = [((begin - first) / rate, (end - first) / rate) for begin, end in spans]
    return Utterance(words, spans, _resample(sound[first : last + 1], rate, linear))


def draw_utterance(rng: np.random.Generator, split: Split, count: int | None = None) -> Utterance:
    """A random sequence, spoken in a random manner, both of the split."""
    while True:
        words = draw_words(rng, split, count)
        utterance = speak(words, draw_text(rng, words), draw_manner(rng, split), rng.random() < 0.25)
        if utterance is not None:
            return utterance
