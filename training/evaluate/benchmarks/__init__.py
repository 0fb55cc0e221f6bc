"""Benchmarks of reward models and judges: a file of texts in, figures out. One file is one protocol.

A benchmark reads a record and says what the rewards of its texts are worth. What could not be read, what a model cannot
read whole, and exact ties are counted: they are figures too.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from schemas.base import Plugin
from schemas.errors import InputError
from schemas.prompts import user
from schemas.registry import Registry
from training.evaluate.intervals import Interval, mean_interval
from training.evaluate.rewards import Item

Record = Mapping[str, Any]
Rewards = NDArray[np.floating[Any]]
Wins = NDArray[np.float64]
"""[R, W] 1 where a right answer wins against a wrong one, else 0."""
Figures = dict[str, Interval]
NONE = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is compared with each other: one record, or all records of one prompt."""

    prompt: str
    """Names the prompt: what the bootstrap draws."""
    items: tuple[Item, ...]
    correct: int = 1
    """So many of the first items are right, the others are wrong."""
    subset: str = ""


class Benchmark(Plugin):
    """A benchmark's format, and how its figures are made."""

    columns: ClassVar[tuple[str, ...]]
    """What a record must have."""

    @abstractmethod
    def case(self, record: Record) -> Case:
        """What is to be scored of a record."""

    @abstractmethod
    def figures(self, cases: Sequence[Case], rewards: Sequence[Rewards]) -> Figures:
        """Figures of cases from the rewards of their items, in order."""

    def grouped(self, cases: Sequence[Case]) -> list[Case]:
        """Cases of which several records make one; as they are, unless a benchmark says otherwise."""
        return list(cases)

    def ties(self, rewards: Rewards, correct: int) -> bool:
        """Whether a right and a wrong item of a case have exactly the same reward."""
        return bool(np.isin(rewards[:correct], rewards[correct:]).any())

    def run(self, records: Iterable[Record | None], score: Callable[[Sequence[Item]], Rewards]) -> Figures:
        """All figures. `score` gives a reward to every item, NaN to one that it cannot read.

        A record that is None, or has no value where one is needed, is counted as unreadable. Raises InputError when a
        column is missing.
        """
        cases, unreadable = self.cases(records)
        scored = score([item for case in cases for item in case.items])
        ends = np.cumsum([len(case.items) for case in cases])
        rewards = np.split(scored, ends[:-1]) if cases else []
        known = [(case, each) for case, each in zip(cases, rewards, strict=True) if not np.isnan(each).any()]
        tied = [self.ties(each, case.correct) for case, each in known]
        counts = {
            "unreadable": unreadable,
            "too long": count(len(cases) - len(known), len(cases)),
            "ties": count(sum(tied), len(known)),
        }
        return self.figures([case for case, _ in known], [each for _, each in known]) | counts

    def cases(self, records: Iterable[Record | None]) -> tuple[list[Case], Interval]:
        """What is to be compared, and how many records could not be read. Raises InputError as `run` does."""
        found = list(records)
        readable = [record for record in found if record is not None and self._is_whole(record)]
        unreadable = count(len(found) - len(readable), len(found))
        return self.grouped([self.case(record) for record in readable]), unreadable

    def _is_whole(self, record: Record) -> bool:
        if missing := [name for name in self.columns if name not in record]:
            raise InputError(f"{self.name} needs the column {missing[0]}; rename yours: {', '.join(self.columns)}.")
        return all(record[name] is not None for name in self.columns)


class Contest(Benchmark):
    """A benchmark that only asks which right answers win against which wrong ones: judges can be measured by it too."""

    @abstractmethod
    def outcome(self, cases: Sequence[Case], wins: Sequence[Wins]) -> Figures:
        """Figures of cases from who wins in each."""

    def figures(self, cases: Sequence[Case], rewards: Sequence[Rewards]) -> Figures:
        both = zip(cases, rewards, strict=True)
        return self.outcome(cases, [won(each[: case.correct], each[case.correct :]) for case, each in both])


def won(right: Rewards, wrong: Rewards) -> Wins:
    """Whether each right answer has strictly more than each wrong one."""
    return (right[:, None] > wrong[None, :]).astype(np.float64)


def item(prompt: Any, response: Any) -> Item:
    """A prompt (text, or messages) with a response."""
    return (user(prompt) if isinstance(prompt, str) else prompt), str(response)


def texts(record: Record, column: str, size: int | None = None) -> list[str]:
    """The texts of a list, of exactly `size` if given. Raises InputError when the cell is something else."""
    cell = record[column]
    if isinstance(cell, str) or (size and len(cell) != size):
        raise InputError(f"The column {column} needs a list of {f'{size} ' if size else ''}texts in each record.")
    return [str(text) for text in cell]


def count(value: int, of: int) -> Interval:
    """A number of things that are so, of all."""
    return Interval(float(value), NONE, NONE, of)


def composed(parts: Sequence[float], n: int) -> Interval:
    """The mean of figures, NaN where one is; it has no interval of its own."""
    return Interval(float(np.mean(parts)) if len(parts) else NONE, NONE, NONE, n)


def by_subset(cases: Sequence[Case], values: Sequence[float]) -> Figures:
    """Mean of `values` of each subset, with an interval over prompts."""
    where = np.array([case.subset for case in cases])
    prompts = np.array([case.prompt for case in cases])
    numbers = np.array(values, dtype=np.float64)
    return {str(name): mean_interval(numbers[where == name], prompts[where == name]) for name in np.unique(where)}


BENCHMARKS = Registry("training.evaluate.benchmarks", Benchmark)
