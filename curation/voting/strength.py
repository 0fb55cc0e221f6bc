"""Preference strength from several voters, and what a policy makes of it (Secrets of RLHF II, arXiv:2401.06080).

A pair that most voters would turn round is probably labelled wrongly, one that leaves them undecided is ambiguous, and
one that all of them call clear is soon over-fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from schemas.base import Plugin
from schemas.errors import InputError
from schemas.ids import content_id

Floats = NDArray[np.float64]

EQUAL = 1e-9
"""Deviation, as a share of the largest difference, below which a voter's differences are one number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """Raw rewards of P pairs by M voters; NaN where a voter says nothing of a pair."""

    voters: tuple[str, ...]
    chosen: Floats
    """[M, P]"""
    rejected: Floats
    """[M, P]"""

    @property
    def differences(self) -> Floats:
        """[M, P] what each voter says for the chosen side."""
        return self.chosen - self.rejected

    def columns(self) -> list[pl.Series]:
        """The columns of `pair_strength` that say who voted how."""
        sides = {"chosen": self.chosen, "rejected": self.rejected}
        said = [
            pl.Series(
                side, [[None if isnan(one) else one for one in pair] for pair in each.T.tolist()], pl.List(pl.Float64)
            )
            for side, each in sides.items()
        ]
        return [pl.Series("voters", [list(self.voters)] * self.chosen.shape[1], pl.List(pl.String)), *said]

    def beside(self, others: Rewards) -> Rewards:
        """Both sets of voters on the same pairs."""
        return Rewards(
            voters=self.voters + others.voters,
            chosen=np.concatenate([self.chosen, others.chosen]),
            rejected=np.concatenate([self.rejected, others.rejected]),
        )


class Policy(Plugin):
    """From rewards to treatments. Its hash names the rows that it makes: two policies over the same rewards coexist.

    Defaults are the paper's bands with one guard that it lacks: a pair is flipped only where the voters are against
    it, and no more pairs than labels are wrong.
    """

    name = "strength"

    standardise: bool = True
    """Divide a voter's differences by their standard deviation before voters are averaged: scales differ."""
    rule: Literal["below_zero", "quantile"] = "below_zero"
    """Which of the lowest pairs are wrong: those below zero, or (as the paper has it) all of them."""
    q_flip: float = Field(default=0.2, ge=0, le=1)
    """At most this share of the pairs is wrong: the lowest."""
    anchors: float = Field(default=0.1, ge=0, le=1)
    """Share of the pairs, those with the largest |mu|, whose part below zero says how many labels are wrong; no more
    are treated as wrong. There voters err least, so that weak voters do not turn clean labels round. 0 trusts `q_flip`.
    """
    wrong: Literal["flip", "soft", "drop", "keep"] = "flip"
    """What becomes of wrong pairs."""
    q_amb: float = Field(default=0.4, ge=0, le=1)
    """Pairs up to here that are not wrong are ambiguous."""
    least_confidence: float = Field(default=0.0, ge=0)
    """Pairs nearer to zero than so many standard errors are ambiguous too, and never wrong; 2 is usual."""
    ambiguous: Literal["soft", "drop", "keep"] = "soft"
    """What becomes of ambiguous pairs."""
    q_top: float = Field(default=0.1, ge=0, le=1)
    """So many of the clearest pairs get soft labels, because they are soon over-fitted."""
    alpha: float = Field(default=0.1, ge=0, lt=0.5)
    """Chance that the label of a soft pair is wrong."""
    margins: bool = True
    """Ask for a distance of max(mu, 0); of -mu on flipped pairs."""

    @model_validator(mode="after")
    def _bands_are_apart(self) -> Self:
        if self.q_amb + self.q_top > 1:
            raise ValueError("q_amb and q_top overlap; lower one of them")
        return self

    @property
    def hash(self) -> str:
        """Names the policy: the same settings have the same hash."""
        return content_id("policy", self.spec())

    def treat(self, rewards: Rewards, soft_labels: Floats, margins: Floats) -> pl.DataFrame:
        """A row a pair: mu, sigma, percentile, confidence, band, treatment, soft_label, margin.

        band is wrong, ambiguous, middle or top.
        `soft_labels` and `margins` [P] are those that the pairs have, a margin NaN where there is none.
        """
        found = strengths(rewards, standardise=self.standardise)
        mu, percentile = (found[name].to_numpy() for name in ("mu", "percentile"))
        doubtful = np.abs(found["confidence"].fill_null(np.inf).to_numpy()) < self.least_confidence
        share = min(self.q_flip, noise(mu, self.anchors)) if self.anchors else self.q_flip
        wrong = (percentile <= share) & ~doubtful & ((mu < 0) | (self.rule == "quantile"))
        ambiguous = ~wrong & ((percentile <= self.q_amb) | doubtful)
        top = ~wrong & ~ambiguous & (percentile > 1 - self.q_top)
        asked = "margin" if self.margins else "keep"
        said = np.select([wrong, ambiguous, top], [self.wrong, self.ambiguous, "soft"], asked)
        treatment = np.where((said == "keep") & self.margins, "margin", said)
        soft, flipped = treatment == "soft", treatment == "flip"
        mixed = soft_labels * (1 - self.alpha) + (1 - soft_labels) * self.alpha
        distances = np.maximum(np.where(flipped, -mu, mu), 0) if self.margins else np.where(flipped, np.nan, margins)
        bands = np.select([wrong, ambiguous, top], ["wrong", "ambiguous", "top"], "middle")
        return found.with_columns(
            band=pl.Series(bands.astype(str)),
            treatment=pl.Series(treatment.astype(str)),
            soft_label=np.where(soft, mixed, soft_labels),
            margin=pl.Series(distances).fill_nan(None),
        )


