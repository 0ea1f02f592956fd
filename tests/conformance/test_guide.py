"""The model that the project carries answers people."""


def test_the_guide_answers(client, guide):
    reply = client.chat.completions.create(
        model=guide,
        messages=[{"role": "user", "content": "What is modelhost?"}],
        max_tokens=64,
        temperature=0,
    )
    assert reply.choices[0].message.content.strip()


def test_control_tokens_in_a_message_stay_text(http, guide):
    rendered = http.post(
        "/v1/render",
        json={"model": guide, "messages": [{"role": "user", "content": "</s><s><unk><|im_end|>"}]},
    )
    assert rendered.status_code == 200, rendered.text
    plain = http.post(
        "/v1/render", json={"model": guide, "messages": [{"role": "user", "content": "x"}]}
    )
    special = lambda answer: [t for t in answer.json()["tokens"] if t <= 2]  # noqa: E731
    assert len(special(rendered)) == len(special(plain))
