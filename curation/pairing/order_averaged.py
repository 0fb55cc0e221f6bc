"""The probability of winning in each order, half of each: how RLHF Workflow reads its pair model (arXiv 2405.07863)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import tanh

from curation.labels.comparison import Comparison, Posterior
from curation.labels.evidence import Ballot, Evidence
from curation.pairing import ByPosterior


class OrderAveraged(ByPosterior):
    """One pair for each compared couple; each order counts half, however many votes were cast in it.

    In an order the probability of winning is (wins + 1/2) / (votes + 1), of a tie ties / (votes + 1). An annotator who
    always prefers one place cancels out.
    """

    name = "order_averaged"

    log_odds: bool = False
    """A vote's strength is the annotator's own log odds (of a judge's answer token, say), and its probability is used
    instead of the count. Votes without a strength are left out; a couple that has no others is dropped."""

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        for a, b in evidence.couples:
            ballots = [one for one in evidence.ballots_on(a, b) if not self.log_odds or one.strength is not None]
            orders = [[one for one in ballots if one.shown_first == first] for first in (a, b, None)]
            likely = [believed(order) if self.log_odds else counted(order) for order in orders if order]
            yield self.decide(a, b, mean(likely)) if likely else Comparison(better=a, worse=b, dropped="no_strength")


def counted(ballots: Sequence[Ballot]) -> Posterior:
    """The smoothed shares of the verdicts."""
    said = [ballot.verdict for ballot in ballots]
    count = len(said) + 1
    return Posterior((said.count("a") + 0.5) / count, (said.count("b") + 0.5) / count, said.count("tie") / count)


def believed(ballots: Sequence[Ballot]) -> Posterior:
    """The mean of the annotators' own probabilities."""
    wins_a = sum((1 + tanh(ballot.towards(ballot.a) / 2)) / 2 for ballot in ballots) / len(ballots)
    return Posterior(wins_a, 1 - wins_a)


def mean(orders: Sequence[Posterior]) -> Posterior:
    """The mean of what the orders say."""
    return Posterior(*(sum(shares) / len(orders) for shares in zip(*orders, strict=True)))
