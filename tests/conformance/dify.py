"""What Dify's Xinference provider reads of a streamed chat, as a small reader of its own.

The provider drops more than it says: a chunk without choices, and a chunk that has neither a
finish reason nor content, whatever else it carries. A tool call that comes in such a chunk is
lost, and so a host must send it whole, in the chunk that finishes the reply.
"""

from dataclasses import dataclass, field


@dataclass
class Reply:
    text: str = ""
    finish_reason: str | None = None
    tool_calls: list = field(default_factory=list)


def read_stream(chunks):
    reply = Reply()
    for chunk in chunks:
        if not chunk.choices:
            continue
        choice = chunk.choices[0]
        if choice.finish_reason is None and not choice.delta.content:
            continue
        for call in choice.delta.tool_calls or []:
            reply.tool_calls.append((call.id, call.type, call.function.name, call.function.arguments))
        reply.text += choice.delta.content or ""
        if choice.finish_reason is not None:
            reply.finish_reason = choice.finish_reason
    return reply


def transcribe(http, uid, recording):
    """Sends a recording as the provider does, and reads what it reads."""
    answer = http.post(
        "/v1/audio/transcriptions",
        data={
            "model": uid,
            "response_format": "verbose_json",
            "temperature": 0,
            "kwargs": "{}",
        },
        files={"file": ("file", recording, "application/octet-stream")},
    )
    if answer.status_code != 200:
        raise RuntimeError(f"Failed to transcribe the audio, detail: {answer.json()['detail']}")
    return answer.json()["text"]


def read_audio_description(description):
    """What the provider takes an audio model for."""
    if description["model_type"] != "audio":
        raise ValueError("not an audio model")
    abilities = description["model_ability"]
    speaks = "text2audio" in abilities or "text-to-audio" in abilities
    return "tts" if speaks or description["model_family"] in SPEAKING else "speech2text"


SPEAKING = ("ChatTTS", "CosyVoice", "FishAudio")


def read_description(description):
    """The mode and the features that the provider takes from a model's description."""
    abilities = description["model_ability"]
    if "chat" in abilities:
        mode = "chat"
    elif "generate" in abilities:
        mode = "completion"
    else:
        raise ValueError("xinference model handle type is not supported")
    return {
        "mode": mode,
        "tools": "tools" in abilities,
        "vision": "vision" in abilities,
        "context_length": description.get("context_length", 2048),
    }
