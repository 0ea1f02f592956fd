#!/usr/bin/env python3
"""Measures a model file in whisper.cpp itself, on recordings of held-out speech that it synthesises anew.

Needs espeak-ng and the Python package pywhispercpp; no PyTorch.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pywhispercpp.model import Model

from features import SAMPLE_RATE
from recordings import Recording, held_out

DEFAULT_FILE = Path(__file__).parent.parent / "digits.bin"
MODES = ["with-times", "without-times"]
LENGTHS = [(1, 1), (2, 3), (4, 6), (7, 10)]
PAUSE = 0.7  # seconds; shorter ones may or may not part two segments


@dataclass
class Segment:
    begin: float
    end: float
    text: str


@dataclass
class Tally:
    """Errors of a group of recordings."""

    recordings: int = 0
    right: int = 0
    words: int = 0
    errors: int = 0

    def add(self, words: int, errors: int) -> None:
        self.recordings += 1
        self.right += errors == 0
        self.words += words
        self.errors += errors

    def __str__(self) -> str:
        if self.words == 0:
            return f"{self.errors} words heard in {self.recordings} recordings"
        rate = 100 * self.errors / self.words
        return f"{rate:5.2f} % ({self.errors} of {self.words}), {self.right} of {self.recordings} recordings right"


@dataclass
class Times:
    """Differences of the segments' times from the truth, in seconds."""

    begins: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def add(self, recording: Recording, segments: list[Segment]) -> None:
        """Compares the outermost times of a recording, and those at every long pause."""
        begins, ends = [recording.spans[0][0]], []
        for (_, end), (begin, _) in zip(recording.spans, recording.spans[1:]):
            if begin - end >= PAUSE:
                ends.append(end)
                begins.append(begin)
        ends.append(recording.spans[-1][1])
        self.begins += [min((s.begin - begin for s in segments), key=abs) for begin in begins]
        self.ends += [min((s.end - end for s in segments), key=abs) for end in ends]

    @staticmethod
    def _describe(errors: list[float]) -> str:
        values = np.array(errors)
        near = 100 * np.mean(np.abs(values) <= 0.1)
        return f"mean {values.mean():+.3f} s, deviation {values.std():.3f} s, {near:.1f} % within 0.1 s"

    def __str__(self) -> str:
        return f"begin {self._describe(self.begins)}\n  end   {self._describe(self.ends)}"


def word_errors(said: list[str], heard: list[str]) -> int:
    """The least number of words to replace, insert or delete."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        before, row[0] = row[:], i
        for j, b in enumerate(heard, 1):
            row[j] = min(before[j - 1] + (a != b), before[j] + 1, row[j - 1] + 1)
    return row[-1]


def transcribe(model: Model, sound: np.ndarray, timed: bool) -> list[Segment]:
    segments = model.transcribe(sound.astype(np.float32), no_timestamps=not timed, language="en")
    return [Segment(s.t0 / 100, s.t1 / 100, s.text) for s in segments]


def measure(model: Model, recordings: list[Recording], timed: bool, show_wrong: bool) -> None:
    """Prints the word error rates of all groups."""
    groups: dict[str, Tally] = defaultdict(Tally)
    times = Times()
    for recording in recordings:
        segments = transcribe(model, recording.sound, timed)
        heard = " ".join(segment.text for segment in segments).split()
        errors = word_errors(recording.words, heard)
        count = len(recording.words)
        groups[recording.category].add(count, errors)
        if count:
            groups["all speech"].add(count, errors)
        for least, most in LENGTHS:
            if least <= count <= most:
                groups["1 word" if most == 1 else f"{least} to {most} words"].add(count, errors)
        if timed and errors == 0 and recording.spans:
            times.add(recording, segments)
        if errors and show_wrong:
            shown = " | ".join(f"[{s.begin:.1f} {s.end:.1f}]{s.text}" for s in segments)
            seconds = len(recording.sound) / SAMPLE_RATE
            print(f"    {recording.category}, {seconds:.1f} s: {' '.join(recording.words)} -> {shown}")
    print("with times" if timed else "without times")
    for name, tally in groups.items():
        print(f"  {name}: {tally}")
    if timed:
        print(f"  {times}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=DEFAULT_FILE)
    parser.add_argument("--split", choices=["test", "dev"], default="test")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--size", type=int, default=100, help="recordings of a category")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--show-wrong", action="store_true", help="print what was misheard")
    args = parser.parse_args()
    quiet = {"print_progress": False, "print_realtime": False, "redirect_whispercpp_logs_to": None}
    model = Model(str(args.file), n_threads=args.threads, **quiet)
    recordings = held_out(args.seed, args.split, args.size)
    for mode in args.modes:
        measure(model, recordings, mode == "with-times", args.show_wrong)


if __name__ == "__main__":
    main()
