"""Structured output, on real models: the grammar rules even where the model has learnt nothing."""

import json
import re

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def test_a_json_schema_rules_the_answer(client, guide):
    reply = client.chat.completions.create(
        model=guide,
        messages=[{"role": "user", "content": "Who are you?"}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "person", "schema": SCHEMA, "strict": True},
        },
        max_tokens=200,
        temperature=0,
    )
    if reply.choices[0].finish_reason == "stop":
        answer = json.loads(reply.choices[0].message.content)
        assert set(answer) == {"name", "age"} and isinstance(answer["age"], int)
    else:
        assert reply.choices[0].message.content.lstrip().startswith("{")


def test_a_choice_rules_the_completion(client, stories):
    reply = client.completions.create(
        model=stories,
        prompt="The colour of the sky is",
        max_tokens=16,
        extra_body={"guided_choice": [" red", " green"]},
    )
    assert reply.choices[0].text in (" red", " green")


def test_a_regex_rules_the_completion(client, stories):
    reply = client.completions.create(
        model=stories, prompt="A number:", max_tokens=16, extra_body={"guided_regex": "[0-9]{3}"}
    )
    assert re.fullmatch("[0-9]{3}", reply.choices[0].text)


def test_a_schema_that_is_none_is_refused(http, stories):
    body = {"model": stories, "prompt": "x", "guided_json": {"type": "nonsense"}}
    reply = http.post("/v1/completions", json=body)
    assert reply.status_code == 400, reply.text
