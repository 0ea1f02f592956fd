"""The bytes of a stream."""

import json

from script import saying


def stream(http, uid, text="one two three", **more):
    body = {"model": uid, "messages": saying(text), "stream": True} | more
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    return reply


def test_headers(http, fake_chat):
    reply = stream(http, fake_chat)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.headers["x-request-id"]


def test_frames_end_in_crlf_and_the_stream_in_done(http, fake_chat):
    raw = stream(http, fake_chat).content
    frames = raw.split(b"\r\n\r\n")
    assert frames[-1] == b""
    assert frames[-2] == b"data: [DONE]"
    for frame in frames[:-2]:
        assert frame.startswith(b"data: {") and b"\n" not in frame
        json.loads(frame.removeprefix(b"data: "))


def test_every_delta_has_the_key_content(http, fake_chat):
    frames = stream(http, fake_chat).content.split(b"\r\n\r\n")[:-2]
    chunks = [json.loads(frame.removeprefix(b"data: ")) for frame in frames]
    assert all("content" in chunk["choices"][0]["delta"] for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert chunks[-1]["choices"][0]["delta"]["content"] == ""


def test_control_characters_cannot_break_a_frame(http, fake_chat):
    text = "a\r\n\r\ndata: [DONE]\r\n\r\nb"
    frames = stream(http, fake_chat, text).content.split(b"\r\n\r\n")[:-2]
    chunks = [json.loads(frame.removeprefix(b"data: ")) for frame in frames]
    assert "".join(chunk["choices"][0]["delta"]["content"] or "" for chunk in chunks) == text
