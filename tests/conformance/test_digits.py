"""The speech model that the project carries: right words, right times, in every format."""

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import openai
import pytest
import srt
import webvtt

import dify
from host import ROOT

SAMPLES = ROOT / "host" / "demo" / "digits" / "samples"
LISTED = SAMPLES / "samples.json"
ALL = json.loads(LISTED.read_text()) if LISTED.exists() else []
SPOKEN = [sample for sample in ALL if sample["text"]]


def _id(sample):
    return sample["file"]


def _plain(text):
    """What was said, without what writing adds."""
    return " ".join(text.lower().replace(".", " ").replace(",", " ").split())


def _file(sample):
    return (sample["file"], (SAMPLES / sample["file"]).read_bytes())


@pytest.mark.parametrize("sample", ALL, ids=_id)
def test_the_words(client, digits, sample):
    reply = client.audio.transcriptions.create(model=digits, file=_file(sample))
    assert _plain(reply.text) == sample["text"]


@pytest.mark.parametrize("sample", SPOKEN, ids=_id)
def test_the_times(client, digits, sample):
    reply = client.audio.transcriptions.create(
        model=digits,
        file=_file(sample),
        response_format="verbose_json",
        timestamp_granularities=["segment", "word"],
    )
    assert reply.duration == pytest.approx(sample["seconds"], abs=0.02)
    assert _plain(" ".join(word.word for word in reply.words)) == sample["text"]
    for segment in reply.segments:
        assert 0 <= segment.start <= segment.end <= reply.duration + 0.02
    first, last = sample["words"][0], sample["words"][-1]
    for heard, said, before in zip(reply.words, sample["words"], [None, *sample["words"]]):
        assert heard.start <= heard.end
        # Where a word follows a pause is there for all to hear.
        if before is None or said["begin"] - before["end"] >= 0.2:
            assert heard.start == pytest.approx(said["begin"], abs=0.1), said
    assert reply.segments[0].start == pytest.approx(first["begin"], abs=0.1)
    assert reply.segments[-1].end == pytest.approx(last["end"], abs=0.1)


@pytest.mark.parametrize("sample", ALL, ids=_id)
def test_subtitles(client, digits, sample):
    create = client.audio.transcriptions.create
    written = create(model=digits, file=_file(sample), response_format="srt")
    cues = list(srt.parse(written, ignore_errors=False))
    assert _plain(" ".join(cue.content for cue in cues)) == sample["text"]
    written = create(model=digits, file=_file(sample), response_format="vtt")
    cues = webvtt.from_buffer(StringIO(written)).captions
    assert _plain(" ".join(cue.text for cue in cues)) == sample["text"]


@pytest.mark.parametrize("sample", SPOKEN, ids=_id)
def test_text_and_a_stream(client, digits, sample):
    create = client.audio.transcriptions.create
    assert _plain(create(model=digits, file=_file(sample), response_format="text")) == sample["text"]
    events = list(create(model=digits, file=_file(sample), stream=True))
    assert _plain("".join(event.delta for event in events[:-1])) == sample["text"]
    assert events[-1].type == "transcript.text.done"


def test_xinferences_client_and_dify(http, xinference, digits):
    for sample in SPOKEN:
        name, data = _file(sample)
        assert _plain(xinference.get_model(digits).transcriptions(data)["text"]) == sample["text"]
        assert _plain(dify.transcribe(http, digits, data)) == sample["text"]


def test_twenty_at_once(endpoint, digits):
    samples = [ALL[at % len(ALL)] for at in range(20)]
    base = f"{endpoint}/v1"

    def hear(sample):
        with openai.OpenAI(base_url=base, api_key="abc", max_retries=0, timeout=300) as client:
            reply = client.audio.transcriptions.create(model=digits, file=_file(sample))
            return _plain(reply.text)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(hear, samples)) == [sample["text"] for sample in samples]
