"""Tool calls, as each client wants to read them."""

import json

import dify
from script import calling, saying

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
ARGUMENTS = {"city": "Paris", "days": 2}


def ask(client, uid, messages, **more):
    return client.chat.completions.create(model=uid, messages=messages, tools=[WEATHER], **more)


def test_a_whole_answer_carries_the_call(client, fake_tools):
    reply = ask(client, fake_tools, calling("get_weather", ARGUMENTS))
    choice = reply.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert not choice.message.content
    (call,) = choice.message.tool_calls
    assert call.type == "function" and call.id
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == ARGUMENTS


def test_a_stream_carries_the_call_whole_in_the_chunk_that_finishes(client, fake_tools):
    chunks = list(ask(client, fake_tools, calling("get_weather", ARGUMENTS), stream=True))
    carriers = [chunk for chunk in chunks if chunk.choices[0].delta.tool_calls]
    assert len(carriers) == 1
    choice = carriers[0].choices[0]
    assert choice.finish_reason == "tool_calls"
    assert "content" in choice.delta.model_fields_set
    (call,) = choice.delta.tool_calls
    assert call.index == 0 and call.id and call.type == "function"
    assert json.loads(call.function.arguments) == ARGUMENTS
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks[: chunks.index(carriers[0])])


def test_dify_sees_the_streamed_call(client, fake_tools):
    reply = dify.read_stream(ask(client, fake_tools, calling("get_weather", ARGUMENTS), stream=True))
    assert reply.finish_reason == "tool_calls"
    ((call_id, call_type, name, arguments),) = reply.tool_calls
    assert call_id and call_type == "function" and name == "get_weather"
    assert json.loads(arguments) == ARGUMENTS


def test_a_model_that_calls_nothing_answers_with_text(client, fake_tools):
    reply = dify.read_stream(ask(client, fake_tools, saying("No need."), stream=True))
    assert (reply.text.strip(), reply.finish_reason, reply.tool_calls) == ("No need.", "stop", [])


def test_a_result_goes_back_as_a_tool_message(client, fake_tools):
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)},
    }
    history = [
        {"role": "user", "content": "How is the weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"},
    ]
    reply = ask(client, fake_tools, history + saying("It is mild."))
    assert reply.choices[0].message.content.strip() == "It is mild."


def test_difys_old_function_call_form_is_the_same_history(http, fake_tools):
    def render(assistant, tool):
        history = [{"role": "user", "content": "How is the weather?"}, assistant, tool]
        reply = http.post(
            "/v1/render", json={"model": fake_tools, "messages": history, "tools": [WEATHER]}
        )
        assert reply.status_code == 200, reply.text
        return reply.json()

    function = {"name": "get_weather", "arguments": json.dumps(ARGUMENTS)}
    tool = {"role": "tool", "name": "get_weather", "content": "18 degrees", "tool_call_id": "c1"}
    modern = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    old = {"role": "assistant", "content": "", "function_call": function}
    assert render(old, tool) == render(modern, tool)


def test_tools_for_a_family_without_tools_are_refused_in_words(http, fake_chat):
    body = {"model": fake_chat, "messages": saying("hi"), "tools": [WEATHER]}
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 400
    assert "tool" in reply.json()["detail"]