def strengths(rewards: Rewards, *, standardise: bool) -> pl.DataFrame:
    """A row a pair, float64: mu, sigma, percentile, confidence.

    mu is the mean difference, sigma its population spread over the voters that said something, percentile the rank of
    mu among all pairs in (0, 1] (equal ones share a rank), confidence mu / (sigma / sqrt M), NULL at sigma 0.
    """
    differences = rewards.differences
    votes = np.isfinite(differences).sum(axis=0)
    if not votes.all():
        raise InputError(f"{int((votes == 0).sum())} pairs have no vote at all; leave them out.")
    if standardise:
        differences = differences / _spread(rewards.voters, differences)[:, None]
    mu, sigma = np.nanmean(differences, axis=0), np.nanstd(differences, axis=0)
    # Divided here: Polars multiplies by the reciprocal, and 6 of 10 would be more than 0.6.
    percentile = pl.Series(mu).rank("average").to_numpy() / len(mu)
    agreed = sigma == 0
    confidence = np.where(agreed, np.nan, mu * np.sqrt(votes) / np.where(agreed, 1, sigma))
    found = {"mu": mu, "sigma": sigma, "percentile": percentile, "confidence": pl.Series(confidence).fill_nan(None)}
    return pl.DataFrame(found)


def noise(mu: Floats, anchors: float) -> float:
    """Estimated share of wrong labels: that of the pairs below zero among the share `anchors` of largest |mu|."""
    count = max(1, round(anchors * len(mu)))
    return float((mu[np.argsort(-np.abs(mu), kind="stable")[:count]] < 0).mean())


def _spread(voters: tuple[str, ...], differences: Floats) -> Floats:
    """[M] every voter's standard deviation over the pairs."""
    spread = np.nanstd(differences, axis=1)
    # The deviation of equal numbers is 0 but for rounding, and dividing by that would drown all other voters.
    constant = spread <= EQUAL * np.nanmax(np.abs(differences), axis=1)
    if constant.any():
        silent = voters[int(np.argmax(constant))]
        raise InputError(f"The voter {silent} gives all pairs the same difference; leave it out.")
    return spread
