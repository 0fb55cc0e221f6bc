"""Which of two answers is better, asked in both orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from pydantic import Field

from curation.judges import Group, Judge, Question, Subject, packaged, reply_object, shuffled
from schemas.calls import Answered
from schemas.ids import draw
from schemas.votes import Vote


class Pairwise(Judge):
    """Compares two answers, once in each order: a verdict that changes with the order is a fact about the judge."""

    name = "pairwise"
    version = "2"

    template: str = Field(default_factory=lambda: packaged("pairwise.jinja"))
    comparisons_per_prompt: int | None = None
    """How many pairs of a prompt's answers are compared, drawn by hash; all when absent."""
    rationale: bool = True
    """Ask for reasons before the verdict."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        pairs = sorted(
            combinations(group.responses, 2),
            key=lambda pair: draw("compare", seed, pair[0].response_id, pair[1].response_id),
        )
        for pair in pairs[: self.comparisons_per_prompt]:
            shown = shuffled(pair, seed, self.name)
            for order in (shown, shown[::-1]):
                yield self.question(group, order, about="overall", seed=seed)

    def reply_schema(self, about: str, labels: Sequence[str], tie: str) -> dict[str, Any]:  # noqa: ARG002 - one question
        properties = {"rationale": {"type": "string"}} if self.rationale else {}
        return {
            "type": "object",
            "properties": {**properties, "verdict": {"enum": [*labels, tie]}},
            "required": [*properties, "verdict"],
            "additionalProperties": False,
        }

    def read(self, subject: Subject, answered: Answered) -> list[Vote]:
        found = reply_object(answered)
        verdict = found if isinstance(found, str) else found.get("verdict")
        failed = isinstance(found, str) or verdict not in (*subject.labels, subject.tie)
        rationale = found.get("rationale") if isinstance(found, dict) else None
        return [
            Vote.of(
                prompt_id=subject.prompt_id,
                shown_first=subject.shown[0],
                shown_second=subject.shown[1],
                winner=None if failed else subject.labels.get(str(verdict)),
                record=answered.call_id,
                failure=(found if isinstance(found, str) else "unknown_verdict") if failed else None,
                annotator=f"{self.name}:{self.model}",
                annotator_kind="ai",
                annotator_version=self.version,
                justification=rationale if isinstance(rationale, str) else None,
                call_id=answered.call_id,
                source="judge",
                run_id=answered.run_id,
            )
        ]
