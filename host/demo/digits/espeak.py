"""espeak-ng through its C library: the sound of a text and the time at which each word begins.

The command line gives the sound alone. Training wants to know where the words are, too.
Needs Debian's package libespeak-ng1.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: without a thread of its own, which would sleep between words
EVENT_END, EVENT_WORD = 0, 1
RATE, PITCH, PITCH_RANGE, WORD_GAP = 1, 3, 4, 7
CHARACTER_POSITIONS, UTF8 = 1, 1


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_int * 2),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Manner:
    """How a text is spoken. The defaults are the command line's."""

    voice: str = "en"
    rate: int = 175  # words a minute
    pitch: int = 50
    pitch_range: int = 50
    word_gap: int = 0  # in 10 ms


class Speaker:
    """One engine for the process: the library keeps its state in globals."""

    def __init__(self) -> None:
        self._chunks: list[np.ndarray] = []
        self._starts: dict[int, int] = {}
        self._voice = ""
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self.sample_rate: int = self._library.espeak_Initialize(SYNCHRONOUS, 500, None, 0)
        self._callback = _Callback(self._receive)  # kept: the library holds the pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples, count: int, events) -> int:
        index = 0
        while events[index].type != EVENT_END:
            if events[index].type == EVENT_WORD:
                self._starts[events[index].text_position - 1] = events[index].sample
            index += 1
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, text: str, manner: Manner) -> tuple[np.ndarray, dict[int, int]]:
        """Samples in -1..1 at `sample_rate`, and the first sample of the word at each text position."""
        self._chunks, self._starts = [], {}
        if manner.voice != self._voice:
            if self._library.espeak_SetVoiceByName(manner.voice.encode()) != 0:
                raise ValueError(f"espeak-ng has no voice {manner.voice!r}")
            self._voice = manner.voice
        settings = {
            RATE: manner.rate,
            PITCH: manner.pitch,
            PITCH_RANGE: manner.pitch_range,
            WORD_GAP: manner.word_gap,
        }
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        self._library.espeak_Synth(
            data, ctypes.c_size_t(len(data)), 0, CHARACTER_POSITIONS, 0, UTF8, None, None
        )
        if not self._chunks:
            return np.zeros(0, np.float32), {}
        return np.concatenate(self._chunks).astype(np.float32) / 32768, self._starts


@lru_cache(maxsize=1)
def speaker() -> Speaker:
    """The process's engine, started when it is first needed (after a fork, not before)."""
    return Speaker()
