import pytest

from curation.judges import Group
from schemas.calls import Call
from schemas.responses import Response
from tests.rows import some_prompts


@pytest.fixture
def group():
    prompt = some_prompts(1)[0]
    responses = [Response.of(prompt.prompt_id, model="m", text=f"answer {i}", source="hand") for i in range(4)]
    return Group(prompt=prompt, responses=tuple(sorted(responses, key=lambda response: response.response_id)))


@pytest.fixture
def reply():
    def call(text: str, finish_reason: str = "stop") -> Call:
        return Call(
            call_id="c", attempt=0, purpose="judge", engine="e", model="m", model_revision="r", template_hash=None,
            request="{}", raw_text=text, finish_reason=finish_reason, prompt_tokens=1, completion_tokens=1,
            latency_ms=None, cost_usd=None, run_id=None,
        )  # fmt: skip

    return call
