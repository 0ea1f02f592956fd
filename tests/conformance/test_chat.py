"""Chat through the OpenAI SDK."""

import pytest

from script import saying


def test_a_whole_answer(client, fake_chat):
    reply = client.chat.completions.create(model=fake_chat, messages=saying("Hello there."))
    assert reply.object == "chat.completion"
    assert reply.model == fake_chat
    assert reply.id.startswith("chatcmpl-")
    choice = reply.choices[0]
    assert choice.message.role == "assistant"
    assert choice.message.content == "Hello there."
    assert choice.finish_reason == "stop"
    usage = reply.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.parametrize("text", ["Hello there.", "模型 🦀 né", "line\nline\r\n\ttab", "x" * 5000])
def test_a_stream_says_what_the_whole_answer_says(client, fake_chat, text):
    whole = client.chat.completions.create(model=fake_chat, messages=saying(text), max_tokens=8000)
    chunks = list(
        client.chat.completions.create(
            model=fake_chat, messages=saying(text), max_tokens=8000, stream=True
        )
    )
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert streamed == whole.choices[0].message.content == text
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0].choices[0].delta.role == "assistant"
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons[-1] == "stop" and set(reasons[:-1]) == {None}


def test_usage_comes_in_a_chunk_of_its_own_where_asked_for(client, fake_chat):
    def ask(**more):
        return list(
            client.chat.completions.create(
                model=fake_chat, messages=saying("one two"), stream=True, **more
            )
        )

    assert all(chunk.choices for chunk in ask())
    *chunks, last = ask(stream_options={"include_usage": True})
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage.completion_tokens > 0


def test_max_tokens_ends_with_length(client, fake_chat):
    long = "one two three four five six seven eight nine ten"
    reply = client.chat.completions.create(model=fake_chat, messages=saying(long), max_tokens=2)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 2
    assert long.startswith(reply.choices[0].message.content)


def test_max_completion_tokens_wins(client, fake_chat):
    reply = client.chat.completions.create(
        model=fake_chat, messages=saying("a b c d e f"), max_tokens=100, max_completion_tokens=1
    )
    assert reply.usage.completion_tokens == 1


@pytest.mark.parametrize("stop", ["STOP", ["never", "STOP"]])
def test_a_stop_string_is_not_part_of_the_answer(client, fake_chat, stop):
    reply = client.chat.completions.create(
        model=fake_chat, messages=saying("before STOP after"), stop=stop
    )
    # Families may drop white space at the end of a reply.
    assert reply.choices[0].message.content.rstrip() == "before"
    assert reply.choices[0].finish_reason == "stop"


def test_content_may_come_in_parts(client, fake_chat):
    (message,) = saying("from parts")
    parts = [{"type": "text", "text": message["content"]}]
    reply = client.chat.completions.create(
        model=fake_chat, messages=[{"role": "user", "content": parts}]
    )
    assert reply.choices[0].message.content == "from parts"


def test_models_are_listed(client, host):
    listed = client.models.list().data
    assert {model.id for model in listed} == set(host.models)
    assert {model.object for model in listed} == {"model"}


def test_many_requests_at_once_do_not_mix(host, fake_chat):
    import asyncio

    import openai

    async def run():
        async with openai.AsyncOpenAI(base_url=f"{host.endpoint}/v1", api_key="abc") as client:

            async def one(number):
                text = f"this is answer {number} and no other"
                reply = await client.chat.completions.create(
                    model=fake_chat, messages=saying(text)
                )
                assert reply.choices[0].message.content == text

            await asyncio.gather(*(one(number) for number in range(24)))

    asyncio.run(run())
