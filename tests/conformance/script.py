"""Messages that tell the fake engine what to answer.

The engine finds `{"fake": {...}}` in the prompt's text; the last one counts.
"""

import json


def _user(**script):
    return [{"role": "user", "content": json.dumps({"fake": script})}]


def saying(text):
    """A conversation that the model answers with this text."""
    return _user(text=text)


def calling(name, arguments):
    """A conversation that the model answers with a tool call, as a GLM-4 model writes one."""
    return _user(text=f"{name}\n{json.dumps(arguments)}")


def forever():
    """A conversation that the model answers with a word each millisecond, for a long time."""
    return _user(text="word ", tokens=1_000_000, delay_us=1000)
