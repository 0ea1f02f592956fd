"""Recordings that need no model to be told apart: each second is noise or silence."""

import io
import struct
import wave

RATE = 16_000


def seconds(*loud):
    """A WAV file of as many seconds, in which those that are true are noise."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for is_loud in loud:
            samples = ((at % 200) * 50 if is_loud else 0 for at in range(RATE))
            file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return written.getvalue()
