import pytest

from curation.asking import Group
from schemas.calls import Answered
from schemas.responses import Response
from schemas.rubrics import Rubric, RubricItem
from tests.rows import some_prompts


@pytest.fixture
def group():
    prompt = some_prompts(1)[0]
    responses = [Response.of(prompt.prompt_id, model="m", text=f"answer {i}", source="hand") for i in range(4)]
    ordered = tuple(sorted(responses, key=lambda response: response.response_id))
    items = [
        RubricItem(kind="hard", text="The response says a number."),
        RubricItem(kind="principle", text="The response is brief."),
    ]
    rubric = Rubric.of(prompt.prompt_id, items, writer="hand", writer_version="1")
    return Group(prompt=prompt, responses=ordered, rubric=rubric)


@pytest.fixture
def reply():
    def answered(text: str, status: str = "ok") -> Answered:
        return Answered("c", status, text, "stop", None, 1, None)

    return answered
