"""Verdicts to pairs. A builder decides single comparisons; the loop, the counting and the splits are here."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pyarrow as pa

from schemas.base import Plugin
from schemas.datasets import DATASET_ROWS, TREATMENT, Member
from schemas.drops import Drop
from schemas.funnel import Funnel
from schemas.ids import split_of
from schemas.pairs import Pair, pair_id_of
from schemas.registry import Registry
from schemas.votes import Verdict

MEMBERS = pa.schema([DATASET_ROWS.columns.field(name) for name in TREATMENT])
"""Columns of a version's members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """One stored verdict on responses a < b."""

    a: str
    b: str
    verdict: Verdict
    strength: float | None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A decided comparison, or with `dropped` the reason why it makes no pair."""

    better: str
    worse: str
    margin: float | None = None
    soft_label: float = 1.0
    dropped: str | None = None


def by_majority(evidence: Evidence, a: str, b: str) -> Comparison:
    """What most votes on a couple say that are no ties.

    margin: mean signed strength towards the winner over all votes, ties as 0; soft_label: the winner's share of the
    votes that are no ties.
    """
    net = evidence.net_wins(a, b)
    better, worse = (a, b) if net >= 0 else (b, a)
    signed = [ballot.towards(better) for ballot in evidence.ballots_on(a, b)]
    if not net:
        return Comparison(better=better, worse=worse, dropped="split_vote" if any(signed) else "tie")
    return Comparison(
        better=better, worse=worse, margin=max(sum(signed) / len(signed), 0.0), soft_label=winners_share(signed)
    )


def winners_share(signed: Sequence[float]) -> float:
    """Share of the strengths above 0, the winner's, among those that are no ties."""
    return sum(strength > 0 for strength in signed) / sum(strength != 0 for strength in signed)


class PairBuilder(Plugin):
    """Turns the evidence on one prompt into comparisons."""

    @abstractmethod
    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        """Every comparison considered: those that make a pair, and those dropped with a reason."""


class ByScore(PairBuilder):
    """Base of the builders that order two responses by their mean score."""

    min_margin: float = 0.0
    """A pair needs a difference of scores above this; at 0 only ties fall out."""
    heed_votes: bool = True
    """Drop a pair that the pairwise verdicts contradict in sum."""

    def compare(self, evidence: Evidence, one: str, other: str) -> Comparison:
        """Order two responses by score."""
        scores = [evidence.scores.get(one), evidence.scores.get(other)]
        if scores[0] is None or scores[1] is None:
            return Comparison(better=one, worse=other, dropped="unscored")
        better, worse = (one, other) if scores[0] >= scores[1] else (other, one)
        margin = abs(scores[0] - scores[1])
        if margin <= self.min_margin:
            return Comparison(better=better, worse=worse, dropped="small_margin" if margin else "tie")
        if self.heed_votes and evidence.net_wins(better, worse) < 0:
            return Comparison(better=better, worse=worse, dropped="judges_disagree")
        return Comparison(better=better, worse=worse, margin=margin)


PAIR_BUILDERS = Registry("curation.pairing", PairBuilder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What pairing made: rows of `pairs`, members (TREATMENT columns), drops, and the funnel of comparisons."""

    pairs: list[Pair]
    members: pa.Table
    drops: list[Drop]
    funnel: Funnel


def build_pairs(builder: PairBuilder, evidence: Iterable[Evidence], run_id: str | None = None) -> Built:
    """Pairs of every prompt, each once; drops with reasons for the comparisons that make none."""
    pairs: dict[str, Pair] = {}
    members: list[dict[str, Any]] = []
    drops: list[Drop] = []
    for group in evidence:
        source = "+".join(sorted(set(group.label_sources)))
        for found in builder.comparisons(group):
            pair_id = pair_id_of(group.prompt_id, found.better, group.prompt_id, found.worse)
            if found.dropped or pair_id in pairs:
                reason = found.dropped or "duplicate_pair"
                drops.append(Drop.of("pair", "comparison", reason, row_id=pair_id, run_id=run_id))
                continue
            pairs[pair_id] = Pair(
                pair_id=pair_id,
                prompt_id=group.prompt_id,
                chosen_id=found.better,
                rejected_prompt_id=group.prompt_id,
                rejected_id=found.worse,
                run_id=run_id,
            )
            member = Member(
                pair_id=pair_id,
                split="test" if split_of(group.prompt_id) == "test" else "train",
                rule=builder.name,
                label_source=source,
                margin=found.margin,
                soft_label=found.soft_label,
            )
            members.append({name: getattr(member, name) for name in TREATMENT})
    funnel = Funnel.of("pair", "comparisons", read=len(pairs) + len(drops), kept=len(pairs), drops=drops)
    return Built(
        pairs=list(pairs.values()), members=pa.Table.from_pylist(members, schema=MEMBERS), drops=drops, funnel=funnel
    )


def gather(scores: pa.Table, votes: pa.Table, min_aspects: int = 3) -> Iterator[Evidence]:
    """Evidence by prompt, in id order, from rows (prompt_id, response_id, score, n_aspects, label_source) and votes.

    A response with fewer than `min_aspects` rated aspects counts as unscored.
    """
    rated: dict[str, dict[str, float | None]] = {}
    sources: dict[str, set[str]] = {}
    ballots: dict[str, list[Ballot]] = {}
    for row in scores.to_pylist():
        enough = row["n_aspects"] >= min_aspects
        rated.setdefault(row["prompt_id"], {})[row["response_id"]] = row["score"] if enough else None
        sources.setdefault(row["prompt_id"], set()).add(row["label_source"])
    for row in votes.to_pylist():
        ballot = Ballot(a=row["response_a"], b=row["response_b"], verdict=row["verdict"], strength=row["strength"])
        ballots.setdefault(row["prompt_id"], []).append(ballot)
        sources.setdefault(row["prompt_id"], set()).add(row["label_source"])
    for prompt_id in sorted(sources):
        yield Evidence(
            prompt_id=prompt_id,
            scores=rated.get(prompt_id, {}),
            ballots=ballots.get(prompt_id, ()),
            label_sources=sorted(sources[prompt_id]),
        )


def scored_pairs(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Every two responses of a prompt, in id order."""
    return combinations(sorted(evidence.scores), 2)
