#!/usr/bin/env python3
"""Checks the rules that the data must keep (../README.md). Standard library only; ends with 1 if one is broken."""

from __future__ import annotations

import argparse
import re
import sys

import dataset

TOPICS, CHINESE_TOPICS = 150, 60
LEAST = {"en": (8, 2), "zh": (4, 1)}  # trained and held-out questions of an entry (all sets)
LONGEST = {"en": 45, "zh": 130}  # words, or characters, of an answer


def normal(question: str) -> str:
    """The question without case, punctuation and spacing, so that near copies are found."""
    return re.sub(r"[^\w/<>|]+", " ", question.lower()).strip() or question


def problems(entries: list[dataset.Entry]) -> list[str]:
    found = []
    languages = [e.language for e in entries]
    if languages.count("en") < TOPICS or languages.count("zh") < CHINESE_TOPICS:
        found.append(f"at least {TOPICS} English and {CHINESE_TOPICS} Chinese topics are needed")
    seen: dict[str, str] = {}
    for entry in entries:
        name = f"{entry.topic} ({entry.language})"
        trained, held_out = LEAST[entry.language]
        unseen = entry.dev + entry.test + entry.rough
        if len(entry.trained) < trained or len(unseen) < held_out:
            found.append(f"{name}: needs {trained} questions and {held_out} held out")
        length = len(entry.answer.split()) if entry.language == "en" else len(entry.answer)
        if length > LONGEST[entry.language]:
            found.append(f"{name}: the answer is too long ({length})")
        for question in entry.trained + unseen:
            if dataset.language_of(question) != entry.language:
                found.append(f"{name}: another language: {question}")
            other = seen.setdefault(normal(question), name)
            if other != name:
                found.append(f"{name}: also asked in {other}: {question}")
        for question in {normal(q) for q in entry.trained} & {normal(q) for q in unseen}:
            found.append(f"{name}: both trained and held out: {question}")
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    entries = dataset.load()
    found = problems(entries)
    counts = ", ".join(f"{sum(len(getattr(e, name)) for e in entries)} {name}" for name in dataset.MARKS.values())
    print(*found, f"{len({e.topic for e in entries})} topics, questions: {counts}; {len(found)} problems", sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
