"""Rules judge by computing. They ask no model, and the same text always gets the same rows.

What a prompt demands is written in its constraints, JSON objects `{"rule": id, ...}`. A constraint is read into a
verifier, whose fields are the rest of the object.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import ValidationError, field_validator

from curation.json_text import json_value
from schemas.base import Plugin, Strict
from schemas.errors import UnknownPlugin, explain_settings
from schemas.ids import content_id
from schemas.prompts import Prompt
from schemas.registry import Registry
from schemas.responses import Response
from schemas.scores import Score

UNREADABLE = "constraint"
"""Aspect of a constraint that names no known rule, or is no JSON object."""

MAX_NOTE = 300
"""Longest rationale, in characters: it may quote the response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a rule found in one aspect: 1.0 satisfied, 0.0 not. None without a failure: it does not apply."""

    aspect: str
    value: float | None = None
    failure: str | None = None
    rationale: str | None = None


class Rule(Plugin):
    """Judges one response at a time, by computing. Never raises, whatever the prompt asks and the response says."""

    @abstractmethod
    def check(self, prompt: Prompt, response: Response) -> Iterator[Check]:
        """One check for each aspect, at least one: pure, and no two of the same aspect."""

    def scores(self, prompt: Prompt, response: Response, run_id: str | None = None) -> list[Score]:
        """The checks as rows on a scale of 0 to 1. A response judged twice gets the same rows."""
        call_id = self.call_id(prompt, response)
        return [
            Score(
                call_id=call_id,
                response_id=response.response_id,
                judge=self.name,
                judge_version=self.version,
                aspect=found.aspect,
                value=found.value,
                scale_lo=0.0,
                scale_hi=1.0,
                rationale=found.rationale and found.rationale[:MAX_NOTE],
                failure=found.failure,
                run_id=run_id,
            )
            for found in self.check(prompt, response)
        ]

    def call_id(self, prompt: Prompt, response: Response) -> str:
        """Names the act of judging by all that its outcome depends on. No rule has a secret among its settings."""
        known = (prompt.prompt_id, prompt.constraints, prompt.correct_answers)
        return content_id("rule", self.name, self.version, self.spec(), *known, response.response_id)


RULES = Registry("curation.rules", Rule)


class Finding(NamedTuple):
    """What a verifier says of a text. `satisfied` is None only with a failure: why it cannot be told."""

    satisfied: bool | None
    rationale: str
    failure: str | None = None


class Verifier(Strict):
    """One demand on a response, with its numbers and words as fields."""

    @abstractmethod
    def find(self, text: str) -> Finding:
        """Whether the text satisfies the demand: pure, and never raises."""

    def about(self, prompt: str) -> Self:  # noqa: ARG002 - most demands say everything themselves
        """The same demand of one prompt: what the constraint left open is taken from the prompt's last turn."""
        return self


class Unreadable(Verifier):
    """Stands for a constraint that cannot be read."""

    problem: str

    def find(self, text: str) -> Finding:  # noqa: ARG002 - no text can satisfy it
        return Finding(None, self.problem, "bad_constraint")


class Demand(NamedTuple):
    """A constraint that was read: the aspect under which it is reported, and its verifier."""

    aspect: str
    verifier: Verifier

    def check(self, text: str) -> Check:
        """What the verifier finds in the text."""
        return self.report(self.verifier.find(text))

    def report(self, found: Finding, suffix: str = "") -> Check:
        """A finding under this demand's aspect."""
        value = None if found.satisfied is None else float(found.satisfied)
        return Check(
            aspect=self.aspect + suffix, value=value, failure=found.failure, rationale=found.rationale[:MAX_NOTE]
        )


