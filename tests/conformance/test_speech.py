"""Recordings through the OpenAI SDK, Xinference's client, and what Dify sends."""

import json
from datetime import timedelta
from io import StringIO

import openai
import pytest
import srt
import webvtt

import dify
import recording

TEXT = "second 1 second 3"
SPOKEN = recording.seconds(True, False, True)


def named(data, name="speech.wav"):
    return (name, data)


def test_json(client, ears):
    reply = client.audio.transcriptions.create(model=ears, file=named(SPOKEN))
    assert reply.text == TEXT
    assert reply.usage.type == "duration" and reply.usage.seconds == 3


def test_text(client, ears):
    reply = client.audio.transcriptions.create(
        model=ears, file=named(SPOKEN), response_format="text"
    )
    assert reply == TEXT + "\n"


def test_verbose_json(client, ears):
    reply = client.audio.transcriptions.create(
        model=ears,
        file=named(SPOKEN),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        temperature=0,
    )
    assert reply.text == TEXT and reply.language == "english" and reply.duration == 3.0
    assert [(s.id, s.start, s.end) for s in reply.segments] == [(0, 0.0, 1.0), (1, 2.0, 3.0)]
    assert "".join(s.text for s in reply.segments).strip() == TEXT
    assert [w.word for w in reply.words] == ["second", "1", "second", "3"]
    assert reply.words[3].start == 2.5 and reply.words[3].end == 3.0
    types = {"seek": int, "tokens": list, "temperature": float, "avg_logprob": float}
    for name, kind in types.items():
        assert isinstance(getattr(reply.segments[0], name), kind)


def test_srt_is_valid(client, ears):
    reply = client.audio.transcriptions.create(
        model=ears, file=named(SPOKEN), response_format="srt"
    )
    cues = list(srt.parse(reply, ignore_errors=False))
    assert [(c.index, c.start, c.end, c.content) for c in cues] == [
        (1, timedelta(), timedelta(seconds=1), "second 1"),
        (2, timedelta(seconds=2), timedelta(seconds=3), "second 3"),
    ]


def test_vtt_is_valid(client, ears):
    reply = client.audio.transcriptions.create(
        model=ears, file=named(SPOKEN), response_format="vtt"
    )
    cues = webvtt.from_buffer(StringIO(reply)).captions
    assert [(c.start, c.end, c.text) for c in cues] == [
        ("00:00:00.000", "00:00:01.000", "second 1"),
        ("00:00:02.000", "00:00:03.000", "second 3"),
    ]


def test_silence_is_an_empty_transcript_in_every_format(client, ears):
    silence = named(recording.seconds(False, False))
    create = client.audio.transcriptions.create
    assert create(model=ears, file=silence).text == ""
    assert create(model=ears, file=silence, response_format="text") == ""
    assert list(srt.parse(create(model=ears, file=silence, response_format="srt"))) == []
    vtt = create(model=ears, file=silence, response_format="vtt")
    assert webvtt.from_buffer(StringIO(vtt)).captions == []
    assert create(model=ears, file=silence, response_format="verbose_json").segments == []


def test_a_stream(client, ears):
    events = list(client.audio.transcriptions.create(model=ears, file=named(SPOKEN), stream=True))
    kinds = [event.type for event in events]
    assert set(kinds[:-1]) == {"transcript.text.delta"}
    assert kinds[-1] == "transcript.text.done"
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == TEXT
    assert events[-1].usage is not None


def test_a_translation(client, ears):
    reply = client.audio.translations.create(
        model=ears, file=named(SPOKEN), response_format="verbose_json"
    )
    assert reply.text == TEXT and reply.language == "english"


def test_errors_have_a_text(client, ears):
    create = client.audio.transcriptions.create
    with pytest.raises(openai.BadRequestError, match="file"):
        create(model=ears, file=named(b"this is no sound"))
    with pytest.raises(openai.NotFoundError, match="nosuch"):
        create(model="nosuch", file=named(SPOKEN))
    with pytest.raises(openai.BadRequestError, match="response_format"):
        create(model=ears, file=named(SPOKEN), response_format="docx")
    with pytest.raises(openai.BadRequestError, match="not for chat"):
        client.chat.completions.create(model=ears, messages=[{"role": "user", "content": "x"}])


def test_a_missing_field_is_named_as_by_xinferences_framework(http, ears):
    answer = http.post("/v1/audio/transcriptions", data={"model": ears}, files={"other": b"x"})
    assert answer.status_code == 422
    assert answer.json()["detail"] == [
        {"type": "missing", "loc": ["body", "file"], "msg": "Field required", "input": None}
    ]


def test_the_handle_of_xinferences_client(xinference, ears):
    model = xinference.get_model(ears)
    assert type(model).__name__ == "RESTfulAudioModelHandle"
    assert model.transcriptions(SPOKEN)["text"] == TEXT
    verbose = model.transcriptions(
        SPOKEN,
        language="en",
        response_format="verbose_json",
        temperature=0,
        timestamp_granularities=["word"],
    )
    assert verbose["task"] == "transcribe"
    assert [word["word"] for word in verbose["words"]] == ["second", "1", "second", "3"]
    assert "segments" not in verbose
    assert model.translations(SPOKEN)["text"] == TEXT
    with pytest.raises(RuntimeError, match="file"):
        model.transcriptions(b"this is no sound")


def test_what_dify_sends_and_reads(http, ears):
    description = http.get(f"/v1/models/{ears}").json()
    assert dify.read_audio_description(description) == "speech2text"
    assert dify.transcribe(http, ears, SPOKEN) == TEXT
    with pytest.raises(RuntimeError, match="detail: `file`"):
        dify.transcribe(http, ears, b"this is no sound")


def test_a_description_has_xinferences_keys(http, ears):
    description = http.get(f"/v1/models/{ears}").json()
    expected = {
        "model_type": "audio", "model_family": "scribe", "model_ability": ["audio2text"],
        "n_worker": 1, "replica": 1,
    }  # fmt: skip
    assert expected.items() <= description.items()
    for key in ("address", "accelerators", "model_name", "model_lang", "model_revision",
                "model_engine", "quantization"):  # fmt: skip
        assert key in description


def test_audio_is_counted(http, host, ears):
    before = host.metric("modelhost_audio_seconds_total", model=ears)
    assert dify.transcribe(http, ears, SPOKEN) == TEXT
    assert host.metric("modelhost_audio_seconds_total", model=ears) - before == 3
    assert host.metric("modelhost_real_time_factor_count", model=ears) > 0


def test_lax_fields(http, ears):
    fields = {
        "model": f" {ears} ", "language": "", "temperature": "0.0", "stream": "False",
        "timestamp_granularities": json.dumps(["word"]), "response_format": "VERBOSE_JSON",
        "kwargs": "", "chunking_strategy": "auto", "user": "me",
    }  # fmt: skip
    files = {"file": ("blob", SPOKEN, "audio/webm")}
    answer = http.post("/v1/audio/transcriptions/", data=fields, files=files)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["words"]) == 4


def test_fields_within_kwargs(http, ears):
    kwargs = {"response_format": "text", "temperature": 1.5, "timestamp_granularities": ["word"]}
    fields = {"model": ears, "kwargs": json.dumps(kwargs)}
    files = {"file": named(SPOKEN)}
    answer = http.post("/v1/audio/transcriptions", data=fields, files=files)
    assert (answer.status_code, answer.text) == (200, TEXT + "\n")
    fields["response_format"] = "verbose_json"
    answer = http.post("/v1/audio/transcriptions", data=fields, files=files)
    assert len(answer.json()["words"]) == 4, "a field of the form itself stands"
