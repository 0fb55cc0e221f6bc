"""A rubric on its way: from a writer's reply over the checks to what a judge's verdicts say of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from curation.asking import Group, Question, conversation
from curation.rubrics import Proposed, RubricWriter
from curation.rubrics.checks import VERSION, checked
from curation.rubrics.consistency import Said, consistency
from curation.rubrics.ranking import Pair, induced
from schemas.calls import Answered
from schemas.drops import Drop
from schemas.ids import content_id
from schemas.pairs import pair_id_of
from schemas.prompts import Prompt
from schemas.responses import Response
from schemas.rubrics import Rubric


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rubric with its prompt, and the answers whose order is known, best first; none where no order is."""

    rubric: Rubric
    prompt: Prompt
    best_first: tuple[Response, ...] = ()

    @property
    def known(self) -> list[Pair]:
        """The pairs that the order decides."""
        return induced([response.response_id for response in self.best_first])

    @property
    def group(self) -> Group:
        """What a judge is asked about."""
        ordered = tuple(sorted(self.best_first, key=lambda response: response.response_id))
        return Group(prompt=self.prompt, responses=ordered, rubric=self.rubric)


def drafted(
    writer: RubricWriter,
    question: Question,
    answered: Answered,
    proposed: Sequence[Proposed],
    best_first: Sequence[Response] = (),
) -> tuple[Draft, list[Drop]]:
    """The items that pass the checks as a draft, rejected if too few are left, and a drop for each that does not.

    Items may give away no answer that the writer was shown. `best_first`: the answers whose order is known.
    """
    prompt = question.prompt
    found = checked(proposed, conversation(prompt.messages), [shown.text for shown in question.shown])
    rubric = Rubric.of(
        prompt.prompt_id,
        found.items,
        writer=f"{writer.name}:{writer.model}",
        writer_version=writer.version,
        contrasted=question.subject.shown or None,
        accepted=found.rejected is None,
        reason=found.rejected,
        checked_by=f"checks:{VERSION}",
        call_id=answered.call_id,
        run_id=answered.run_id,
    )
    drops = [
        Drop.of(
            "rubric items",
            "item",
            reason,
            row_id=content_id("item", prompt.prompt_id, item.kind, item.text),
            detail=item.text,
            run_id=answered.run_id,
        )
        for item, reason in found.dropped
    ]
    return Draft(rubric=rubric, prompt=prompt, best_first=tuple(best_first)), drops


def decided(
    draft: Draft, verdicts: Iterable[Said], *, tau: float, checked_by: str, run_id: str | None
) -> tuple[Rubric, list[Drop]]:
    """The rubric, accepted or not, and a drop for each known pair on which no judge may be trained, with the reason."""
    rubric, known = draft.rubric, draft.known
    found = consistency(known, verdicts)
    accepted = found.accepted(tau)
    reason = "judged_wrong" if accepted else "rubric_rejected"
    drops = [
        Drop.of(
            "rubric pairs",
            "pair",
            reason,
            row_id=pair_id_of(rubric.prompt_id, better, rubric.prompt_id, worse),
            run_id=run_id,
        )
        for better, worse in known
        if (better, worse) not in found.instances(tau)
    ]
    facts = {"contrasted": tuple(response.response_id for response in draft.best_first), "run_id": run_id}
    reason = None if accepted else "low_agreement"
    rubric = replace(
        rubric, agreement=found.agreement, accepted=accepted, reason=reason, checked_by=checked_by, **facts
    )
    return rubric, drops
