"""A prompt, a response, and principles that are said of it."""

import pytest

from schemas.calls import Answered
from schemas.principles import Principle
from schemas.responses import Response
from tests.rows import some_prompts


@pytest.fixture
def prompt():
    return some_prompts(1)[0]


@pytest.fixture
def response(prompt):
    return Response.of(prompt.prompt_id, model="m", text="An answer.", source="hand")


@pytest.fixture
def reply():
    def answered(text, status="ok"):
        return Answered("c", status, text, "stop", None, 1, None)

    return answered


@pytest.fixture(scope="session")
def said():
    """A principle said by an annotator of a response."""

    def made(annotator, principle, label="yes", response="r", **facts):
        return Principle.of("p", response, annotator, principle, label, spans=("some words here",), **facts)

    return made
