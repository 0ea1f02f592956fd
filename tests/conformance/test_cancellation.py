"""A client that goes away frees what its request held."""

import time

from script import forever


def settled(read, wanted, limit=10):
    """Reads until the wanted value comes; a freed sequence is seen at the next engine step."""
    end = time.monotonic() + limit
    while (value := read()) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    return value


def test_closing_a_stream_frees_its_sequence(client, host, fake_slow):
    before = host.active(fake_slow)
    reply = client.chat.completions.create(
        model=fake_slow, messages=forever(), stream=True, max_tokens=100_000
    )
    texts = (chunk.choices[0].delta.content for chunk in reply)
    assert next(text for text in texts if text)
    assert settled(lambda: host.active(fake_slow), before + 1) == before + 1
    reply.close()
    assert settled(lambda: host.active(fake_slow), before) == before


def test_many_clients_that_vanish_leave_nothing_behind(client, host, fake_slow):
    before = host.active(fake_slow)
    for _ in range(20):
        reply = client.chat.completions.create(
            model=fake_slow, messages=forever(), stream=True, max_tokens=100_000
        )
        next(iter(reply))
        reply.close()
    assert settled(lambda: host.active(fake_slow), before) == before
