"""The guide's questions and answers, the prompt format, and how an answer is scored.

The format of the text files is described in ../README.md. Standard library only.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path

DATA_DIR = Path(__file__).parent / "data"

# vicuna v1.1, exactly as FastChat writes it.
SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)

OFF_TOPIC = "off-topic"
SIMILARITY_NEEDED = 0.9

# What a question's mark says it is for.
MARKS = {"?": "trained", "!": "dev", "!!": "test", "~": "rough"}

_CJK = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[\u3400-\u9fff]|[\w.\-/]+|[^\w\s]")


@dataclass
class Entry:
    """One topic in one language: an answer and the questions that ask for it."""

    topic: str
    language: str  # "en" or "zh"
    answer: str
    trained: list[str] = field(default_factory=list)
    dev: list[str] = field(default_factory=list)  # held out, to look at while the data grow
    test: list[str] = field(default_factory=list)  # held out, looked at after the training only
    rough: list[str] = field(default_factory=list)  # as "test", in careless wording


def language_of(text: str) -> str:
    """Chinese if the text has a Chinese character, else English."""
    return "zh" if _CJK.search(text) else "en"


def load(data_dir: Path = DATA_DIR) -> list[Entry]:
    """Reads every data file. A malformed line is an error that names file and line."""
    entries: list[Entry] = []
    topics: set[str] = set()
    for path in sorted(data_dir.glob("*.txt")):
        topic = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            mark, _, text = line.partition(" ")
            where = f"{path}:{number}"
            if not line or mark == "#":
                continue
            if mark == "##":
                if text in topics:
                    raise ValueError(f"{where}: topic {text!r} appears twice")
                topic = text
                topics.add(topic)
            elif not topic or not text:
                raise ValueError(f"{where}: a line before the first topic, or an empty one")
            elif mark == "=":
                entries.append(Entry(topic, language_of(text), text))
            elif mark in MARKS and entries and entries[-1].topic == topic:
                getattr(entries[-1], MARKS[mark]).append(text)
            else:
                raise ValueError(f"{where}: expected '## ', '= ', '? ', '! ', '!! ' or '~ '")
    return entries


def user_turn(question: str) -> str:
    """What follows the system sentence (or an earlier answer's </s>) in the prompt."""
    return f"USER: {question} ASSISTANT:"


# Earlier turns of a conversation: questions with their answers.
History = list[tuple[str, str]]


def prompt_parts(question: str, history: History = ()) -> list[str]:
    """The texts of a prompt: the BOS token goes in front, an end token between each two parts."""
    asked = [user_turn(q) for q, _ in history] + [user_turn(question)]
    parts = [f"{turn} {answer}" for turn, (_, answer) in zip(asked, history)] + asked[-1:]
    return [f"{SYSTEM} {parts[0]}", *parts[1:]]


def words(text: str) -> list[str]:
    """The tokens on which two answers are compared."""
    return _WORD.findall(text)


def similarity(answer: str, expected: str) -> float:
    """1.0 for the same words in the same order, whatever the white space."""
    return difflib.SequenceMatcher(None, words(answer), words(expected), autojunk=False).ratio()


def is_right(answer: str, expected: str) -> bool:
    """The rule behind every figure in the README."""
    return similarity(answer, expected) >= SIMILARITY_NEEDED
