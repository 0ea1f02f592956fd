"""Log-mel features exactly as whisper.cpp computes them."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16000
WINDOW, HOP, BANDS = 400, 160, 80
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
FLOOR = -10.0  # log10 of the least power
RANGE = 8.0  # what is further below the loudest value than this is cut off


def mel_filters() -> np.ndarray:
    """The filter bank of whisper's files (librosa's, Slaney's scale and norm): [bands, bins]."""

    def to_hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel >= 15, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)), mel * 200 / 3)

    highest = 15 + np.log(SAMPLE_RATE / 2 / 1000) / (np.log(6.4) / 27)
    edges = to_hertz(np.linspace(0, highest, BANDS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    width = np.diff(edges)
    slope = edges[:, None] - bins[None, :]
    triangles = np.minimum(-slope[:-2] / width[:-1, None], slope[2:] / width[1:, None])
    area = 2.0 / (edges[2:] - edges[:-2])
    return (np.maximum(0, triangles) * area[:, None]).astype(np.float32)


FILTERS = mel_filters()
HANN = (0.5 * (1 - np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW))).astype(np.float32)


def log_power(sound: np.ndarray) -> np.ndarray:
    """log10 of the mel power of every frame that sees a sample of the sound: [frames, bands].

    The number of frames is even, because two of them make one position of the encoder.
    """
    frames = (len(sound) + WINDOW // 2) // HOP + 1
    frames += frames & 1
    front = sound[1 : WINDOW // 2 + 1][::-1]  # whisper.cpp mirrors the beginning and adds zeros behind
    padded = np.concatenate([front, sound, np.zeros(frames * HOP + WINDOW, np.float32)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:frames]
    power = np.abs(np.fft.rfft(windows * HANN, axis=1)).astype(np.float32) ** 2
    return np.log10(np.maximum(power @ FILTERS.T, 10**FLOOR))


def normalise(raw: np.ndarray) -> tuple[np.ndarray, float]:
    """The encoder's input for a whole recording, and the value that fills the rest of the window."""
    least = max(FLOOR, float(raw.max()) - RANGE)
    return (np.maximum(raw, least) + 4) / 4, (least + 4) / 4
