"""Which of two answers is better, asked in both orders."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from pydantic import Field

from curation.judges import Group, Judge, Question, packaged, reply_object, shuffled
from schemas.calls import Call
from schemas.ids import draw
from schemas.votes import Vote

VERDICTS = ("A", "B", "tie")


class Pairwise(Judge):
    """Compares two answers, once in each order: a verdict that changes with the order is a fact about the judge."""

    name = "pairwise"

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
                yield self.question(group, order, about="overall", schema=self._schema(), seed=seed)

    def _schema(self) -> dict[str, Any]:
        properties = {"rationale": {"type": "string"}} if self.rationale else {}
        return {
            "type": "object",
            "properties": {**properties, "verdict": {"enum": list(VERDICTS)}},
            "required": [*properties, "verdict"],
            "additionalProperties": False,
        }

    def read(self, question: Question, call: Call) -> list[Vote]:
        found = reply_object(call)
        verdict = found if isinstance(found, str) else found.get("verdict")
        failed = isinstance(found, str) or verdict not in VERDICTS
        rationale = found.get("rationale") if isinstance(found, dict) else None
        return [
            Vote.of(
                prompt_id=question.prompt_id,
                shown_first=question.shown[0],
                shown_second=question.shown[1],
                winner=None if failed else question.labels.get(str(verdict)),
                record=call.call_id,
                failure=(found if isinstance(found, str) else "unknown_verdict") if failed else None,
                annotator=f"{self.name}:{self.model}",
                annotator_kind="ai",
                annotator_version=self.version,
                justification=rationale if isinstance(rationale, str) else None,
                call_id=call.call_id,
                source="judge",
                run_id=call.run_id,
            )
        ]
