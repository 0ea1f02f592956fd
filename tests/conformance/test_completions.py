"""Plain completions, on the smallest real model."""

import pytest

# The first tokens of what the model's author publishes for temperature 0.
TALE = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park."
)


def test_greedy_completion_is_the_published_one(client, stories):
    reply = client.completions.create(
        model=stories, prompt="Once upon a time", max_tokens=60, temperature=0
    )
    assert ("Once upon a time" + reply.choices[0].text).startswith(TALE)
    assert reply.object == "text_completion"
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 60


def test_a_stream_says_the_same(client, stories):
    ask = dict(model=stories, prompt="Once upon a time", max_tokens=60, temperature=0)
    whole = client.completions.create(**ask)
    chunks = list(client.completions.create(**ask, stream=True))
    texts = [choice.text for chunk in chunks for choice in chunk.choices]
    assert "".join(texts) == whole.choices[0].text
    assert chunks[-1].choices == [] or chunks[-1].choices[0].finish_reason == "length"


def test_neighbours_do_not_change_a_greedy_answer(client, stories):
    from concurrent.futures import ThreadPoolExecutor

    def ask(prompt):
        return client.completions.create(
            model=stories, prompt=prompt, max_tokens=48, temperature=0
        ).choices[0].text

    alone = ask("Once upon a time")
    prompts = ["Once upon a time"] + [f"Tom and Lily saw {number} birds" for number in range(15)]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, prompts))
    assert together[0] == alone


def test_echo_puts_the_prompt_in_front(client, stories):
    reply = client.completions.create(
        model=stories, prompt="Once upon a time", max_tokens=8, temperature=0, echo=True
    )
    assert reply.choices[0].text.startswith("Once upon a time")


def test_logprobs(client, stories):
    reply = client.completions.create(
        model=stories, prompt="Once upon a time", max_tokens=4, temperature=0, logprobs=2
    )
    logprobs = reply.choices[0].logprobs
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == 4
    assert all(value <= 0 for value in logprobs.token_logprobs)


@pytest.mark.parametrize("seed", [1, 7])
def test_a_seed_repeats_itself(client, stories, seed):
    def ask():
        return client.completions.create(
            model=stories, prompt="One day", max_tokens=24, temperature=1, seed=seed
        ).choices[0].text

    assert ask() == ask()
