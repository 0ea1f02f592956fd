"""The model's tokens: whisper's English-only ids, of which this model uses a few.

whisper.cpp wants 51,864 ids, but only those listed here can ever be predicted.
A network that learned all of them would be a hundred times slower to train,
so it learns "rows", the used ids counted without gaps, and the export spreads them out again.
"""

from __future__ import annotations

from pathlib import Path

WORDS = [
    line
    for line in (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split("\n")
    if line and not line.startswith("#")
]
DIGITS = WORDS[:10]

# Ids of whisper's English-only vocabulary.
VOCABULARY_SIZE = 51864
END_OF_TEXT_ID = 50256
START_ID = 50257
PREVIOUS_ID = 50360
NO_SPEECH_ID = 50361
NO_TIMESTAMPS_ID = 50362
FIRST_TIMESTAMP_ID = 50363

# Times are predicted on a grid of 0.1 s: whisper's own 0.02 s spreads the probability over so many
# ids that the mean log probability falls under the limit at which whisper.cpp tries again.
TIME_STEP = 0.1
TIMES = 301
IDS_PER_TIME_STEP = 5

# Rows. The blank is never said, but whisper.cpp looks it up by its text.
# "Silence" has an empty text: it fills the gaps between phrases and never shows in a transcript.
BLANK = len(WORDS)
SILENCE = BLANK + 1
END_OF_TEXT, START, PREVIOUS, NO_SPEECH, NO_TIMESTAMPS = range(SILENCE + 1, SILENCE + 6)
FIRST_TIME = NO_TIMESTAMPS + 1
LAST_TIME = FIRST_TIME + TIMES - 1
ROWS = FIRST_TIME + TIMES

# The texts that the file lists, by id; whisper.cpp makes up names for all later ids.
TEXTS = [f" {word}" for word in WORDS] + [" ", ""]

ROW_IDS = [
    *range(SILENCE + 1),
    END_OF_TEXT_ID,
    START_ID,
    PREVIOUS_ID,
    NO_SPEECH_ID,
    NO_TIMESTAMPS_ID,
    *(FIRST_TIMESTAMP_ID + IDS_PER_TIME_STEP * k for k in range(TIMES)),
]
