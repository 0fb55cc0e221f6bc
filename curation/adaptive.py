"""Which comparisons to ask about next, and whom: a second order, another judge or a stronger one, where it is open.

Pure: votes in, questions out. Who asks them adds the votes to the evidence and comes back until there are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curation.asking import Group
from curation.labels.comparison import Posterior
from curation.labels.crowd import Sheet, Voter
from curation.labels.evidence import Evidence
from schemas.base import Strict
from schemas.ids import draw

Couple = tuple[str, str, str]
"""(prompt_id, a, b), a < b."""

ASSUMED = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.15, 0.15, 0.7]])
"""[truth, verdict] of a judge of whom nothing is known, in the order a, b, tie."""


class Ask(NamedTuple):
    """A question to put: two responses in this order, to this judge."""

    prompt_id: str
    shown_first: str
    shown_second: str
    annotator: str


class Panel(Strict):
    """The judges that may be asked, and when a comparison is settled."""

    prices: Mapping[str, float]
    """Price of one question by annotator (`pairwise:MODEL`), in any unit; equal prices spare calls. A dear judge is
    asked where a cheap one is known to say little."""
    least_probability: float = Field(default=0.95, gt=0.5, lt=1)
    """A comparison is settled when one of its outcomes is at least this likely."""
    probed: float = Field(default=0.05, ge=0, le=1)
    """Share of comparisons, drawn by hash, that every judge sees in both orders: from them it is learned whom to
    believe. With none, judges that were never asked are taken to be right in 70 % of cases."""
    seed: int = 0
    """Of the draws: which comparisons are probed, and which order comes first."""

    def questions(self, couple: Couple) -> list[Ask]:
        """All that could be asked about a comparison: the cheapest judge first, and each in a drawn order."""
        prompt_id, a, b = couple
        first, second = (a, b) if draw("adaptive order", self.seed, *couple) < 0.5 else (b, a)
        judges = sorted(self.prices, key=lambda annotator: (self.prices[annotator], annotator))
        return [Ask(prompt_id, *shown, judge) for judge in judges for shown in ((first, second), (second, first))]

    def probes(self, couple: Couple) -> bool:
        """Whether everything is asked about this comparison."""
        return draw("adaptive probe", self.seed, *couple) < self.probed


def tied(groups: Iterable[Group], scores: Mapping[str, float | None]) -> list[Group]:
    """The groups with those answers only whose score another answer to the prompt has too; scores by response id."""
    found: list[Group] = []
    for group in groups:
        times = Counter(scores.get(one.response_id) for one in group.responses)
        alike = tuple(one for one in group.responses if times[scores.get(one.response_id)] > 1)
        if alike:
            found.append(replace(group, responses=alike))
    return found


def unsure(likely: Posterior, least: float) -> bool:
    """Whether no outcome, ties included, is as likely as `least`."""
    return max(likely) < least


def next_round(
    panel: Panel, evidence: Sequence[Evidence], couples: Iterable[Couple], asked: Collection[Ask]
) -> list[Ask]:
    """At most one question on each open comparison, in the first round all of the probed ones; empty when all is done.

    couples: what is to be decided. asked: every question put so far, also those that got no verdict; a set.
    Of the questions left, the one is put from which most is to be learned for its price (mutual information with the
    outcome). Judges' errors and the probabilities are Dawid and Skene's over all evidence.
    """
    known = Known.of(evidence)
    found: list[Ask] = []
    for couple in couples:
        left = [ask for ask in panel.questions(couple) if ask not in asked]
        likely = known.likely.get(couple)
        if panel.probes(couple):
            found.extend(left)
        elif likely is None:
            found.extend(left[:1])
        elif left and unsure(likely, panel.least_probability):
            worth = [known.information(ask, couple, likely) / panel.prices[ask.annotator] for ask in left]
            found.append(left[worth.index(max(worth))])
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """What the votes say so far: of the comparisons, and of those who voted."""

    likely: Mapping[Couple, Posterior]
    errors: Mapping[Voter, NDArray[np.float64]]
    """[truth, verdict] by voter."""

    @classmethod
    def of(cls, evidence: Sequence[Evidence]) -> Known:
        """Dawid and Skene's model of all votes."""
        sheet = Sheet.of(evidence)
        if not sheet.tasks:
            return cls({}, {})
        from crowdkit.aggregation import DawidSkene

        fitted = DawidSkene(n_iter=50).fit(sheet.frame())
        assert fitted.probas_ is not None
        likely = map(Posterior._make, sheet.posteriors(fitted.probas_).tolist())
        return cls(dict(zip(sheet.couples, likely, strict=True)), sheet.errors(fitted))

    def information(self, ask: Ask, couple: Couple, likely: Posterior) -> float:
        """Bits that the answer tells of the outcome."""
        errors = self.errors.get(Voter(ask.annotator, ask.shown_first == couple[1]), ASSUMED)
        before = np.array(likely)
        return _bits(before @ errors) - float(before @ [_bits(row) for row in errors])


def _bits(shares: NDArray[np.float64]) -> float:
    """Entropy of one distribution."""
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())
