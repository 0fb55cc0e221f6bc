"""Whether a judge with a rubric finds the known order again: the filter of OpenRubrics (arXiv 2510.07743)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from curation.asking import Question
from curation.judges.rubric import rubric_of
from curation.rubrics.ranking import Pair
from schemas.calls import OUTAGES, Answered
from schemas.scores import Score
from schemas.votes import Vote


class Said(NamedTuple):
    """One verdict: the answers in the order shown, and the winner; None for a tie or for a reply that gives none."""

    shown: Pair
    winner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """How often a rubric leads a judge to the known verdict.

    agreement: mean over the known pairs of the share of orders that were judged right. right: pairs that were judged
    right in every order asked.
    """

    agreement: float
    right: tuple[Pair, ...]

    def accepted(self, tau: float) -> bool:
        """Whether the rubric is kept."""
        return self.agreement >= tau

    def instances(self, tau: float) -> tuple[Pair, ...]:
        """Pairs that a judge may be trained on: those it got right with a rubric that is kept."""
        return self.right if self.accepted(tau) else ()


def consistency(known: Sequence[Pair], verdicts: Iterable[Said]) -> Consistency:
    """How far verdicts agree with the known pairs (better, worse), of which there must be at least one.

    Several verdicts in one order are a vote: the pair is right there when most of them name the better answer. Ties
    and failures count as wrong, and so does a pair that was not judged.
    """
    orders: defaultdict[frozenset[str], defaultdict[Pair, list[str | None]]] = defaultdict(lambda: defaultdict(list))
    for said in verdicts:
        orders[frozenset(said.shown)][said.shown].append(said.winner)
    shares = [_share_right(orders[frozenset(pair)].values(), better=pair[0]) for pair in known]
    return Consistency(
        agreement=sum(shares) / len(known),
        right=tuple(pair for pair, share in zip(known, shares, strict=True) if share == 1),
    )


def _share_right(orders: Iterable[list[str | None]], better: str) -> float:
    """Share of the orders in which most verdicts name the better answer; 0 when none was asked."""
    right = [2 * winners.count(better) > len(winners) for winners in orders]
    return sum(right) / len(right) if right else 0.0


@dataclass(kw_only=True)
class Verdicts:
    """What a judge has said so far, by rubric. The last reply to a question counts: the others could not be read."""

    by_rubric: dict[str, dict[tuple[Pair, int], str | None]] = field(default_factory=dict)
    outages: dict[str, str] = field(default_factory=dict)
    """Rubrics of which some question got no reply, and why."""

    def add(self, question: Question, answered: Answered, rows: Iterable[Score | Vote]) -> None:
        """Note the vote, or its failure, among the rows of a reply; or that there was no reply."""
        rubric_id, _ = rubric_of(question.subject)
        if answered.status in OUTAGES:
            self.outages[rubric_id] = answered.status
        for vote in (row for row in rows if isinstance(row, Vote)):
            first, second = question.subject.shown
            winner = {"a": vote.response_a, "b": vote.response_b}.get(vote.verdict or "")
            self.by_rubric.setdefault(rubric_id, {})[(first, second), question.sample] = winner

    def on(self, rubric_id: str) -> list[Said]:
        """The verdicts with a rubric."""
        return [Said(shown, winner) for (shown, _), winner in self.by_rubric.get(rubric_id, {}).items()]
