"""One host for the whole run, and the clients that speak to it."""

import os

import httpx
import openai
import pytest
from xinference_client import RESTfulClient

from host import Host


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    """The host of $MODELHOST_ENDPOINT, or one of our own on a free port."""
    given = os.environ.get("MODELHOST_ENDPOINT")
    if given:
        yield Host.running(given)
        return
    with Host.start(tmp_path_factory.mktemp("host")) as started:
        yield started


@pytest.fixture
def endpoint(host):
    return host.endpoint


@pytest.fixture
def client(endpoint):
    """The OpenAI SDK; it never tries again, so that each refusal is seen."""
    with openai.OpenAI(base_url=f"{endpoint}/v1", api_key="abc", max_retries=0, timeout=60) as made:
        yield made


@pytest.fixture
def xinference(endpoint):
    return RESTfulClient(endpoint)


@pytest.fixture
def http(endpoint):
    """Plain HTTP, for what the SDKs would hide."""
    with httpx.Client(base_url=endpoint, timeout=60) as made:
        yield made


def _served(name):
    @pytest.fixture
    def uid(host):
        if name not in host.models:
            pytest.skip(f"no model `{name}` is served: its file is not here")
        return name

    return uid


fake_chat = _served("fake-chat")
fake_tools = _served("fake-tools")
fake_slow = _served("fake-slow")
stories = _served("stories")
guide = _served("guide")
ears = _served("ears")
digits = _served("digits")
