"""Xinference's own client, and what Dify's provider reads through it."""

import dify
from script import saying


def test_models_are_listed(xinference, host):
    assert set(xinference.list_models()) == set(host.models)


def test_a_description_has_what_dify_reads(http, fake_tools, fake_chat):
    tools = dify.read_description(http.get(f"/v1/models/{fake_tools}").json())
    assert tools["mode"] == "chat" and tools["tools"]
    chat = dify.read_description(http.get(f"/v1/models/{fake_chat}").json())
    assert chat["mode"] == "chat" and not chat["tools"]
    assert chat["context_length"] > 0


def test_a_description_has_xinferences_keys_in_their_order(http, fake_chat):
    listed = next(m for m in http.get("/v1/models").json()["data"] if m["id"] == fake_chat)
    keys = [
        "id", "object", "created", "owned_by", "model_type", "address", "accelerators",
        "model_name", "model_lang", "model_ability", "model_description", "model_format",
        "model_size_in_billions", "model_family", "quantization", "multimodal_projector",
        "model_hub", "revision", "context_length", "strict_system_first", "model_engine", "replica",
    ]  # fmt: skip
    assert [key for key in listed if key in keys] == keys
    one = http.get(f"/v1/models/{fake_chat}").json()
    assert "id" not in one and one["n_worker"] == 1 and one["replica"] == 1


def test_a_chat_through_the_handle(xinference, fake_chat):
    model = xinference.get_model(fake_chat)
    reply = model.chat(messages=saying("Hello."), generate_config={"max_tokens": 64})
    assert reply["choices"][0]["message"]["content"] == "Hello."


def test_a_stream_through_the_handle(xinference, fake_chat):
    model = xinference.get_model(fake_chat)
    chunks = model.chat(messages=saying("Hello."), generate_config={"stream": True})
    texts = (chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert "".join(texts) == "Hello."


def test_a_completion_through_the_handle(xinference, stories):
    model = xinference.get_model(stories)
    reply = model.generate("Once upon a time", generate_config={"max_tokens": 8, "temperature": 0})
    assert reply["choices"][0]["text"].startswith(", there was")
    config = {"max_tokens": 8, "temperature": 0, "stream": True}
    chunks = list(model.generate("Once upon a time", generate_config=config))
    streamed = "".join(c["choices"][0]["text"] for c in chunks if c["choices"])
    assert streamed == reply["choices"][0]["text"]


def test_the_cluster_routes_that_clients_call_first(http):
    assert http.get("/v1/cluster/auth").json() == {"auth": False}
    assert "version" in http.get("/v1/cluster/version").json()
    assert isinstance(http.get("/v1/address").json(), str)
    assert http.get("/status").json()["uptime"] >= 0
