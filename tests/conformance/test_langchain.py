"""LangChain, through its Xinference and its OpenAI packages."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from langchain_xinference import ChatXinference

from script import calling, saying


def human(messages):
    return [HumanMessage(message["content"]) for message in messages]


@pytest.fixture(params=["xinference", "openai"])
def chat(request, endpoint):
    def make(uid):
        if request.param == "xinference":
            return ChatXinference(server_url=endpoint, model_uid=uid)
        return ChatOpenAI(base_url=f"{endpoint}/v1", api_key="abc", model=uid, max_retries=0)

    return make


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"fine in {city}"


def test_invoke(chat, fake_chat):
    reply = chat(fake_chat).invoke(human(saying("Hello.")))
    assert isinstance(reply, AIMessage) and reply.content == "Hello."


def test_stream(chat, fake_chat):
    texts = [chunk.content for chunk in chat(fake_chat).stream(human(saying("one two three")))]
    assert "".join(texts) == "one two three" and len(texts) > 1


def test_a_tool_call(chat, fake_tools):
    model = chat(fake_tools).bind_tools([get_weather])
    reply = model.invoke(human(calling("get_weather", {"city": "Paris"})))
    (call,) = reply.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})


def test_a_streamed_tool_call(chat, fake_tools):
    model = chat(fake_tools).bind_tools([get_weather])
    whole = None
    for chunk in model.stream(human(calling("get_weather", {"city": "Paris"}))):
        whole = chunk if whole is None else whole + chunk
    (call,) = whole.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
