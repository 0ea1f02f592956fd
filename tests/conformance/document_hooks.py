"""What schemathesis asks is asked of a model that there is: most fields are looked at only then."""

import os

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body["model"] = os.environ["DOCUMENT_MODEL"]
        case.body["max_completion_tokens"] = 4
