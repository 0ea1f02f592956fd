"""Starts a host with models for the suite, and stops it."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import httpx

import gguf

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
BINARIES = Path(os.environ.get("MODELHOST_BIN_DIR", ROOT / "target" / "release"))

GLM_CONTROL = (
    "<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>",
    "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>",
)  # fmt: skip



class Host:
    """A host that answers at `endpoint` and serves `models`."""

    def __init__(self, endpoint, process=None, log=None):
        self.endpoint = endpoint
        self._process = process
        self._log = log
        listed = httpx.get(f"{endpoint}/v1/models", timeout=30).json()["data"]
        self.models = {model["id"]: model for model in listed}

    @classmethod
    def running(cls, endpoint):
        """A host that somebody else has started."""
        return cls(endpoint.rstrip("/").removesuffix("/v1"))

    @classmethod
    def start(cls, folder, extra=""):
        """A host of our own, on a port that the system chooses, with every model that is here."""
        configuration = folder / "models.toml"
        configuration.write_text(_configuration(folder) + extra)
        address, log = folder / "address", folder / "host.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [BINARIES / "host", "--config", configuration, "--listen", "127.0.0.1:0",
                 "--address-file", address],
                stdin=subprocess.DEVNULL, stdout=written, stderr=written, cwd=folder,
            )  # fmt: skip
        try:
            _until(address.exists, process, log, "listen")
            endpoint = address.read_text().strip()
            _until(lambda: _ready(endpoint), process, log, "have its models ready")
            return cls(endpoint, process, log)
        except BaseException:
            process.kill()
            process.wait()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the host as an operator would, and holds it to a clean exit."""
        if self._process is None:
            return
        self._process.terminate()
        code = self._process.wait(timeout=60)
        if code != 0:
            raise RuntimeError(f"the host ended with {code}:\n{self._log.read_text()[-4000:]}")

    @property
    def pid(self):
        return self._process.pid

    def metric(self, name, **labels):
        """The value of a metric; 0 where it has not been counted yet."""
        text = httpx.get(f"{self.endpoint}/metrics", timeout=30).text
        for line in text.splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                found = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                if labels.items() <= found.items():
                    return float(match[3])
        return 0.0

    def active(self, model):
        """Sequences that the model's engine works on."""
        return self.metric("modelhost_running_sequences", model=model)


def _until(done, process, log, what, limit=120):
    end = time.monotonic() + limit
    while not done():
        if process.poll() is not None:
            raise RuntimeError(f"the host did not {what}:\n{log.read_text()[-4000:]}")
        if time.monotonic() > end:
            raise RuntimeError(f"{limit} s were not enough to {what}:\n{log.read_text()[-4000:]}")
        time.sleep(0.02)


def _ready(endpoint):
    """Whether each model answers; one that cannot is an error at once."""
    readiness = httpx.get(f"{endpoint}/ready", timeout=30).json()
    if readiness["failed"]:
        raise RuntimeError(f"models do not serve: {readiness['failed']}")
    return readiness["ready"]


def _configuration(folder):
    llama, glm = folder / "llama.gguf", folder / "glm.gguf"
    gguf.write(llama, "scripted")
    gguf.write(glm, "scripted-glm", architecture="chatglm", control=GLM_CONTROL)
    text = f'[plugins]\ndir = "{_plugins(folder)}"\n\n[engines]\ndir = "{BINARIES}"\n'
    text += _model("fake-chat", llama, engine="fake", family="vicuna")
    text += _model("fake-slow", llama, engine="fake", family="vicuna")
    text += _model("fake-tools", glm, engine="fake", family="chatglm")
    text += 'family-options = { style = "glm-4" }\n'
    if (folder / "plugins" / "scribe.wasm").exists():
        text += _model("ears", llama, engine="fake", family="scribe")
    real = {
        "stories": DATA / "stories260K" / "stories260K-f32.gguf",
        "guide": ROOT / "host" / "demo" / "guide.gguf",
        "digits": ROOT / "host" / "demo" / "digits.bin",
    }
    for name, path in real.items():
        engine = "engine-whisper" if path.suffix == ".bin" else "engine-llama"
        if path.exists() and (BINARIES / engine).exists():
            text += _model(name, path)
        else:
            print(f"skipped: the tests of `{name}`, for its file or engine is not here")
    return text


def _plugins(folder):
    """The families that are built, and the fixture that writes down what a scripted engine hears."""
    plugins = folder / "plugins"
    plugins.mkdir()
    built = [*(ROOT / "plugins").glob("*.wasm"), ROOT / "tests/fixtures/plugins/scribe.wasm"]
    for file in built:
        if file.exists():
            shutil.copy(file, plugins)
    return plugins


def _model(name, path, **settings):
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join(["", "[[model]]", f'name = "{name}"', f'path = "{path}"', *lines, ""])
