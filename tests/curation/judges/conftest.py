import pytest

from curation.asking import Group
from schemas.calls import Answered
from schemas.responses import Response
from tests.rows import some_prompts


@pytest.fixture
def group():
    prompt = some_prompts(1)[0]
    responses = [Response.of(prompt.prompt_id, model="m", text=f"answer {i}", source="hand") for i in range(4)]
    return Group(prompt=prompt, responses=tuple(sorted(responses, key=lambda response: response.response_id)))


@pytest.fixture
def reply():
    def answered(text: str, status: str = "ok") -> Answered:
        return Answered("c", status, text, "stop", None, 1, None)

    return answered
