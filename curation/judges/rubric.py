"""Which of two answers is better by a rubric: every item is judged for each, then the whole (arXiv 2510.07743)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from curation.asking import (
    Group,
    Question,
    Subject,
    TemplateAsker,
    Unreadable,
    json_object,
    json_structure,
    packaged,
    reply_object,
)
from curation.judges import ComparingJudge
from schemas.calls import Answered, Sampling, Structure
from schemas.responses import Response
from schemas.scores import Score
from schemas.votes import Vote


class RubricJudge(TemplateAsker, ComparingJudge):
    """Compares two answers by the rubric of their prompt; a prompt without one is not judged.

    The judge settles the most objective item first, then says of each answer which items it meets, weighs, and names
    the winner. A reply gives a vote, and a score of 0 or 1 for each answer and item, in the aspect
    `RUBRIC_ID:ITEM_NUMBER`; a reply with a fault anywhere gives none of them.
    """

    name = "rubric"
    version = "2"
    by_rubric = True

    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)
    evidence: bool = True
    """Ask for a short justification before the verdict on every item."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        return super().questions(group, seed) if group.rubric else iter(())

    def compare(self, group: Group, shown: Sequence[Response], seed: int) -> Question:
        assert group.rubric
        rubric = group.rubric
        about = f"{rubric.rubric_id}:{len(rubric.items)}"
        return self.question(group, shown, about=about, seed=seed, items=rubric.items)

    def structure(self, question: Question) -> Structure:
        subject = question.subject
        _, numbers = rubric_of(subject)
        evidence = {"evidence": {"type": "string"}} if self.evidence else {}
        item = json_object({**evidence, "met": {"type": "boolean"}})
        items = json_object({str(number): item for number in numbers})
        return json_structure(
            {
                "gatekeeper": json_object({"item": {"enum": numbers}, "reason": {"type": "string"}}),
                "items": json_object(dict.fromkeys(subject.labels, items)),
                "summary": {"type": "string"},
                "winner": {"enum": [*subject.labels, subject.tie]},
            }
        )

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score | Vote]:
        found = reply_object(answered)
        if failure := _fault(subject, found):
            raise Unreadable(failure)
        rubric_id, numbers = rubric_of(subject)
        return [
            self.vote(subject, answered, found["winner"], justification=found.get("summary")),
            *(
                self._item(answered, shown, f"{rubric_id}:{number}", found["items"][label][str(number)])
                for label, shown in subject.labels.items()
                for number in numbers
            ),
        ]

    def failed(self, subject: Subject, answered: Answered, failure: str) -> list[Score | Vote]:
        rubric_id, numbers = rubric_of(subject)
        return [
            self.vote(subject, answered, failure=failure),
            *(
                self._item(answered, shown, f"{rubric_id}:{number}", {}, failure)
                for shown in subject.shown
                for number in numbers
            ),
        ]

    def _item(
        self, answered: Answered, shown: str, aspect: str, said: dict[str, Any], failure: str | None = None
    ) -> Score:
        """Whether an answer meets an item."""
        evidence = said.get("evidence")
        return Score(
            call_id=answered.call_id,
            response_id=shown,
            judge=self.name,
            judge_version=self.version,
            aspect=aspect,
            value=None if failure else float(said["met"]),
            scale_lo=0.0,
            scale_hi=1.0,
            rationale=evidence if isinstance(evidence, str) else None,
            failure=failure,
            run_id=answered.run_id,
        )


def rubric_of(subject: Subject) -> tuple[str, list[int]]:
    """Id and item numbers of the rubric that a question is about."""
    rubric_id, _, count = subject.about.rpartition(":")
    return rubric_id, list(range(1, int(count) + 1))


def _fault(subject: Subject, found: dict[str, Any]) -> str | None:
    """What is wrong with a reply: no known winner, no gatekeeper, or not one verdict for each item of each answer."""
    _, numbers = rubric_of(subject)
    winner, gatekeeper = found.get("winner"), found.get("gatekeeper")
    if not isinstance(winner, str) or winner not in (*subject.labels, subject.tie):
        return "unknown_verdict"
    first = gatekeeper.get("item") if isinstance(gatekeeper, dict) else None
    if isinstance(first, bool) or first not in numbers:
        return "wrong_gatekeeper"
    by_label = found.get("items")
    if not isinstance(by_label, dict) or by_label.keys() != subject.labels.keys():
        return "wrong_labels"
    for items in by_label.values():
        if not isinstance(items, dict) or items.keys() != {str(number) for number in numbers}:
            return "wrong_item_count"
        if not all(isinstance(item, dict) and isinstance(item.get("met"), bool) for item in items.values()):
            return "item_without_verdict"
    return None
