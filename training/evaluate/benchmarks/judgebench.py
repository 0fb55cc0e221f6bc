"""JudgeBench: arXiv:2410.12784."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError
from training.evaluate.benchmarks import Case, Contest, Figures, Record, Wins, by_subset, item
from training.evaluate.intervals import Interval, mean_interval

LABELS = ("A>B", "B>A")


class JudgeBench(Contest):
    """Pairs of which one answer is objectively correct. A tie is wrong.

    `{"pair_id": "1", "question": "...", "response_A": "...", "response_B": "...", "label": "A>B", "source": "law"}`

    A reward does not know the order, so one game of each pair is enough; a judge that compares plays `two_games`.
    """

    name = "judgebench"
    columns: ClassVar[tuple[str, ...]] = ("pair_id", "question", "response_A", "response_B", "label", "source")

    def case(self, record: Record) -> Case:
        if (label := record["label"]) not in LABELS:
            raise InputError(
                f"judgebench: pair {record['pair_id']} has the label {label!r}; write {' or '.join(LABELS)}."
            )
        items = [item(record["question"], record[f"response_{side}"]) for side in label.split(">")]
        return Case(prompt=str(record["question"]), items=tuple(items), subset=record["source"])

    def outcome(self, cases: Sequence[Case], wins: Sequence[Wins]) -> Figures:
        right = [float(won.item()) for won in wins]
        sources = {f"accuracy, {name}": found for name, found in by_subset(cases, right).items()}
        return {"accuracy": mean_interval(right, [case.prompt for case in cases]), **sources}


class Games(NamedTuple):
    """A judge that saw N pairs in both orders."""

    won: NDArray[np.bool_]
    """[N] whether a pair has more right than wrong verdicts"""
    accuracy: Interval
    """Their share"""
    inconsistency: Interval
    """Pairs on which the two games do not say the same"""
    unread: int
    """Verdicts that could not be read"""


def two_games(
    first: Sequence[str | None], second: Sequence[str | None], labels: Sequence[str], prompts: Sequence[str]
) -> Games:
    """What verdicts are worth: `A` or `B` is what was preferred by its place, anything else a tie, None unreadable.

    In the second game the answers had changed places, so its verdicts are turned. `labels` name the better one in the
    first game. A right, a wrong and no verdict are +1, -1 and 0.
    """
    turned = [{"A": "B", "B": "A"}.get(verdict or "", verdict) for verdict in second]
    points = np.array([_points(game, labels) for game in (first, turned)], dtype=np.float64)
    differ = [float(one != other) for one, other in zip(first, turned, strict=True)]
    unread = sum(verdict is None for verdict in (*first, *second))
    right = points.sum(0) > 0
    return Games(right, mean_interval(right, prompts), mean_interval(differ, prompts), unread)


def _points(game: Sequence[str | None], labels: Sequence[str]) -> list[int]:
    return [
        (verdict == label) - (verdict in ("A", "B") and verdict != label)
        for verdict, label in zip(game, labels, strict=True)
    ]
