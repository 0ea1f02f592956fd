"""The OpenAPI document says what the host does, whatever is asked of it."""

import os
import subprocess
import sys
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "allow_header_conformance",
    "unsupported_method",
)


def test_what_the_host_answers_is_documented(endpoint, fake_chat, tmp_path):
    schemathesis = Path(sys.executable).with_name("schemathesis")
    hooks = Path(__file__).with_name("document_hooks.py")
    command = [
        schemathesis, "run", f"{endpoint}/openapi.json",
        "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", "15",
        # Every run sends the same, so that a failure can be seen again.
        "--seed", "1", "--generation-deterministic",
        "--request-timeout", "60", "--continue-on-failure", "--no-color",
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(hooks), "DOCUMENT_MODEL": fake_chat}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=600
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
