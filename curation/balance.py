"""Pairs whose winner cannot be told by length, format or author alone: what is too much is dropped or weighs less.

A reward model that reads nothing but the length of answers is right on 60 % of a usual preference set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from curation.pairing import Built
from schemas.base import Strict
from schemas.ids import draw

Trait = Literal["length", "format", "model"]
ROUNDS = 1_000
"""Corrections of one trait disturb another; weights settle after some ten rounds, or never where a side is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFacts:
    """A row of the query `side_facts`: what a rule without understanding sees of a response."""

    response_id: str
    n_chars: int
    n_marks: int
    """List items, headings, bold words, pieces of code, table rows."""
    model: str


class Balance(Strict):
    """What must not tell a pair's winner, and how much it may."""

    by: tuple[Trait, ...] = ("length", "format")
    """`length`: the longer answer; `format`: the one with more marks; `model`: who wrote it, for every two models, of
    which pairs that always go one way are all left out."""
    how: Literal["drop", "weigh"] = "drop"
    """`drop` leaves pairs out; `weigh` keeps all, and changes what they weigh in the loss."""
    within: float = Field(default=0.02, ge=0, lt=0.5)
    """How far from a half a trait may be right once pairs are dropped, equal sides counting half; 0 drops most.
    Weights do not heed it: they make the shares equal."""
    seed: int = 0
    """Of the coins that choose among pairs, one for each: other pairs never re-toss it."""

    def applied(self, built: Built, facts: pa.Table) -> Built:
        """The pairs that stay, with the drops `balance_length` and so on; or all of them, with other weights."""
        sides = {row["response_id"]: SideFacts(**row) for row in facts.to_pylist()}
        leans: dict[Trait, Leans] = {
            trait: Leans.of([lean(trait, sides[pair.chosen_id], sides[pair.rejected_id]) for pair in built.pairs])
            for trait in self.by
        }
        if self.how == "weigh":
            place = built.members.schema.get_field_index("weight")
            weights = balanced_weights(list(leans.values()), built.members.column("weight").to_numpy())
            return replace(built, members=built.members.set_column(place, "weight", pa.array(weights)))
        surplus = self._surplus(leans, [pair.pair_id for pair in built.pairs])
        return built.without({place: f"balance_{trait}" for place, trait in surplus.items()})

    def _surplus(self, leans: dict[Trait, Leans], pair_ids: Sequence[str]) -> dict[int, Trait]:
        """Places of the pairs to drop, with the trait that each is dropped for."""
        coins = np.array([draw("balance", self.seed, pair_id) for pair_id in pair_ids])
        gone: dict[int, Trait] = {}
        kept = np.ones(len(pair_ids), dtype=bool)
        before = None
        while before != len(gone):
            before = len(gone)
            for trait, found in leans.items():
                for places in found.surplus(kept, coins, 0.5 + self.within):
                    gone |= dict.fromkeys(places.tolist(), trait)
                    kept[places] = False
        return gone


def lean(trait: Trait, chosen: SideFacts, rejected: SideFacts) -> tuple[int, str]:
    """Where a trait points: 1 to the chosen side, -1 to the rejected one, 0 nowhere; and its group of pairs."""
    if trait == "model":
        first, second = chosen.model, rejected.model
        return (first > second) - (first < second), "|".join(sorted((first, second)))
    first, second = (side.n_chars if trait == "length" else side.n_marks for side in (chosen, rejected))
    return (first > second) - (first < second), ""


@dataclass(frozen=True, slots=True)
class Leans:
    """Where a trait points in each pair, by groups of pairs."""

    signs: NDArray[np.int64]
    groups: list[NDArray[np.int64]]
    """Places of each group's pairs."""

    @classmethod
    def of(cls, found: Sequence[tuple[int, str]]) -> Leans:
        """From the leans of single pairs."""
        places: dict[str, list[int]] = {}
        for place, (_, group) in enumerate(found):
            places.setdefault(group, []).append(place)
        return cls(np.array([sign for sign, _ in found]), [np.array(group) for group in places.values()])

    def sides(self, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places in a group where the trait points to the chosen side, and to the rejected one."""
        return group[self.signs[group] > 0], group[self.signs[group] < 0]

    def surplus(self, kept: NDArray[np.bool_], coins: NDArray[np.float64], most: float) -> list[NDArray[np.int64]]:
        """By group, the pairs of the heavier side with the lowest coins, without which its share is at most `most`."""
        found = []
        for group in self.groups:
            left = group[kept[group]]
            heavy = max(self.sides(left), key=len)
            even = len(left) - sum(map(len, self.sides(left)))
            count = ceil((len(heavy) + even / 2 - most * len(left)) / (1 - most) - 1e-9)
            found.append(heavy[np.argsort(coins[heavy])][: max(count, 0)])
        return found


def balanced_weights(leans: Sequence[Leans], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights under which both sides of every group weigh the same (raking); their sum stays."""
    weights = weights.astype(float)
    for _ in range(ROUNDS):
        before = weights.copy()
        for found in leans:
            for group in found.groups:
                ahead, behind = found.sides(group)
                if len(ahead) and len(behind):
                    half = (weights[ahead].sum() + weights[behind].sum()) / 2
                    weights[ahead] *= half / weights[ahead].sum()
                    weights[behind] *= half / weights[behind].sum()
        if np.allclose(weights, before, rtol=1e-9, atol=0):
            break
    return weights