class ConstraintRule(Rule):
    """Judges by the prompt's constraints that concern it, and by constraints that its settings ask of every response.

    Each is one check, whose aspect is the constraint's `rule`; the second of the same rule is `rule#2`. A constraint
    that names no known rule or breaks its fields is a failure `bad_constraint`.
    """

    every: tuple[dict[str, Any], ...] = ()
    """Constraints of every response. `rule` may be left out where it is the name of this plugin."""

    @classmethod
    @abstractmethod
    def verifier(cls, rule: str) -> type[Verifier] | None:
        """Reads constraints of this id. None when they are another rule's; raises UnknownPlugin when they are ours."""

    @field_validator("every")
    @classmethod
    def _readable(cls, every: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for fields in every:
            rule = fields.get("rule", cls.name)
            found = cls.demand({**fields, "rule": rule}) if isinstance(rule, str) else None
            if found is None:
                raise ValueError(f"{cls.name} knows no constraint {rule!r}; correct it, or move it to its own rule")
            if isinstance(found.verifier, Unreadable):
                raise ValueError(found.verifier.problem.rstrip("."))
        return every

    def check(self, prompt: Prompt, response: Response) -> Iterator[Check]:
        demands = self.demands(prompt)
        if not demands:
            yield Check(aspect=self.name, rationale="no constraint of the prompt concerns this rule")
        for demand in demands:
            yield demand.check(response.text)

    def demands(self, prompt: Prompt) -> list[Demand]:
        """What is asked of a response to this prompt: by the settings, then by the prompt."""
        request = prompt.messages[-1]["content"]
        asked = [self.demand({"rule": self.name, **fields}, request) for fields in self.every]
        asked += [self.demand_of(text, request) for text in prompt.constraints or ()]
        return _numbered([found for found in asked if found])

    @classmethod
    def demand_of(cls, constraint: str, prompt: str = "") -> Demand | None:
        """A constraint's text as a demand, or None when it is another rule's."""
        try:
            fields = json_value(constraint)
        except ValueError:
            return Demand(UNREADABLE, Unreadable(problem="The constraint is no JSON."))
        if not (isinstance(fields, dict) and isinstance(fields.get("rule"), str)):
            return Demand(UNREADABLE, Unreadable(problem='The constraint is no JSON object that names its "rule".'))
        return cls.demand(fields, prompt)

    @classmethod
    def demand(cls, fields: Mapping[str, Any], prompt: str = "") -> Demand | None:
        """A constraint as a demand, or None when it is another rule's. A field that is null counts as absent."""
        rule = fields["rule"]
        given = {name: value for name, value in fields.items() if name != "rule" and value is not None}
        try:
            kind = cls.verifier(rule)
            return kind and Demand(rule, kind(**given).about(prompt))
        except UnknownPlugin as error:
            return Demand(UNREADABLE, Unreadable(problem=str(error)))
        except ValidationError as error:
            return Demand(rule, Unreadable(problem=explain_settings(error)))


class FormRule(ConstraintRule):
    """A rule with one kind of constraint, called like the rule itself."""

    demands_are: ClassVar[type[Verifier]]
    """Reads its constraints."""

    @classmethod
    def verifier(cls, rule: str) -> type[Verifier] | None:
        return cls.demands_are if rule == cls.name else None


def verify(constraint: str, response: str, prompt: str = "") -> Check:
    """Whether a response text satisfies one constraint, whichever rule knows it. Its aspect is the constraint's id."""
    for rule in RULES.classes.values():
        if issubclass(rule, ConstraintRule) and (demand := rule.demand_of(constraint, prompt)):
            return demand.check(response)
    return Demand(UNREADABLE, Unreadable(problem="No rule knows this constraint.")).check(response)


def _numbered(demands: Sequence[Demand]) -> list[Demand]:
    """The demands under aspects of their own: rows are named by aspect."""
    seen: Counter[str] = Counter()
    found = []
    for aspect, verifier in demands:
        seen[aspect] += 1
        found.append(Demand(aspect if seen[aspect] == 1 else f"{aspect}#{seen[aspect]}", verifier))
    return found
