#!/usr/bin/env python3
"""Writes what reference Jinja renders, for the tests of the family `jinja`.

Reference Jinja is jinja2 as transformers sets it up for chat templates (`requirements.txt` has the
version). The conversations are in `conversations.json`, their tools in `tools.json`.

    pip install -r requirements.txt
    python generate.py                       # the templates of this folder -> own.json
    python generate.py ../../../../shared/data/templates   # further templates -> models.json

`models.json` keeps facts about texts and not the texts: the templates of real models have licences
of their own. A fact is the text's length in UTF-8 and its FNV-1a hash.

Templates differ in what they take for arguments, empty content and reasoning. The generator finds
out by trying: the first form in which a call, or reasoning, comes out whole.
"""

import datetime
import itertools
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2026, 11, 22, 12, 34, 56)
BOS, EOS = "<s>", "</s>"


class Generation(jinja2.ext.Extension):
    """The block `generation`, which marks what an assistant says."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: NOW.strftime(form)
    return env


class Failed(Exception):
    """Rendering failed otherwise than by `raise_exception`."""


def shaped(messages, shape):
    """The messages in the form that a template takes."""
    null, text, reasoning, parts = shape
    out = []
    for message in messages:
        message = dict(message)
        content = message.get("content")
        if isinstance(content, list) and not parts:
            message["content"] = "".join(part["text"] for part in content)
        elif parts == "only" and isinstance(content, str):
            message["content"] = [{"type": "text", "text": content}]
        thought = message.pop("reasoning_content", None)
        if thought is not None and reasoning == "part":
            said = [{"type": "text", "text": content}] if content else []
            message["content"] = [{"type": "thinking", "thinking": thought}] + said
        elif thought is not None:
            message[reasoning] = thought
        if message.get("tool_calls"):
            if null and not content:
                message["content"] = None
            calls = json.loads(json.dumps(message["tool_calls"]))
            for call in calls:
                arguments = call["function"]["arguments"]
                if text:
                    call["function"]["arguments"] = json.dumps(arguments, ensure_ascii=False)
            message["tool_calls"] = calls
        out.append(message)
    return out


def variables(conversation, tools):
    """What is rendered beside the messages."""
    chosen = [tools[name] for name in conversation.get("tools", [])]
    given = {
        "tools": chosen or None,
        "documents": None,
        "add_generation_prompt": not conversation.get("continue-last", False),
        "continue_final_message": conversation.get("continue-last", False),
        "bos_token": BOS,
        "eos_token": EOS,
        # Firefunction's own.
        "functions": json.dumps(chosen, ensure_ascii=False, indent=2) if chosen else "",
        "datetime": NOW.strftime("%b %d %Y %H:%M:%S GMT"),
    }
    if "reasoning" in conversation:
        given["enable_thinking"] = given["thinking"] = conversation["reasoning"]
    if "reasoning-effort" in conversation:
        given["reasoning_effort"] = conversation["reasoning-effort"]
    given.update(conversation.get("template-variables", {}))
    return given


def render(template, conversation, tools, shape):
    given = variables(conversation, tools)
    messages = shaped(conversation["messages"], shape)
    try:
        text = template.render(messages=messages, **given)
    except jinja2.exceptions.SecurityError as error:
        raise Failed(repr(error)) from error
    except (TypeError, jinja2.exceptions.UndefinedError) as error:
        # A template that is only for requests with tools loops over them without a look.
        if given["tools"] is not None:
            raise Failed(repr(error)) from error
        given["tools"] = []
        try:
            text = template.render(messages=messages, **given)
        except (TypeError, jinja2.exceptions.UndefinedError) as error:
            raise Failed(repr(error)) from error
    except jinja2.exceptions.TemplateRuntimeError as error:
        raise Failed(repr(error)) from error
    if given["continue_final_message"]:
        text = cut(text, messages[-1]["content"])
    return text


def cut(text, last):
    """Ends the text with the last message, as transformers does."""
    if isinstance(last, list):
        last = [part["text"] for part in last if "text" in part][-1]
    if last.strip() not in text:
        raise Failed("the last message is not in the text")
    at = text.rindex(last.strip())
    end = at + len(last.lstrip())
    return text[:end] if text[at:end] == last else text[: at + len(last.strip())]


def find_shape(template, tools):
    """The first form in which a call and reasoning come out whole."""
    call = {"name": "get_weather", "arguments": {"city": "NEEDLE"}}
    conversation = {
        "messages": [
            {"role": "user", "content": "Q"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "call12345", "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": "call12345", "name": "get_weather", "content": "R"},
        ],
        "tools": ["weather"],
    }

    def attempt(conversation, shape):
        try:
            return render(template, conversation, tools, shape)
        except (Failed, jinja2.exceptions.TemplateError):
            return ""

    part = {"type": "text", "text": "PART"}
    several = {"messages": [{"role": "user", "content": [part, part]}]}
    # A content that is written as a list is not understood.
    listed, joined = (
        attempt(several, (False, False, "reasoning_content", yes)) for yes in (True, False)
    )
    parts = listed.count("PART") == 2 and listed.count("type") == joined.count("type")
    # Some take nothing else.
    single = {"messages": [{"role": "user", "content": "PART"}]}
    if parts and "PART" not in attempt(single, (False, False, "reasoning_content", False)):
        parts = "only"
    null, text = False, False
    for null, text in itertools.product([False, True], [False, True]):
        out = attempt(conversation, (null, text, "reasoning_content", parts))
        if "NEEDLE" in out and '\\"NEEDLE' not in out:
            break
    else:
        null, text = False, False
    conversation["messages"][1]["reasoning_content"] = "THOUGHT"
    said = {
        "messages": [
            {"role": "user", "content": "Q"},
            {"role": "assistant", "content": "A", "reasoning_content": "THOUGHT"},
        ],
        "template-variables": {"add_generation_prompt": False},
        "reasoning": True,
    }
    for reasoning in ["reasoning_content", "reasoning", "thinking", "part"]:
        shape = (null, text, reasoning, parts)
        outs = (attempt(conversation, shape), attempt(said, shape))
        if any("THOUGHT" in out and "'type'" not in out and '"type": "th' not in out for out in outs):
            return shape
    return (null, text, "reasoning_content", parts)


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def facts(text):
    return [len(text.encode()), fnv(text)]


def goldens(folder, fact):
    conversations = json.loads((HERE / "conversations.json").read_text())
    tools = json.loads((HERE / "tools.json").read_text())
    out = {}
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_bytes().decode()
        template = environment().from_string(source)
        shape = find_shape(template, tools)
        names = ["null", "text", "reasoning", "parts"]
        entry = {"template": facts(source), "shape": dict(zip(names, shape))}
        for name, conversation in conversations.items():
            try:
                entry[name] = fact(render(template, conversation, tools, shape))
            except Failed as error:
                entry[name] = {"failed": str(error)}
            except jinja2.exceptions.TemplateError as error:
                entry[name] = {"raised": str(error)}
        out[path.stem] = entry
    return out


def write(name, value):
    lines = []
    for template, entry in value.items():
        rows = [f"    {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in entry.items()]
        lines.append(f"  {json.dumps(template)}: {{\n" + ",\n".join(rows) + "\n  }")
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    if len(sys.argv) > 1:
        write("models.json", goldens(pathlib.Path(sys.argv[1]), facts))
    else:
        write("own.json", goldens(HERE / "templates", lambda text: text))


if __name__ == "__main__":
    main()
