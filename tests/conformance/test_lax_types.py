"""Types as clients really send them: numbers and booleans in strings, unknown and null fields."""

import pytest

from script import saying


@pytest.mark.parametrize(
    "lax",
    [
        {"max_tokens": "5"},
        {"temperature": "0.5"},
        {"temperature": 1},
        {"stream": "false"},
        {"stream": 0},
        {"top_p": None, "stop": None, "tools": None, "seed": None, "n": None},
        {"user": "dify", "some_field_of_the_future": {"a": [1]}},
        {"stop": []},
        {"presence_penalty": 0, "frequency_penalty": "0"},
        {"chat_template_kwargs": {"enable_thinking": False}, "thinking": False},
        {"chat_template_kwargs": '{"enable_thinking": true}'},
        {"enable_thinking": "true"},
        {"repetition_penalty": 1},
    ],
)
def test_lax_types_are_read(http, fake_chat, lax):
    body = {"model": fake_chat, "messages": saying("fine")} | lax
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"] == "fine"


@pytest.mark.parametrize("stream", ["true", "1", "yes", "on", 1, True])
def test_a_stream_may_be_asked_for_in_many_words(http, fake_chat, stream):
    body = {"model": fake_chat, "messages": saying("fine"), "stream": stream}
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.headers["content-type"].startswith("text/event-stream")


def test_any_bearer_is_accepted_where_no_keys_are_set(http, fake_chat):
    assert http.get("/v1/cluster/auth").json() == {"auth": False}
    reply = http.get("/v1/models", headers={"authorization": "Bearer abc"})
    assert reply.status_code == 200
