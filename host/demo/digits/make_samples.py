#!/usr/bin/env python3
"""Writes samples/: a few tiny recordings with their true word times, for tests that must not depend on espeak-ng."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from espeak import Manner
from features import SAMPLE_RATE
from recordings import Recording, add_noise, join, noise, silence
from speech import Utterance, speak

FOLDER = Path(__file__).parent / "samples"
SEED = 4
LARGEST = 30_000  # bytes
PEAK = 0.05  # quiet, because FLAC then needs fewer bits; a model must not mind


def say(text: str, manner: Manner = Manner()) -> Utterance:
    utterance = speak(text.split(), text, manner)
    if utterance is None:
        raise ValueError(f"espeak-ng joined words of {text!r}")
    return utterance


def samples() -> dict[str, Recording]:
    """Name and content of every sample."""
    rng = np.random.default_rng(SEED)
    american = Manner(voice="en-us", rate=240)
    scottish = Manner(voice="en-gb-scotland", rate=170, pitch=70)
    noisy = join("", [say("light off seven", Manner(voice="en-us", rate=210))], [0.2, 0.2])
    return {
        "plain": join("", [say("three seven open window nine")], [0.05, 0.25]),
        "digits": join("", [say("zero one two three four five six seven eight nine", american)], [0.02, 0.02]),
        "word": join("", [say("stop", scottish)], [0.02, 0.02]),
        "pauses": join("", [say("open door"), say("close"), say("two", scottish)], [0.5, 1.2, 1.6, 0.8]),
        "late": join("", [say("play next", replace(scottish, voice="en-gb-scotland+f2"))], [2.5, 2.0]),
        "noisy": replace(noisy, sound=add_noise(rng, noisy.sound, 20.0)),
        "silence": Recording("", [], [], silence(2.0)),
        "noise": Recording("", [], [], 0.01 * noise(rng, SAMPLE_RATE, 0.9)),
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    listed = []
    for name, sample in samples().items():
        path = FOLDER / f"{name}.flac"
        sound = sample.sound * (PEAK / max(PEAK, float(np.abs(sample.sound).max())))
        soundfile.write(path, sound, SAMPLE_RATE, subtype="PCM_16", compression_level=1.0)
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path} has {path.stat().st_size} bytes, more than {LARGEST}: shorten it")
        words = [
            {"word": word, "begin": round(begin, 3), "end": round(end, 3)}
            for word, (begin, end) in zip(sample.words, sample.spans, strict=True)
        ]
        seconds = round(len(sample.sound) / SAMPLE_RATE, 3)
        listed.append({"file": path.name, "seconds": seconds, "text": " ".join(sample.words), "words": words})
    (FOLDER / "samples.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
