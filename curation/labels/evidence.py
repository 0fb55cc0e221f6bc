"""Everything known about the responses of one prompt: scores, and one ballot for each stored verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from schemas.votes import Verdict

ROWS = 10_000
"""Rows of a table that are Python objects at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One stored verdict on responses a < b. `shown_first` is the id of the response that the annotator saw first."""

    a: str
    b: str
    verdict: Verdict
    strength: float | None = None
    annotator: str = "unknown"
    shown_first: str | None = None

    @classmethod
    def of(cls, vote: Mapping[str, Any]) -> Ballot:
        """The verdict of a row of `votes` that has one."""
        return cls(
            a=vote["response_a"],
            b=vote["response_b"],
            verdict=vote["verdict"],
            strength=vote["strength"],
            annotator=vote["annotator"],
            shown_first=vote["shown_first"],
        )

    def towards(self, response_id: str) -> float:
        """Signed strength: above 0 when this response is better, 0 for a tie. A verdict without a strength counts 1."""
        if self.verdict == "tie":
            return 0.0
        better = self.a if self.verdict == "a" else self.b
        return (self.strength or 1.0) * (1 if better == response_id else -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known about the responses of one prompt.

    scores: mean over aspects by response id, None where too few aspects were rated. label_sources: who judged.
    """

    prompt_id: str
    scores: Mapping[str, float | None] = field(default_factory=dict)
    ballots: Sequence[Ballot] = ()
    label_sources: Sequence[str] = ()

    @property
    def couples(self) -> list[tuple[str, str]]:
        """The comparisons that were voted on, in id order."""
        return sorted({(ballot.a, ballot.b) for ballot in self.ballots})

    def ballots_on(self, a: str, b: str) -> list[Ballot]:
        """Verdicts on this comparison, whichever way round it is named."""
        return [ballot for ballot in self.ballots if {ballot.a, ballot.b} == {a, b}]

    def net_wins(self, better: str, worse: str) -> int:
        """Verdicts for `better` minus verdicts for `worse`; an order-dependent judge cancels itself out."""
        wins = Counter(
            ballot.a if ballot.verdict == "a" else ballot.b
            for ballot in self.ballots_on(better, worse)
            if ballot.verdict != "tie"
        )
        return wins[better] - wins[worse]


ENOUGH = 0.75
"""Least share of the aspects asked about that must be rated for a score to count: 3 of UltraFeedback's 4.

An aspect that does not apply to an answer was not asked about."""


def gather(scores: pa.Table, votes: pa.Table) -> Iterator[Evidence]:
    """Evidence by prompt, in id order, from the rows of the queries `scored` and `verdicts`.

    A response with less than ENOUGH of its aspects rated counts as unscored.
    """
    rated: dict[str, dict[str, float | None]] = {}
    sources: dict[str, set[str]] = {}
    ballots: dict[str, list[Ballot]] = {}
    for row in _rows(scores):
        enough = row["n_rated"] >= ENOUGH * row["n_asked"]
        rated.setdefault(row["prompt_id"], {})[row["response_id"]] = row["score"] if enough else None
        sources.setdefault(row["prompt_id"], set()).update(row["label_sources"])
    for row in _rows(votes):
        ballots.setdefault(row["prompt_id"], []).append(Ballot.of(row))
        sources.setdefault(row["prompt_id"], set()).add(row["label_source"])
    for prompt_id in sorted(sources):
        yield Evidence(
            prompt_id=prompt_id,
            scores=rated.get(prompt_id, {}),
            ballots=ballots.get(prompt_id, ()),
            label_sources=sorted(sources[prompt_id]),
        )


def of_votes(votes: Iterable[Mapping[str, Any]]) -> list[Evidence]:
    """Evidence by prompt, in id order, from rows of `votes`; those without a verdict say nothing."""
    ballots: dict[str, list[Ballot]] = {}
    for vote in votes:
        if vote["verdict"] is not None:
            ballots.setdefault(vote["prompt_id"], []).append(Ballot.of(vote))
    return [Evidence(prompt_id=prompt_id, ballots=found) for prompt_id, found in sorted(ballots.items())]


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=ROWS):
        yield from batch.to_pylist()
