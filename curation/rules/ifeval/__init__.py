"""IFEval's verifiable instructions (arXiv 2311.07911): ids, keyword arguments and verdicts of the official code.

Source of the semantics: google-research/instruction_following_eval. Where it has a quirk, the quirk is kept and named
beside the code, so that figures compare with published ones. What differs from it: an argument that upstream would
draw at random when absent is required here; a word or marker is looked for as it is written, while upstream reads it
as a regular expression (which fails for `C++`); and sentences are counted by upstream's own regular expressions
instead of nltk's punkt model, which is a download.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from curation.rules import Check, ConstraintRule, Demand, Finding, Verifier
from schemas.base import Plugin
from schemas.prompts import Prompt
from schemas.registry import Registry
from schemas.responses import Response

LOOSE = "/loose"
ALL = "ifeval/prompt"
"""Aspect that is satisfied when every instruction of the prompt is."""

Relation = Literal["less than", "at least"]
Count = Annotated[int, Field(ge=0)]


class Instruction(Verifier, Plugin):
    """One official instruction. `name` is its id, and the fields are its keyword arguments."""

    @abstractmethod
    def follows(self, text: str) -> Finding:
        """Whether a text that is not blank follows the instruction."""

    def find(self, text: str) -> Finding:
        if not text.strip():
            return Finding(False, "the response is empty")
        return self.follows(text)


INSTRUCTIONS = Registry("curation.rules.ifeval", Instruction)


class IFEval(ConstraintRule):
    """Checks IFEval's instructions, strictly and loosely, one by one and all of a prompt's together.

    Loosely means that one of eight readings of the response follows the instruction: see `readings`.
    """

    name = "ifeval"

    @classmethod
    def verifier(cls, rule: str) -> type[Verifier] | None:
        return INSTRUCTIONS.get(rule) if ":" in rule else None

    def check(self, prompt: Prompt, response: Response) -> Iterator[Check]:
        demands = self.demands(prompt)
        strict = [demand.check(response.text) for demand in demands]
        loose = [_loosely(demand, found, response.text) for demand, found in zip(demands, strict, strict=True)]
        yield from strict
        yield from loose
        yield together(ALL, strict)
        yield together(ALL + LOOSE, loose)


def readings(text: str) -> list[str]:
    """The response as it is, without its first, its last, and both of these lines, each with and without asterisks."""
    lines = text.split("\n")
    cuts = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return list(dict.fromkeys([*cuts, *(cut.replace("*", "") for cut in cuts)]))


def together(aspect: str, checks: Sequence[Check]) -> Check:
    """All or nothing. One violated instruction decides; otherwise an unreadable one leaves it open."""
    if not checks:
        return Check(aspect=aspect, rationale="the prompt has no instruction")
    met = sum(check.value == 1 for check in checks)
    tally = f"{met} of {len(checks)} satisfied"
    if any(check.value == 0 for check in checks):
        return Check(aspect=aspect, value=0.0, rationale=tally)
    if met < len(checks):
        return Check(aspect=aspect, failure="bad_constraint", rationale=tally)
    return Check(aspect=aspect, value=1.0, rationale=tally)


def compared(found: int, relation: Relation, bound: int, what: str) -> Finding:
    """A count beside its bound."""
    met = found < bound if relation == "less than" else found >= bound
    return Finding(met, f"{found} {what}, want {relation} {bound}")


def _loosely(demand: Demand, strict: Check, text: str) -> Check:
    """The check of the first reading that follows the instruction, or what the response itself came to."""
    for reading in readings(text):
        found = demand.verifier.find(reading)
        if found.satisfied is not False:
            return demand.report(found, LOOSE)
    return Check(aspect=strict.aspect + LOOSE, value=strict.value, failure=strict.failure, rationale=strict.rationale)
