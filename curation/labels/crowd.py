"""Votes of all prompts as the label models of `crowd-kit` read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.labels.evidence import Ballot, Evidence

if TYPE_CHECKING:  # it takes two seconds to import
    from crowdkit.aggregation import DawidSkene
    from pandas import DataFrame

SIDES = ("left", "right", "tie")
"""Verdicts of a task, by number. Of a couple's two tasks, the first has a on the left and the second b."""
LEFT, RIGHT, TIE = range(3)
MIRROR = (RIGHT, LEFT, TIE)


class Voter(NamedTuple):
    """An annotator, and whether the left response was shown first: whoever prefers a place is two voters."""

    annotator: str
    left_first: bool | None = None

    def mirrored(self) -> Voter:
        """The same annotator, seen from the other side."""
        return self if self.left_first is None else self._replace(left_first=not self.left_first)


@dataclass(slots=True, kw_only=True)
class Sheet:
    """A row (task, voter, verdict) for each vote, and one that names the responses the other way round.

    Which response is called a carries no meaning. Because both ways stand here, an annotator's errors are learned as
    errors about the response shown first and the one shown second, and flipped votes have flipped results.
    """

    couples: list[tuple[str, str, str]] = field(default_factory=list)
    """(prompt_id, a, b); couple i has the tasks 2i and 2i + 1."""
    voters: dict[Voter, int] = field(default_factory=dict)
    """Their numbers."""
    tasks: list[int] = field(default_factory=list)
    workers: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, evidence: Iterable[Evidence], *, heed_order: bool = True, heed_ties: bool = True) -> Sheet:
        """The votes on every couple, in the order of the evidence."""
        sheet = cls()
        for group in evidence:
            numbers: dict[tuple[str, str], int] = {}
            for a, b in group.couples:
                numbers[a, b] = len(sheet.couples)
                sheet.couples.append((group.prompt_id, a, b))
            for ballot in group.ballots:
                if heed_ties or ballot.verdict != "tie":
                    voter = voter_of(ballot) if heed_order else Voter(ballot.annotator)
                    sheet.add(numbers[ballot.a, ballot.b], voter, ballot)
        return sheet

    def add(self, couple: int, voter: Voter, ballot: Ballot) -> None:
        """Write a vote down both ways round."""
        side = {"a": LEFT, "b": RIGHT, "tie": TIE}[ballot.verdict]
        for task, seen, said in ((2 * couple, voter, side), (2 * couple + 1, voter.mirrored(), MIRROR[side])):
            self.tasks.append(task)
            self.workers.append(self.voters.setdefault(seen, len(self.voters)))
            self.labels.append(said)

    def frame(self) -> DataFrame:
        """The rows, with the columns task, worker and label; those of one label together, the left side first."""
        from pandas import DataFrame

        rows = DataFrame({"task": self.tasks, "worker": self.workers, "label": self.labels})
        return rows.sort_values("label", kind="stable", ignore_index=True)

    def posteriors(self, likely: DataFrame) -> NDArray[np.float64]:
        """[couples, 3] of a model's probabilities by task and label: a, b, tie. Both ways round count half.

        A couple without a vote here is a tie; one of so many votes that the model's product of them is 0 is even.
        """
        by_side = likely.reindex(columns=range(len(SIDES)), fill_value=0.0)
        by_side = by_side.reindex(range(2 * len(self.couples))).to_numpy(copy=True)
        by_side[np.isnan(by_side).any(axis=1)] = (0.5, 0.5, 0.0)
        by_side[np.bincount(self.tasks, minlength=len(by_side)) == 0] = (0.0, 0.0, 1.0)
        return (by_side[::2] + by_side[1::2][:, MIRROR]) / 2

    def errors(self, fitted: DawidSkene) -> Mapping[Voter, NDArray[np.float64]]:
        """[truth, verdict] by voter, in the order of SIDES: how likely each verdict is where each side is better."""
        assert fitted.errors_ is not None
        sides = range(len(SIDES))
        return {
            voter: fitted.errors_.loc[number].reindex(index=sides, columns=sides, fill_value=0.0).to_numpy().T
            for voter, number in self.voters.items()
        }


def voter_of(ballot: Ballot) -> Voter:
    """Who voted, seen with a on the left."""
    return Voter(ballot.annotator, None if ballot.shown_first is None else ballot.shown_first == ballot.a)
