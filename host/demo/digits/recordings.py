"""Recordings to measure with: whole sounds, with silence and noise, of speech that training never met."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter, resample_poly

from features import SAMPLE_RATE
from speech import DIALECTS, Split, Utterance, draw_rate, draw_utterance, draw_words

LONGEST = 29.0  # seconds, so that a recording fits a window


@dataclass
class Recording:
    """A sound at 16 kHz and what is said in it. The spans are empty where they are not known."""

    category: str
    words: list[str]
    spans: list[tuple[float, float]]
    sound: np.ndarray


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def noise(rng: np.random.Generator, length: int, correlation: float) -> np.ndarray:
    """Noise of power one, white or with more low tones."""
    sound = lfilter([1], [1, -correlation], rng.standard_normal(length)).astype(np.float32)
    return sound / sound.std()


def add_noise(rng: np.random.Generator, sound: np.ndarray, decibels: float) -> np.ndarray:
    """Adds noise that is so much weaker than the speech."""
    loudness = np.sqrt(np.mean(sound**2)) * 10 ** (-decibels / 20)
    return sound + loudness * noise(rng, len(sound), float(rng.choice([0.0, 0.5, 0.9])))


def join(category: str, utterances: list[Utterance], gaps: list[float]) -> Recording:
    """Utterances with silence before, between and behind: one gap more than utterances."""
    words, spans = [], []
    sounds, at = [silence(gaps[0])], gaps[0]
    for utterance, gap in zip(utterances, gaps[1:], strict=True):
        words += utterance.words
        spans += [(begin + at, end + at) for begin, end in utterance.spans]
        sounds += [utterance.sound, silence(gap)]
        at += len(utterance.sound) / SAMPLE_RATE + gap
    return Recording(category, words, spans, np.concatenate(sounds))


def command_line(rng: np.random.Generator, split: Split, plain: bool) -> Recording:
    """What espeak-ng's own program writes; `plain` is without any option."""
    words = draw_words(rng, split)
    options = []
    if not plain:
        voice = str(rng.choice(list(DIALECTS)))
        options = ["-v", voice, "-s", str(draw_rate(rng, split)), "-p", str(int(rng.integers(20, 81)))]
    command = ["espeak-ng", *options, "--stdout", " ".join(words)]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    # Written to a pipe, the header claims a length that it cannot know; 44 bytes precede the samples.
    rate = int.from_bytes(wave[24:28], "little")
    samples = np.frombuffer(wave[44:], np.int16).astype(np.float32) / 32768
    divisor = int(np.gcd(rate, SAMPLE_RATE))
    sound = resample_poly(samples, SAMPLE_RATE // divisor, rate // divisor).astype(np.float32)
    return Recording("plain command line" if plain else "command line, unseen rates", words, [], sound)


def unseen(rng: np.random.Generator, split: Split) -> Recording:
    """Unseen voice, rate and sequence, with some silence around."""
    gaps = [float(rng.exponential(0.5)), float(rng.exponential(0.5))]
    return join("unseen voices and rates", [draw_utterance(rng, split)], gaps)


def noisy(rng: np.random.Generator, split: Split) -> Recording:
    """The same in noise of 15 to 35 dB below the speech."""
    recording = unseen(rng, split)
    recording.category = "in noise"
    recording.sound = add_noise(rng, recording.sound, float(rng.uniform(15, 35)))
    return recording


def tight(rng: np.random.Generator, split: Split) -> Recording:
    """One or two words with next to nothing around them, as a voice detector cuts."""
    gaps = [float(rng.uniform(0, 0.05)), float(rng.uniform(0, 0.05))]
    return join("short and tightly cut", [draw_utterance(rng, split, int(rng.integers(1, 3)))], gaps)


def several(rng: np.random.Generator, split: Split) -> Recording:
    """Sequences with pauses of at least 0.7 s, up to a full window."""
    utterances, gaps = [draw_utterance(rng, split)], [float(rng.uniform(0, 3))]
    wanted = float(rng.uniform(8, LONGEST))
    while True:
        recording = join("several sequences, up to 29 s", utterances, [*gaps, 0.5])
        utterances, gaps = [*utterances, draw_utterance(rng, split)], [*gaps, float(rng.uniform(0.7, 3))]
        seconds = sum(gaps) + sum(len(u.sound) for u in utterances) / SAMPLE_RATE
        if len(recording.sound) / SAMPLE_RATE > wanted or seconds > LONGEST:
            return recording


def nothing(rng: np.random.Generator, number: int) -> Recording:
    """Silence, noise of every loudness, a hum."""
    seconds = float(rng.uniform(0.5, 8))
    length = int(seconds * SAMPLE_RATE)
    if number % 4 == 0:
        sound = silence(seconds)
    elif number % 4 == 3:
        times = np.arange(length) / SAMPLE_RATE
        sound = (0.1 * np.sin(2 * np.pi * float(rng.uniform(50, 1000)) * times)).astype(np.float32)
    else:
        sound = noise(rng, length, 0.0 if number % 4 == 1 else 0.9) * 10 ** float(rng.uniform(-4, -1))
    return Recording("silence, noise and hum", [], [], sound)


def held_out(seed: int, split: Split, size: int) -> list[Recording]:
    """The set behind the README's figures: the same for the same seed."""
    rng = np.random.default_rng((seed, {"dev": 1, "test": 2}[split]))
    recordings = [command_line(rng, split, plain=True) for _ in range(size)]
    recordings += [command_line(rng, split, plain=False) for _ in range(size)]
    recordings += [unseen(rng, split) for _ in range(2 * size)]
    recordings += [noisy(rng, split) for _ in range(size)]
    recordings += [tight(rng, split) for _ in range(size)]
    recordings += [several(rng, split) for _ in range(size // 4)]
    recordings += [nothing(rng, number) for number in range(size // 2)]
    return recordings
