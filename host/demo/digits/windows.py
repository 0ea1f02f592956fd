"""Windows for training: utterances placed in silence and noise, and what whisper.cpp should answer to them.

A transcript tiles its window. Phrases, which are parted by pauses, stand between their times;
pauses stand between theirs, with the empty text of SILENCE, and so does the rest of the window, up to 30 s:

    0.4 three seven open 1.6, 1.6 SILENCE 2.4, 2.4 window nine 3.3, 3.3 SILENCE 30.0

whisper.cpp drops segments without text, so a caller gets the phrases with their true beginnings and ends;
and since the window is told to its end, it decodes no second window behind the last word.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from features import BANDS, FLOOR, FRAMES_PER_SECOND, SAMPLE_RATE, log_power, normalise
from vocabulary import (
    END_OF_TEXT,
    FIRST_TIME,
    LAST_TIME,
    NO_SPEECH,
    NO_TIMESTAMPS,
    SILENCE,
    START,
    TIME_STEP,
    TIMES,
)

PAUSE = 0.5  # seconds of silence that part two phrases
LATEST_FIRST_TIME = 1.0  # whisper.cpp refuses a later one at the beginning of a window
TIME_BLUR = 0.05  # deviation of the times to predict, so that neighbours on the grid share the probability
HUMS = 6  # beside eight kinds of rustle
WARPS = np.linspace(0.9, 1.1, 11)
TELEPHONE = 62  # the first band above 4 kHz, where a recording at 8 kHz has nothing


class Corpus:
    """The synthesised utterances."""

    def __init__(self, work: Path) -> None:
        facts = pickle.loads((work / "train.pkl").read_bytes())
        self._features = np.load(work / "train.npy", mmap_mode="r")
        self._offsets: np.ndarray = facts["offsets"]
        self.powers: np.ndarray = facts["powers"]
        self.words: list[list[int]] = facts["words"]
        self.spans: list[list[tuple[float, float]]] = facts["spans"]
        self.frames = np.diff(self._offsets)

    def features(self, index: int) -> np.ndarray:
        return self._features[self._offsets[index] : self._offsets[index + 1]].astype(np.float32)


@dataclass
class Plan:
    """What a window will hold: utterances and the frame at which each begins."""

    utterances: list[int]
    begins: list[int]
    frames: int
    cut: bool = False  # the window ends in the middle of a word


@dataclass
class Window:
    """Features and truth of a window."""

    features: np.ndarray
    silence: float  # the value of every frame behind the features
    words: list[int]
    spans: list[tuple[float, float]]
    next_word: float | None = None  # where a window that is cut has its incomplete word


def draw_margin(rng: np.random.Generator) -> int:
    """Frames of silence before or behind: often next to none, as a voice detector cuts."""
    kind = rng.random()
    if kind < 0.35:
        return int(rng.integers(-3, 6))
    return int(min(rng.exponential(35), 200)) if kind < 0.8 else int(rng.integers(0, 200))


def draw_gap(rng: np.random.Generator) -> int:
    """Frames of silence between two utterances."""
    return int(rng.integers(5, 70)) if rng.random() < 0.5 else int(rng.integers(50, 300))


def draw_plan(rng: np.random.Generator, corpus: Corpus, utterances: list[int], cut: bool = False) -> Plan:
    """Places utterances one behind the other. `cut` ends the window within the last of them."""
    begins, at = [], draw_margin(rng)
    for index in utterances:
        begins.append(at)
        at += int(corpus.frames[index])
        at += draw_gap(rng)
    end = begins[-1] + int(corpus.frames[utterances[-1]])
    end = end - int(rng.integers(5, max(6, corpus.frames[utterances[-1]]))) if cut else end + draw_margin(rng)
    frames = max(end, 20)
    return Plan(utterances, begins, frames + (frames & 1), cut)


def empty_plan(rng: np.random.Generator) -> Plan:
    """A window without speech."""
    return Plan([], [], 2 * int(rng.integers(10, 200)))


class Noise:
    """Frames of noises of power one, from white to rumbling, and of hums, to add to the power of speech."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._kinds = []
        for correlation in (0.0, 0.0, 0.0, 0.4, 0.7, 0.85, 0.95, -0.5):
            sound = lfilter([1], [1, -correlation], rng.standard_normal(40 * SAMPLE_RATE)).astype(np.float32)
            self._kinds.append(log_power(sound / sound.std()))
        times = np.arange(40 * SAMPLE_RATE) / SAMPLE_RATE
        for _ in range(HUMS):
            pitch, harmonics = 2 * np.pi * np.exp(rng.uniform(np.log(45), np.log(2000))), rng.random(4)
            sound = sum(part * np.sin(pitch * (k + 1) * times) for k, part in enumerate(harmonics))
            self._kinds.append(log_power((sound / sound.std()).astype(np.float32)))

    def draw(self, rng: np.random.Generator, frames: int) -> np.ndarray:
        kind = self._kinds[int(rng.integers(len(self._kinds)))]
        at = int(rng.integers(0, len(kind) - frames))
        return kind[at : at + frames]


