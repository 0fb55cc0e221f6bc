"""Reward-ranked fine-tuning, RAFT, arXiv:2304.06767: of all responses to a prompt the best is learned."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, NamedTuple

import pyarrow as pa
import torch

from schemas.errors import InputError
from schemas.ids import canonical
from training.batches import SequenceExamples
from training.objectives.likelihood import Likelihood
from training.prepare import PreparedSequences
from training.ratings import MEAN, rating_of, ratings_by
from training.tokens import Messages

Scores = dict[tuple[str, str], tuple[float, float]]
"""(prompt, response) -> score; where the first numbers are equal, the second decide"""


class RAFT(Likelihood):
    """Fine-tuning on one response to each prompt, the one with the highest score.

    With `ratings` that is what it was rated. Without, it is the share of its comparisons that a response has won, less
    the share that it has lost, by their weights and soft labels; equals are told apart by their margins. Pairs of
    weight 0 do not count. A prompt whose best response no pair prefers to another is left out.

    This is one iteration. The next trains on a version of the new policy's own responses.
    """

    name: ClassVar[str] = "raft"
    learning_rate: ClassVar[float] = 1e-5

    ratings: Path | None = None
    """Folder of the version in UltraFeedback's format. Without it the pairs say which response is best."""
    attribute: str = MEAN
    """The rating that counts: an aspect, `overall`, or `mean` over the aspects."""

    def examples(self, part: PreparedSequences) -> SequenceExamples:
        """The best response of every prompt. Raises InputError where no prompt has one."""
        scores = shares_won(part.rows) if self.ratings is None else self._rated(part.rows, self.ratings)
        best: dict[str, str] = {}
        for (prompt, response), score in scores.items():
            if prompt not in best or score > scores[prompt, best[prompt]]:
                best[prompt] = response
        prompts, chosen = map(canonical, part.rows.column("prompt").to_pylist()), part.rows.column("chosen").to_pylist()
        learned: dict[str, list[int]] = {}
        for pair, (prompt, response) in enumerate(zip(prompts, chosen, strict=True)):
            if best.get(prompt) == response:
                learned.setdefault(prompt, []).append(pair)
        if not learned:
            raise InputError(
                f"raft: none of {len(chosen)} pairs prefers the best response to its prompt; "
                "look at their weights and soft labels, or name other `ratings`."
            )
        known, firsts = part.examples.sequences, torch.tensor([pairs[0] for pairs in learned.values()])
        kept = replace(known, starts=known.starts[firsts], lengths=known.lengths[firsts], cuts=known.cuts[firsts])
        weights = [part.examples.weight[pairs].mean() for pairs in learned.values()]
        return SequenceExamples(kept, torch.stack(weights))

    def _rated(self, rows: pa.Table, folder: Path) -> Scores:
        """What the responses were rated; those that were not are absent."""
        known = ratings_by(folder, "train", self.attribute)
        found = {(canonical(side.prompt), side.response): rating_of(known, *side[:2]) for side in sides(rows)}
        return {key: (rating, 0.0) for key, rating in found.items() if not math.isnan(rating)}


class Side(NamedTuple):
    """One response in one comparison."""

    prompt: Messages
    response: str
    won: float
    """weight of the pair, times 1 to -1 as it was surely won, or surely lost"""
    margin: float
    weight: float


def sides(rows: pa.Table) -> Iterator[Side]:
    """Both sides of every pair that counts."""
    for row in rows.to_pylist():
        won, margin, weight = row["weight"] * (2 * row["soft_label"] - 1), row["margin"] or 0.0, row["weight"]
        if weight > 0:
            yield Side(row["prompt"], row["chosen"], won, margin, weight)
            yield Side(row["rejected_prompt"], row["rejected"], -won, margin, weight)


def shares_won(rows: pa.Table) -> Scores:
    """The share of its comparisons that a response has won less what it has lost, -1 to 1, and its margins likewise."""
    won, margins, weights = (defaultdict[tuple[str, str], float](float) for _ in range(3))
    for side in sides(rows):
        key = canonical(side.prompt), side.response
        won[key] += side.won
        margins[key] += side.won * side.margin
        weights[key] += side.weight
    return {key: (won[key] / weight, margins[key]) for key, weight in weights.items()}
