import pytest

from curation.asking import Group
from schemas.prompts import Prompt, user
from schemas.responses import Response
from schemas.rubrics import Rubric, RubricItem
from schemas.votes import Vote


@pytest.fixture
def group():
    """Two answers and a rubric of two items."""
    prompt = Prompt.of(user("Say hello."), source="hand")
    responses = [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in ("hello", "no")]
    items = [
        RubricItem(kind="hard", text="The response greets."),
        RubricItem(kind="principle", text="The response is warm."),
    ]
    return Group(
        prompt=prompt,
        responses=tuple(sorted(responses, key=lambda response: response.response_id)),
        rubric=Rubric.of(prompt.prompt_id, items, writer="hand", writer_version="1"),
    )


@pytest.fixture
def vote_on():
    """A judge's vote on a question, for the answer in a place, or its failure."""

    def cast(question, winner=None, failure=None):
        shown = question.subject.shown
        return Vote.of(
            prompt_id=question.subject.prompt_id, shown_first=shown[0], shown_second=shown[1],
            winner=None if winner is None else shown[winner], record="line", annotator="rubric:m",
            annotator_kind="ai", source="judge", failure=failure,
        )  # fmt: skip

    return cast
