"""Rubrics for new prompts (OpenRubrics, arXiv 2510.07743): the trained rubric writer sees the prompt and no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from curation.asking import Group, Question, conversation
from curation.fence import parted
from curation.rubrics import RubricWriter
from schemas.calls import Sampling
from schemas.prompts import Prompt
from schemas.responses import Response
from warehouse.exporters.rubric_writer import TASK


class PromptOnly(RubricWriter):
    """Shows the prompt alone, in the words of the export `rubric_writer`: a model trained on that knows the task.

    The request stands in no fence, as it stood in none in training; it ends the turn, and what it says shapes the
    rubric of no other prompt.
    """

    name = "prompt_only"
    contrasts = False

    template: str = TASK + "{{ request }}"
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=1024)
    tries: int = Field(default=1, ge=1)
    """How often a prompt is asked about until the reply can be read. Only a temperature above 0 makes another reply."""

    @model_validator(mode="after")
    def _weighs_nothing(self) -> Self:
        if self.weights:
            raise ValueError("weights: the writer `prompt_only` was taught none; leave it out, or edit the rubrics")
        return self

    def question_about(self, prompt: Prompt, best_first: Sequence[Response], seed: int) -> Question:  # noqa: ARG002
        group = Group(prompt=prompt, responses=())
        return self.question(group, (), about="rubric", seed=seed, request=parted(conversation(prompt.messages)))
