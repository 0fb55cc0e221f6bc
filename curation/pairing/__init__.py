"""Verdicts to pairs. A builder decides single comparisons; the loop, the counting and the splits are here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import tanh
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from curation.labels.comparison import Comparison, Posterior, by_posterior, log_odds
from curation.labels.crowd import Sheet
from curation.labels.evidence import Ballot, Evidence, gather
from curation.labels.scale import parts, tied_share, wins
from schemas.base import Plugin
from schemas.datasets import DATASET_ROWS, TIE, TREATMENT, Member
from schemas.drops import Drop
from schemas.errors import ConfigError
from schemas.funnel import Funnel
from schemas.ids import draw, split_of
from schemas.pairs import Pair
from schemas.registry import Registry

__all__ = [
    "MEMBERS",
    "PAIR_BUILDERS",
    "Ballot",
    "Built",
    "Comparison",
    "Evidence",
    "PairBuilder",
    "build_pairs",
    "gather",
]

MEMBERS = pa.schema([DATASET_ROWS.columns.field(name) for name in TREATMENT])
"""Columns of a version's members."""


class PairBuilder(Plugin):
    """Turns the evidence on one prompt into comparisons."""

    keep_ties: bool = False
    """Keep what would be dropped as `tie`, with soft label 1/2 and margin 0: for objectives that learn from ties. Which
    side is called chosen then says nothing."""
    weights: Literal["1 + margin"] | Mapping[float, Annotated[float, Field(gt=0)]] | None = None
    """Weight of a pair by its margin: `1 + margin`, or a table with every margin that occurs, such as INF-ORM's for
    strengths, `{1: 1, 2: 3, 3: 10}`. Ties weigh 1, as all pairs do without it."""

    @abstractmethod
    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        """Every comparison considered: those that make a pair, and those dropped with a reason."""

    def over_all(self, evidence: Iterable[Evidence]) -> Iterator[tuple[Evidence, Comparison]]:
        """The comparisons of all prompts. A builder that learns from all of them before it decides one overrides it."""
        for group in evidence:
            for found in self.comparisons(group):
                yield group, found

    def kept(self, found: Comparison) -> Comparison:
        """The comparison, or the pair that a tie becomes where ties are kept."""
        is_kept = self.keep_ties and found.dropped == "tie"
        return replace(found, margin=0.0, soft_label=TIE, dropped=None) if is_kept else found

    def weight(self, found: Comparison) -> float:
        """What the pair counts. Raises ConfigError where the table has no weight for its margin."""
        if self.weights is None or found.soft_label == TIE:
            return 1.0
        if isinstance(self.weights, str):
            return 1.0 + (found.margin or 0.0)
        if found.margin is None or found.margin not in self.weights:
            raise ConfigError(f"{self.name}: there is no weight for a margin of {found.margin}; add it to `weights`.")
        return self.weights[found.margin]


class ByScore(PairBuilder):
    """Base of the builders that order two responses by their mean score."""

    min_margin: float = 0.0
    """A pair needs a difference of scores above this; at 0 only ties fall out, below 0 nothing does."""
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


class ByPosterior(PairBuilder):
    """Base of the builders that decide each voted couple by how likely the votes make its sides.

    soft_label: the winner's probability if one of the two is better. margin: logarithm of the winner's odds against
    the loser, unless the builder says otherwise. Dropped: `tie`, `split_vote` (even odds) and `unsure`.
    """

    least_probability: float = Field(default=0.5, ge=0, le=1)
    """A winner less likely than this is unsure; ties count, so that it can lie below a half."""

    def margin(self, better: float, worse: float) -> float:
        """Margin of a pair from the probabilities of its sides."""
        return log_odds(better, worse)

    def decide(self, a: str, b: str, likely: Posterior) -> Comparison:
        """The comparison that follows from the probabilities."""
        return by_posterior(a, b, likely, self.least_probability, self.margin)


class ByCrowd(ByPosterior):
    """Base of the label models that learn, over all prompts, whom to believe: annotators of many couples."""

    heed_ties: bool = True
    """Read ties as a third verdict; otherwise they are left out, and a couple that has nothing else is a tie."""

    @abstractmethod
    def posteriors(self, sheet: Sheet) -> NDArray[np.float64]:
        """[couples, 3] of the sheet: how likely it is that a is better, that b is, and that neither is."""

    def sheet(self, evidence: Iterable[Evidence]) -> Sheet:
        """The votes as this model reads them."""
        return Sheet.of(evidence, heed_ties=self.heed_ties)

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        return (found for _, found in self.over_all([evidence]))

    def over_all(self, evidence: Iterable[Evidence]) -> Iterator[tuple[Evidence, Comparison]]:
        groups = list(evidence)
        sheet = self.sheet(groups)
        likely = self.posteriors(sheet) if sheet.tasks else np.tile((0.0, 0.0, 1.0), (len(sheet.couples), 1))
        couples = ((group, couple) for group in groups for couple in group.couples)
        for (group, (a, b)), (wins_a, wins_b, tie) in zip(couples, likely.tolist(), strict=True):
            yield group, self.decide(a, b, Posterior(wins_a, wins_b, tie))


