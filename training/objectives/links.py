"""Pairs with their variants, the same two responses under a prompt that asks for more: MAPL, arXiv:2505.12845."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from schemas.prompts import Message
from training.batches import PairBatch, PairExamples
from training.objectives import soft_log_loss
from training.prepare import PreparedPairs

Link = tuple[int, int, int]
"""A pair, the same two responses under a prompt that asks for more, and 1 where that favours the same side, else -1."""


@dataclass(frozen=True, kw_only=True)
class LinkedBatch(PairBatch):
    """B pairs, with the links between them."""

    within: Tensor
    """[B] bool, true where one response stands under two prompts"""
    links: Tensor
    """[E, 3] int64, Links of places in the batch"""

    def weight_of(self, prompts: float) -> Tensor:
        """[B] the pairs' weights, times `prompts` where one response stands under two prompts."""
        return self.weight.where(~self.within, prompts * self.weight)


class Families:
    """Pairs that belong together, a pair and its variants. A step's mean is over its pairs."""

    def __init__(self, pairs: PairExamples, within: Tensor, links: list[Link]) -> None:
        self.pairs, self.within = pairs, within
        variants: dict[int, list[Link]] = {}
        for link in links:
            variants.setdefault(link[0], []).append(link)
        heads = sorted(set(range(len(pairs))) - {variant for _, variant, _ in links})
        self.links = [variants.get(head, []) for head in heads]
        self.members = [
            [head, *(variant for _, variant, _ in found)] for head, found in zip(heads, self.links, strict=True)
        ]
        self.lengths, self.tokens, self.units = (
            torch.stack([counts[family].sum() for family in self.members])
            for counts in (pairs.lengths, pairs.tokens, pairs.units)
        )

    @classmethod
    def of(cls, part: PreparedPairs) -> Families:
        """The pairs of a version, each with its variants."""
        sides = zip(part.rows.column("chosen").to_pylist(), part.rows.column("rejected").to_pylist(), strict=True)
        return cls(part.examples, torch.tensor([a == b for a, b in sides]), variants_of(part.rows))

    def __len__(self) -> int:
        return len(self.members)

    def batch(self, rows: Tensor) -> LinkedBatch:
        """The pairs of the given families."""
        members = [pair for row in rows.tolist() for pair in self.members[row]]
        place = {pair: at for at, pair in enumerate(members)}
        links = [(place[a], place[b], side) for row in rows.tolist() for a, b, side in self.links[row]]
        chosen = torch.tensor(members)
        return LinkedBatch(
            **vars(self.pairs.batch(chosen)),
            within=self.within[chosen],
            links=torch.tensor(links, dtype=torch.int64).view(-1, 3),
        )


def between(gap: Tensor, batch: LinkedBatch) -> Tensor:
    """[] sum over links, divided by B, of -log s(what the further demands add to the pair's gap), for gaps [B].

    The paper's loss between samples is not published in full; this is a reading of it. A soft label of the variant says
    how sure it is which side its demands favour.
    """
    first, variant, side = batch.links.unbind(1)
    # A variant that favours the other side has that side as chosen: its gap is -m(x-), and m(x) - m(x-) the sum.
    shift = gap[variant] - side * gap[first]
    costs = soft_log_loss(shift, batch.soft_label[variant], 0.0)
    return (batch.weight[variant] * batch.weight[first] * costs).sum() / len(gap)


def variants_of(rows: pa.Table) -> list[Link]:
    """Links between pairs of a table: two responses under a prompt, and again under one that goes on where it ends."""
    names = ("prompt", "rejected_prompt", "chosen", "rejected")
    table: list[tuple[Any, ...]] = list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))
    groups: dict[frozenset[str], list[int]] = {}
    for place, (prompt, rejected_prompt, chosen, rejected) in enumerate(table):
        if prompt == rejected_prompt:
            groups.setdefault(frozenset((chosen, rejected)), []).append(place)
    links: list[Link] = []
    for group in groups.values():
        by_length = sorted(group, key=lambda place: len(table[place][0][-1]["content"]))
        for at, place in enumerate(by_length):
            first = next((one for one in by_length[:at] if goes_on(table[one][0], table[place][0])), None)
            if first is not None:
                links.append((first, place, 1 if table[first][2] == table[place][2] else -1))
    return links


def goes_on(prompt: list[Message], longer: list[Message]) -> bool:
    """Whether `longer` is `prompt` with more at the end of its last message."""
    *turns, last = prompt
    *others, more = longer
    grown = more["content"].startswith(last["content"]) and more["content"] != last["content"]
    return turns == others and more["role"] == last["role"] and grown
