"""Refusals: a status that clients understand, and a message in both places where they look."""

import openai
import pytest

from script import saying


def refused(http, path, body, status):
    reply = http.post(path, json=body)
    assert reply.status_code == status, reply.text
    answer = reply.json()
    assert answer["detail"] == answer["error"]["message"]
    return answer["detail"]


def test_the_sdk_shows_the_message(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nobody", messages=saying("hi"))
    assert "Model not found in the model list, uid: nobody" in str(caught.value)


def test_an_unknown_model_is_404_on_use_and_400_on_description(http):
    text = refused(http, "/v1/chat/completions", {"model": "no", "messages": saying("x")}, 404)
    assert "uid: no" in text
    refused(http, "/v1/completions", {"model": "no", "prompt": "x"}, 404)
    reply = http.get("/v1/models/no")
    assert reply.status_code == 400
    assert "Model not found in the model list, uid: no" in reply.json()["detail"]


def test_xinferences_client_reads_the_detail(xinference):
    with pytest.raises(RuntimeError, match="Model not found in the model list, uid: nobody"):
        xinference.get_model("nobody")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "role"),
        ({"messages": [{"content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": {"no": "list"}}]}, "content"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 1000}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": "perhaps"}, "stream"),
        ({"stop": {"a": 1}}, "stop"),
        ({"tools": "hammer"}, "tools"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"response_format": {"type": "poem"}}, "response_format"),
    ],
)
def test_bad_fields_are_named(http, fake_chat, change, field):
    body = {"model": fake_chat, "messages": saying("hi")} | change
    reply = http.post("/v1/chat/completions", json=body)
    assert reply.status_code in (400, 422), reply.text
    assert field in str(reply.json()["detail"])


def test_an_empty_conversation_is_refused_in_xinferences_words(http, fake_chat):
    text = refused(http, "/v1/chat/completions", {"model": fake_chat, "messages": []}, 400)
    assert "Please specify the prompt" in text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"model": "a"' * 50])
def test_what_is_no_json_object_is_a_client_error(http, body):
    reply = http.post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )
    assert 400 <= reply.status_code < 500
    assert reply.json()["detail"]


def test_deep_json_is_a_client_error(http):
    reply = http.post(
        "/v1/chat/completions",
        content=b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        headers={"content-type": "application/json"},
    )
    assert 400 <= reply.status_code < 500


def test_unknown_routes_and_methods_answer_as_fastapi_does(http):
    missing = http.get("/v1/nothing")
    assert (missing.status_code, missing.json()["detail"]) == (404, "Not Found")
    wrong = http.get("/v1/chat/completions")
    assert (wrong.status_code, wrong.json()["detail"]) == (405, "Method Not Allowed")


def test_the_host_goes_on_after_all_that(client, fake_chat):
    reply = client.chat.completions.create(model=fake_chat, messages=saying("still here"))
    assert reply.choices[0].message.content == "still here"
