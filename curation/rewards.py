"""What a rule or a judge says of a response, as the one number that rewards a policy; None where it says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from curation.json_text import json_value
from curation.rules import RULES, ConstraintRule, Rule, Unreadable
from schemas.errors import ConfigError
from schemas.prompts import Prompt
from schemas.responses import Response
from schemas.scores import Score

OF_THE_PROMPT = "bad_constraint"
"""The failure that is no fault of the response."""


def rule_of(text: str, known: Sequence[Rule]) -> Rule:
    """The rule that a text names: one of those known, or a plugin; or that every response meet a constraint.

    A constraint is a JSON object `{"rule": id, ...}`, or its id alone where it has no fields to fill in. Raises
    ConfigError where it is none.
    """
    if found := next((rule for rule in known if rule.name == text), None):
        return found
    fields = _fields(text)
    rule = str(fields["rule"])
    owner = next((kind for kind in _kinds() if kind.verifier(rule)), None)
    if owner is None:
        return RULES.build(rule)
    alone = owner.demand(fields)
    if text == owner.name and alone and isinstance(alone.verifier, Unreadable):
        return owner()  # it needs words or numbers, which the prompts may have
    return RULES.build({"name": owner.name, "every": [fields]})


def share_met(rule: Rule, prompt: Prompt, text: str) -> float | None:
    """The share of a rule's demands that a response meets, each as strictly as the rule has it.

    One that gives no answer to be checked has not met the demand.
    """
    response = Response.of(prompt.prompt_id, model="policy", text=text, source="rollout")
    if isinstance(rule, ConstraintRule):
        checks = [demand.check(text) for demand in rule.demands(prompt)]
    else:
        checks = list(rule.check(prompt, response))
    told = [one for one in checks if one.failure != OF_THE_PROMPT and (one.value is not None or one.failure)]
    return fmean(one.value or 0.0 for one in told) if told else None


def mean_rating(rows: Iterable[Score], aspects: Sequence[str] | None) -> float | None:
    """The mean of ratings of one response in these aspects; without them of all but `overall`, or of it alone."""
    rated = [row for row in rows if row.value is not None]
    if aspects is not None:
        rated = [row for row in rated if row.aspect in aspects]
    elif any(row.aspect != "overall" for row in rated):
        rated = [row for row in rated if row.aspect != "overall"]
    return fmean(row.value for row in rated if row.value is not None) if rated else None


def _kinds() -> list[type[ConstraintRule]]:
    return [rule for rule in RULES.classes.values() if issubclass(rule, ConstraintRule)]


def _fields(text: str) -> dict[str, object]:
    """A constraint's fields, of its JSON or of its id alone."""
    if not text.startswith("{"):
        return {"rule": text}
    try:
        fields = json_value(text)
    except ValueError as error:
        raise ConfigError(f"{text} is no JSON: {error}") from error
    if not isinstance(fields.get("rule"), str):
        raise ConfigError(f'{text}: name the rule, as in {{"rule": "length", "at_most": 50}}.')
    return fields
