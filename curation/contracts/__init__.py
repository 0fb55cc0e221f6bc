"""Contracts: the forms in which a judge gives its verdict, and one strict reader for each.

A contract says where the verdict stands and what it may be. Reading is a pure function of the stored reply and the
contract's settings, so that history can be read again by a better version. Nothing is guessed: a reply without the
form, with two different verdicts, or with a value outside the scale is a failure with a reason.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import Any, Literal

from pydantic import Field, model_validator

from curation.json_text import RepeatedKey, json_value
from schemas.base import Plugin
from schemas.registry import Registry

Value = str | int | float | dict[str, Any]
"""A label, a tie, a number, or an object."""

How = Literal["ok", "repaired", "bracketed"]
"""The rung on which a value was found: as asked; after a repair, or against a contradiction that a setting resolves;
or cut out of the prose around it."""

Failure = Literal[
    "empty",
    "truncated",
    "refused",
    "quarantined",
    "missing",
    "contradictory",
    "out_of_range",
    "unparsable",
    "repeated_key",
]
"""Why there is no value.

missing: the form is not there. contradictory: it is there with different verdicts. out_of_range: a number beyond the
scale. unparsable: the form holds something else. repeated_key: an object names a key twice. The others say how the
reply ended.
"""

UNREAD: Mapping[str, Failure] = {
    "length": "truncated",
    "refused": "refused",
    "too_long": "quarantined",
    "rejected": "quarantined",
}
"""Ends of a reply after which its text is not read, by finish_reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one reply says: a value, that the question does not apply, or a failure. Exactly one of the three."""

    value: Value | None = None
    failure: Failure | None = None
    applies: bool = True
    """False where the judge said that the question does not apply (N/A): no value, and no failure."""
    how: How = "ok"
    """Rung of the value; of no meaning without one."""

    def __post_init__(self) -> None:
        if (self.value is not None) + (self.failure is not None) + (not self.applies) != 1:
            raise ValueError("a reading is a value, a failure, or `applies=False`: give exactly one of them")


NOT_APPLICABLE = Reading(applies=False)


def failed(why: Failure) -> Reading:
    """A reading without a value."""
    return Reading(failure=why)


class Contract(Plugin):
    """One way to give a verdict in text."""

    @abstractmethod
    def read(self, text: str) -> Reading:
        """What a whole reply says. Pure, and never raises."""

    def of_reply(self, text: str, finish_reason: str, logprobs: str | None = None) -> Reading:  # noqa: ARG002
        """What a stored reply says. One that was cut, refused or never made is not read."""
        if finish_reason in UNREAD:
            return failed(UNREAD[finish_reason])
        return self.read(text) if text.strip() else failed("empty")


class LabelContract(Contract):
    """Base of the contracts whose verdict is one of some labels."""

    labels: tuple[str, ...] = Field(default=("A", "B"), min_length=2)
    """What the judge may name. Case counts."""
    tie: str | None = None
    """The label that says that none is better; its value is `tie`. Without one, a judge cannot give a tie."""

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> LabelContract:
        names = [*self.labels, *([] if self.tie is None else [self.tie])]
        if len(set(names)) < len(names) or any(not name or name != name.strip() for name in names):
            raise ValueError("labels differ from each other, and none is empty or ends in a space")
        if "tie" in self.labels:
            raise ValueError("`tie` is the value of a tie: name its label by `tie`, not among the labels")
        return self

    def named(self, said: str) -> Reading:
        """The label that is said, and nothing else."""
        if said == self.tie:
            return Reading(value="tie")
        return Reading(value=said) if said in self.labels else failed("unparsable")


class LogprobsContract(Contract):
    """Base of the contracts whose verdict is the log-odds of two answers, read from the logprobs of a reply.

    `read` takes the JSON of `calls.logprobs`. A verdict of one token always ends by `length`, and that is no failure.
    r = log p(first) - log p(second). A side that is not listed counts as the least likely alternative that is.
    Source: RLBFF, arXiv 2509.21319; floor and clip are ours.
    """

    limit: float = Field(default=20.0, gt=0)
    """Largest |r|."""

    @abstractmethod
    def sides(self, positions: Sequence[Position]) -> Sides | None:
        """Where the two answers part, or None when the reply goes another way."""

    def of_reply(self, text: str, finish_reason: str, logprobs: str | None = None) -> Reading:  # noqa: ARG002
        if finish_reason in UNREAD and finish_reason != "length":
            return failed(UNREAD[finish_reason])
        return self.read(logprobs) if logprobs else failed("empty")

    def read(self, text: str) -> Reading:
        try:
            sides = self.sides(positions_of(text))
        except RepeatedKey:
            return failed("repeated_key")
        except (ValueError, OverflowError, RecursionError):
            return failed("unparsable")
        found = None if sides is None else sides.log_odds()
        if found is None:
            return failed("missing")
        return Reading(value=max(-self.limit, min(self.limit, found)))


Position = Mapping[str, float]
"""Log-probabilities of the alternatives to one token, by their text."""

MINUS_INFINITY = -9999.0
"""What vLLM's server writes for a token that cannot come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The alternatives to one token that begin the first answer, those that begin the second, and all of them."""

    first: Sequence[float]
    second: Sequence[float]
    listed: Sequence[float]

    def log_odds(self) -> float | None:
        """Log p(first) - log p(second), or None when neither is listed, or one of them and nothing beside it."""
        if not (self.first or self.second) or len(self.listed) < 2:
            return None
        floor = min(self.listed)
        first, second = (_log_sum(side) if side else floor for side in (self.first, self.second))
        return first - second


def positions_of(text: str) -> list[Position]:
    """The alternatives to every token of a reply. Raises ValueError when the text is not what engines store."""
    found = json_value(text, endless=True)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("logprobs are a list of objects")
    for logprob in (logprob for one in found for logprob in one.values()):
        if isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
            raise ValueError("a log-probability is a number")
    return [{token: float(p) for token, p in one.items() if isfinite(p) and p > MINUS_INFINITY} for one in found]


def _log_sum(logprobs: Sequence[float]) -> float:
    """Log of the summed probabilities, computed from the largest so that none underflows."""
    top = max(logprobs)
    return top + log(sum(exp(logprob - top) for logprob in logprobs))


CONTRACTS = Registry("curation.contracts", Contract)
