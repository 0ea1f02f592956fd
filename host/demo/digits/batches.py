"""Batches of windows of similar length, as tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from features import BANDS, FRAMES_PER_SECOND
from model import AUDIO_POSITIONS, FRAMES_PER_POSITION, SECONDS_PER_POSITION
from vocabulary import END_OF_TEXT, FIRST_TIME, PREVIOUS, ROWS, WORDS
from windows import (
    Corpus,
    Noise,
    Plan,
    Transcript,
    Window,
    compose,
    draw_plan,
    empty_plan,
    phrases,
    plain_transcript,
    timed_transcript,
)

PLANS_AT_ONCE = 3000
LARGEST_BATCH = 96
LONGEST_WINDOW = 2900  # frames
ORDINALS = 16  # places in a phrase that are told apart, and 0 for silence
# Parts of the training: at first windows grow from two words to ten, and long ones come late, being slow.
GROWING = 0.12
WITHOUT_LONG = 0.3


@dataclass
class Batch:
    features: Tensor  # [batch, frames, bands]
    silence: Tensor  # [batch]
    begin: Tensor | None  # position of the first frame
    to_the_end: bool
    positions: int  # of the window
    filler: bool
    tokens: Tensor  # [batch, length]
    wanted: Tensor  # [batch, length, rows + 1]: distributions, zero where nothing is wanted
    spoken_at: Tensor  # [batch, length, positions]: where the wanted word is spoken
    word_at: Tensor  # [batch, positions]: 1 + the word spoken there, 0 for none
    ordinal_at: Tensor  # [batch, positions]: its place in the phrase from 1


class Batches:
    """An endless source of batches. `progress` from 0 to 1 says how far the training is."""

    def __init__(self, corpus: Corpus, rng: np.random.Generator, positions: int) -> None:
        self._corpus, self._rng, self._positions = corpus, rng, positions
        self._noise = Noise(rng)
        self._counts = np.array([len(words) for words in corpus.words])
        self.progress = 0.0

    def __iter__(self) -> Iterator[Batch]:
        while True:
            for plans in self._draw_groups():
                yield self._batch(plans)

    def _draw_groups(self) -> list[list[Plan]]:
        """Plans, grouped by length, in random order."""
        longest = 2 + int(8 * self.progress / GROWING)
        early = self.progress < GROWING
        pool = np.flatnonzero(self._counts <= longest) if early else np.arange(len(self._counts))
        plans = [self._draw_plan(pool, early) for _ in range(PLANS_AT_ONCE // (4 if early else 1))]
        groups = []
        for cut in (False, True):
            alike = [plan for plan in plans if plan.cut == cut]
            alike.sort(key=lambda plan: plan.frames + int(self._rng.integers(0, 30)))
            while alike:
                size, count = 0.0, 0
                while count < min(len(alike), LARGEST_BATCH) and (count < 2 or size < self._positions):
                    positions = alike[-1 - count].frames / FRAMES_PER_POSITION + 40
                    size += positions * (1 + positions / 1000)  # attention grows with the square
                    count += 1
                groups.append([alike.pop() for _ in range(count)])
        return [groups[i] for i in self._rng.permutation(len(groups))]

    def _draw_plan(self, pool: np.ndarray, early: bool) -> Plan:
        rng, corpus = self._rng, self._corpus
        kind = rng.random()
        if kind < 0.06:
            return empty_plan(rng)
        if early or kind < 0.54:
            return draw_plan(rng, corpus, [int(rng.choice(pool))])
        if kind < 0.8 or self.progress < WITHOUT_LONG:
            return self._draw_fitting(pool, int(rng.integers(2, 5)))
        if kind < 0.83:
            return self._draw_fitting(pool, int(rng.integers(1, 4)), cut=True)
        wanted, utterances = rng.uniform(800, LONGEST_WINDOW), [int(rng.choice(pool))]
        plan = draw_plan(rng, corpus, utterances)
        while plan.frames < wanted:
            longer = draw_plan(rng, corpus, [*plan.utterances, int(rng.choice(pool))])
            if longer.frames > LONGEST_WINDOW:
                break
            plan = longer
        return plan

    def _draw_fitting(self, pool: np.ndarray, count: int, cut: bool = False) -> Plan:
        """A window of so many utterances, or of fewer where they would be longer than a window."""
        utterances = [int(i) for i in self._rng.choice(pool, count)]
        while True:
            plan = draw_plan(self._rng, self._corpus, utterances, cut)
            if plan.frames <= LONGEST_WINDOW:
                return plan
            utterances = utterances[:-1] or [int(self._rng.choice(pool))]

    def _draw_begin(self, frames: int, to_the_end: bool, count: int) -> Tensor | None:
        """Where in the window the features stand: mostly at its beginning."""
        positions = frames // FRAMES_PER_POSITION
        if to_the_end:
            return torch.full((count,), AUDIO_POSITIONS - positions)
        latest = AUDIO_POSITIONS - positions - 60
        if latest < 100 or self._rng.random() > 0.3:
            return None
        if self._rng.random() < 0.7:
            latest = min(latest, 250)
        return torch.from_numpy(self._rng.integers(1, latest, count))

    def _draw_positions(self, used: int, to_the_end: bool) -> int:
        """How many positions the window has: all, or fewer, as for a caller who knows that a recording is short."""
        if to_the_end or self._rng.random() < 0.6:
            return AUDIO_POSITIONS
        return min(AUDIO_POSITIONS, used + int(self._rng.integers(2, 200)))

    def _draw_prompt(self) -> list[int]:
        """What whisper.cpp puts in front: words of an earlier window or of the caller."""
        rng = self._rng
        count = int(rng.integers(1, 9)) if rng.random() < 0.7 else int(rng.integers(9, 120))
        words = [int(word) for word in rng.integers(0, len(WORDS), count)]
        if rng.random() < 0.3:
            words = [FIRST_TIME, *words, FIRST_TIME + int(rng.integers(5, 290))]
        return [PREVIOUS, *words]

    def _batch(self, plans: list[Plan]) -> Batch:
        rng = self._rng
        windows = [compose(rng, self._corpus, self._noise, plan) for plan in plans]
        to_the_end = plans[0].cut
        frames = max(len(window.features) for window in windows)
        begin = self._draw_begin(frames, to_the_end, len(windows))
        # The encoder keeps one position of silence beside the features, on each side that has any.
        beside = 1 if to_the_end or begin is None else 2
        used = frames // FRAMES_PER_POSITION + beside + (0 if begin is None else int(begin.max()))
        positions = self._draw_positions(used, to_the_end)
        prompted = rng.random() < 0.08

        silence = np.array([window.silence for window in windows], np.float32)
        features = np.tile(silence[:, None, None], (1, frames, BANDS))
        labels = Labels(len(windows), frames // FRAMES_PER_POSITION + beside)
        scripts: list[Transcript] = []
        for row, window in enumerate(windows):
            # A window that is cut has its silence in front, others behind.
            front = frames - len(window.features) if to_the_end else 0
            features[row, front : front + len(window.features)] = window.features
            offset = front / FRAMES_PER_SECOND
            labels.mark(row, window, offset + (0.0 if begin is None else SECONDS_PER_POSITION))
            if begin is not None:
                offset += SECONDS_PER_POSITION * int(begin[row])
            prompt = self._draw_prompt() if prompted else []
            timed = rng.random() < 0.6
            scripts.append(
                timed_transcript(rng, window, offset, prompt) if timed else plain_transcript(window, prompt)
            )
        tokens, wanted, spoken_at = labels.align(scripts)
        return Batch(
            features=torch.from_numpy(features),
            silence=torch.from_numpy(silence),
            begin=begin,
            to_the_end=to_the_end,
            positions=positions,
            filler=bool(rng.random() < 0.5),
            tokens=torch.from_numpy(tokens),
            wanted=torch.from_numpy(wanted),
            spoken_at=torch.from_numpy(spoken_at),
            word_at=torch.from_numpy(labels.word_at),
            ordinal_at=torch.from_numpy(labels.ordinal_at),
        )


class Labels:
    """Which word is spoken at each position of the encoder."""

    def __init__(self, count: int, positions: int) -> None:
        self.word_at = np.zeros((count, positions), np.int64)
        self.ordinal_at = np.zeros((count, positions), np.int64)
        self._ranges: list[list[slice]] = [[] for _ in range(count)]

    def mark(self, row: int, window: Window, shift: float) -> None:
        """Enters a window's words; `shift` is the time of its features in seconds."""
        for begin, end in window.spans:
            first, last = (int((time + shift) / SECONDS_PER_POSITION) for time in (begin, end))
            self._ranges[row].append(slice(first, last + 1))
        for phrase in phrases(window.spans):
            for ordinal, index in enumerate(phrase, 1):
                where = self._ranges[row][index]
                self.word_at[row, where] = window.words[index] + 1
                self.ordinal_at[row, where] = min(ordinal, ORDINALS)

    def align(self, scripts: list[Transcript]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The decoder's input, what is wanted at each place, and where the wanted word is spoken."""
        length = max(len(script.tokens) for script in scripts)
        tokens = np.full((len(scripts), length), END_OF_TEXT)
        wanted = np.zeros((len(scripts), length, ROWS + 1), np.float32)
        spoken_at = np.zeros((len(scripts), length, self.word_at.shape[1]), np.float32)
        for row, script in enumerate(scripts):
            tokens[row, : len(script.tokens)] = script.tokens
            for place, (target, word) in enumerate(zip(script.wanted, script.word, strict=True)):
                if target is not None:
                    wanted[row, place, target[0]] = target[1]
                if word is not None:
                    spoken_at[row, place, self._ranges[row][word]] = 1
        return tokens, wanted, spoken_at