def _warp_matrix(factor: float) -> np.ndarray:
    """Stretches the axis of the bands, as a longer or shorter throat does."""
    places = np.clip(np.arange(BANDS) * factor, 0, BANDS - 1)
    below = np.minimum(places.astype(int), BANDS - 2)
    matrix = np.zeros((BANDS, BANDS), np.float32)
    matrix[below, np.arange(BANDS)] = 1 - (places - below)
    matrix[below + 1, np.arange(BANDS)] += places - below
    return matrix


_WARP_MATRICES = [_warp_matrix(factor) for factor in WARPS]


def _add_power(raw: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """log10 of the sum of two powers."""
    louder = np.maximum(raw, noise)
    return louder + np.log10(1 + 10 ** -np.abs(raw - noise))


def _mask(rng: np.random.Generator, features: np.ndarray, silence: float) -> None:
    """Silences some bands or some frames: no single clue may be needed."""
    if rng.random() < 0.35:
        at = int(rng.integers(0, BANDS - 6))
        features[:, at : at + int(rng.integers(1, 9))] = silence
    if rng.random() < 0.25:
        at = int(rng.integers(0, max(1, len(features) - 8)))
        features[at : at + int(rng.integers(1, 6))] = silence


def compose(rng: np.random.Generator, corpus: Corpus, noise: Noise, plan: Plan) -> Window:
    """Draws everything that the plan leaves open: loudness, throat, noise, masks."""
    raw = np.full((plan.frames, BANDS), FLOOR, np.float32)
    loudness = rng.uniform(-2.0, 0.3)  # log10 of power
    # Without speech, the noise may be as faint as a quiet room and as loud as speech.
    power = rng.uniform(-3.0, 1.5) if not plan.utterances else loudness + float(corpus.powers[plan.utterances[0]])
    words: list[int] = []
    spans: list[tuple[float, float]] = []
    warp = _WARP_MATRICES[int(rng.integers(len(WARPS)))] if rng.random() < 0.5 else None
    tilt = rng.normal(0, 0.25) * np.linspace(-1, 1, BANDS, dtype=np.float32) if rng.random() < 0.3 else 0.0
    for index, begin in zip(plan.utterances, plan.begins, strict=True):
        speech = corpus.features(index)
        if warp is not None:
            speech = speech @ warp
        speech += loudness + tilt + (rng.uniform(-0.3, 0.3) if len(plan.utterances) > 1 else 0)
        skipped = max(0, -begin)
        room = raw[begin + skipped : begin + len(speech)]
        np.maximum(speech[skipped : skipped + len(room)], FLOOR, out=room)
        offset = begin / FRAMES_PER_SECOND
        words += corpus.words[index]
        spans += [(max(0.0, a + offset), b + offset) for a, b in corpus.spans[index]]
    if rng.random() < 0.55:
        ratio = rng.uniform(0.8, 4.5)  # log10: 8 to 45 dB
        raw = _add_power(raw, noise.draw(rng, plan.frames) + (power - ratio))
        if not plan.utterances and rng.random() < 0.4:
            at = int(rng.integers(0, plan.frames - 10))
            raw[at : at + int(rng.integers(1, 10))] += rng.uniform(1, 4)  # a knock
    if rng.random() < 0.1:
        raw[:, TELEPHONE - int(rng.integers(0, 5)) :] = FLOOR
    features, silence = normalise(raw)
    _mask(rng, features, silence)
    window = Window(features, silence, words, spans)
    if plan.cut:
        _cut(window, plan.frames / FRAMES_PER_SECOND)
    return window


def _cut(window: Window, end: float) -> None:
    """Takes the words away that the end of the window cuts off."""
    whole = sum(span[1] <= end - 0.03 for span in window.spans)
    window.next_word = window.spans[whole][0] if whole < len(window.spans) else end
    window.words, window.spans = window.words[:whole], window.spans[:whole]


def phrases(spans: list[tuple[float, float]]) -> list[list[int]]:
    """The indices of the words between two pauses."""
    groups: list[list[int]] = []
    for index, (begin, _) in enumerate(spans):
        if groups and begin - spans[index - 1][1] < PAUSE:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


# A distribution over rows: which, and how likely each is.
Wanted = tuple[np.ndarray, np.ndarray]


def _time(rng: np.random.Generator, seconds: float) -> tuple[int, Wanted]:
    """A row drawn near a time, and the distribution it is drawn from."""
    at = min(max(seconds / TIME_STEP, 0.0), TIMES - 2.0)
    steps = np.arange(max(0, int(at) - 1), min(TIMES - 2, int(at) + 2) + 1)
    chances = np.exp(-0.5 * ((steps - at) * TIME_STEP / TIME_BLUR) ** 2)
    chances /= chances.sum()
    return FIRST_TIME + int(rng.choice(steps, p=chances)), (FIRST_TIME + steps, chances)


def _sure(row: int) -> Wanted:
    return np.array([row]), np.ones(1)


def _no_speech_or(row: int) -> Wanted:
    """whisper.cpp reads the probability of NO_SPEECH here, but never chooses it."""
    return np.array([NO_SPEECH, row]), np.array([0.7, 0.3])


@dataclass
class Transcript:
    """The decoder's input, what it should predict at each place, and which word that is."""

    tokens: list[int]
    wanted: list[Wanted | None]
    word: list[int | None]

    def __init__(self, prompt: list[int]) -> None:
        self.tokens = list(prompt)
        self.wanted = [None] * (len(prompt) - 1)
        self.word = [None] * (len(prompt) - 1)

    def add(self, row: int, wanted: Wanted | None = None, word: int | None = None) -> None:
        self.tokens.append(row)
        self.wanted.append(wanted or _sure(row))
        self.word.append(word)

    def finish(self) -> None:
        self.wanted.append(_sure(END_OF_TEXT))
        self.word.append(None)


def timed_transcript(
    rng: np.random.Generator, window: Window, offset: float, prompt: list[int]
) -> Transcript:
    """The transcript of a window that begins `offset` seconds before its features."""
    script = Transcript([*prompt, START])

    def silence_until(row: int, wanted: Wanted) -> None:
        script.add(script.tokens[-1])
        script.add(SILENCE)
        script.add(row, wanted)

    begin = offset + (window.spans[0][0] if window.spans else window.next_word or 0.0)
    if window.spans and begin + rng.normal(0, 0.02) < LATEST_FIRST_TIME - 0.05:
        # Rather too early than too late: the beginning of a short recording must not look like its end.
        script.add(*_time(rng, begin - 0.02))
    elif window.spans or window.next_word is not None:
        script.add(FIRST_TIME)
        script.add(SILENCE)
        script.add(*_time(rng, begin))
    else:
        script.add(FIRST_TIME, _no_speech_or(FIRST_TIME))
        script.add(SILENCE)
        script.add(LAST_TIME)
    for number, phrase in enumerate(phrases(window.spans)):
        if number:
            silence_until(*_time(rng, offset + window.spans[phrase[0]][0]))
        if script.tokens[-2] == SILENCE:
            script.add(script.tokens[-1])
        for index in phrase:
            script.add(window.words[index], word=index)
        script.add(*_time(rng, offset + window.spans[phrase[-1]][1]))
    if window.next_word is None and window.spans:
        silence_until(LAST_TIME, _sure(LAST_TIME))
    script.finish()
    return script


def plain_transcript(window: Window, prompt: list[int]) -> Transcript:
    """The transcript without times; pauses are kept, they help to count."""
    script = Transcript([*prompt, START, NO_TIMESTAMPS])
    for number, phrase in enumerate(phrases(window.spans)):
        if number:
            script.add(SILENCE)
        for index in phrase:
            script.add(window.words[index], word=index)
    if not window.words:
        script.add(SILENCE, _no_speech_or(SILENCE))
    script.finish()
    return script