class ByScale(ByPosterior):
    """Base of the label models that place all responses of a prompt on one scale of log odds."""

    inferred: bool = False
    """Also decide couples that nobody compared, where other comparisons connect them."""

    @abstractmethod
    def strengths(self, won: NDArray[np.float64]) -> NDArray[np.float64]:
        """[responses] of [winner, loser], the number of wins: log odds, up to a constant."""

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        compared = set(evidence.couples)
        for names in parts(evidence):
            place = dict(zip(names, self.strengths(wins(evidence, names)).tolist(), strict=True))
            for a, b in combinations(names, 2):
                if self.inferred or (a, b) in compared:
                    tied, wins_a = tied_share(evidence, a, b), (1 + tanh((place[a] - place[b]) / 2)) / 2
                    yield self.decide(a, b, Posterior((1 - tied) * wins_a, (1 - tied) * (1 - wins_a), tied))


PAIR_BUILDERS = Registry("curation.pairing", PairBuilder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What pairing made: rows of `pairs`, members (TREATMENT columns), drops, and the funnel of comparisons."""

    pairs: list[Pair]
    members: pa.Table
    drops: list[Drop]
    funnel: Funnel

    def without(self, gone: Mapping[int, str], detail: str | None = None) -> Built:
        """The rest of the pairs; those at the places of `gone` are drops of the same funnel, with its reasons."""
        stay = [place for place in range(len(self.pairs)) if place not in gone]
        drops = self.drops + [
            Drop.of("pair", "comparison", reason, row_id=pair.comparison_id, detail=detail, run_id=pair.run_id)
            for pair, reason in ((self.pairs[place], reason) for place, reason in sorted(gone.items()))
        ]
        return Built(
            pairs=[self.pairs[place] for place in stay],
            members=self.members.take(pa.array(stay, pa.int64())),
            drops=drops,
            funnel=Funnel.of("pair", "comparisons", read=self.funnel.read, kept=len(stay), drops=drops),
        )


def build_pairs(builder: PairBuilder, evidence: Iterable[Evidence], run_id: str | None = None) -> Built:
    """Pairs of every prompt, each once; drops with reasons for the comparisons that make none."""
    pairs: dict[str, Pair] = {}
    members: list[dict[str, Any]] = []
    drops: list[Drop] = []
    for group, found in ((group, builder.kept(found)) for group, found in builder.over_all(evidence)):
        pair = Pair.of((group.prompt_id, found.better), (group.prompt_id, found.worse), run_id)
        if found.dropped or pair.pair_id in pairs:
            reason = found.dropped or "duplicate_pair"
            drops.append(Drop.of("pair", "comparison", reason, row_id=pair.comparison_id, run_id=run_id))
            continue
        pairs[pair.pair_id] = pair
        member = Member(
            pair_id=pair.pair_id,
            split="test" if split_of(group.prompt_id) == "test" else "train",
            rule=builder.name,
            label_source="+".join(sorted(set(group.label_sources))),
            margin=found.margin,
            weight=builder.weight(found),
            soft_label=found.soft_label,
        )
        members.append({name: getattr(member, name) for name in TREATMENT})
    funnel = Funnel.of("pair", "comparisons", read=len(pairs) + len(drops), kept=len(pairs), drops=drops)
    return Built(
        pairs=list(pairs.values()), members=pa.Table.from_pylist(members, schema=MEMBERS), drops=drops, funnel=funnel
    )


def scored_pairs(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Every two responses of a prompt, in id order."""
    return combinations(sorted(evidence.scores), 2)


def best_first(evidence: Evidence) -> list[str]:
    """The rated responses of a prompt by falling score; equal ones by hash."""
    rated = {key: score for key, score in evidence.scores.items() if score is not None}
    return sorted(rated, key=lambda key: (rated[key], draw("equal", key)), reverse=True)


def drawn(response_ids: Sequence[str], seed: int) -> str:
    """One of them, by a coin of each: another response changes the choice only if it is chosen itself."""
    return min(response_ids, key=lambda response_id: draw("drawn", seed, response_id))
