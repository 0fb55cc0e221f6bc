"""Contrastive rubric generation (OpenRubrics, arXiv 2510.07743): criteria from what sets ranked answers apart."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from curation.asking import Group, Question, packaged
from curation.rubrics import RubricWriter
from schemas.prompts import Prompt
from schemas.responses import Response


class Contrastive(RubricWriter):
    """Shows the answers best first and says so; two of them or more.

    The model reads hard rules off the prompt, lists how the better answers differ from the worse as scratch work, and
    turns each difference into a principle that any answer can be held to.
    """

    name = "contrastive"
    version = "2"
    contrasts = True
    scratch = ("differences",)

    template: str = Field(default_factory=lambda: packaged(__name__))

    def question_about(self, prompt: Prompt, best_first: Sequence[Response], seed: int) -> Question:
        return self.question(Group(prompt=prompt, responses=tuple(best_first)), best_first, about="rubric", seed=seed)
