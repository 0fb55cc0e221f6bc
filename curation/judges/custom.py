"""Judges in words of your own: a template, and the contract by which replies are read. Published prompts run so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from curation.asking import Group, Question, Subject, TemplateAsker, Unreadable, packaged, reply_text
from curation.contracts import CONTRACTS, Contract, LabelContract, Reading
from curation.contracts.integer_rating import IntegerRating
from curation.contracts.json_object import JsonObject
from curation.contracts.output_a_or_b import OutputAOrB
from curation.contracts.overall_score import OverallScore
from curation.contracts.signed_strength import SignedStrength
from curation.fence import parted
from curation.judges import ComparingJudge, RatingJudge
from schemas.base import Plugin
from schemas.calls import Answered, Request
from schemas.prompts import Message
from schemas.scores import Score
from schemas.votes import Vote

AnyContract = Annotated[Contract, BeforeValidator(CONTRACTS.build), PlainSerializer(Plugin.spec)]
Place = Literal["first", "second", "tie"]


class Custom(TemplateAsker):
    """What both have. No form is enforced: the template says what the reply should be, and the contract reads it.

    The template knows `request` and `responses`, the prompt and the answers as they are, `right`, the prompt's known
    answers, and what all templates know: `prompt` and `answers` inside fences, `labels`, `tie`. A verdict is proof
    against what an answer says only where it must name one of `labels`; published prompts do without.
    """

    template: str = Field(default_factory=lambda: packaged(__name__))
    system: str | None = None
    """A system turn before the template's."""
    contract: AnyContract = JsonObject()
    """How a reply gives the verdict: a contract by name, with its settings."""

    def structure(self, question: Question) -> None:
        """None: prompts that reason before a verdict must be free to."""

    def request(self, question: Question) -> Request:
        right = [parted(text) for text in question.prompt.correct_answers or ()]
        asked = super().request(replace(question, extra={**question.extra, "right": right}))
        if self.system is None:
            return asked
        return replace(asked, messages=(Message(role="system", content=self.system), *asked.messages))

    def rendered(self, prompt: str, texts: Any, *, about: str, nonce: str, **extra: Any) -> str:
        extra |= {"request": parted(prompt), "responses": [parted(text) for text in texts]}
        return super().rendered(prompt, texts, about=about, nonce=nonce, **extra)

    def _reading(self, answered: Answered) -> Reading:
        """What a reply says. Raises Unreadable when it says nothing."""
        found = self.contract.of_reply(reply_text(answered), answered.finish_reason)
        if found.failure:
            raise Unreadable(found.failure)
        return found

    def _refuse_others(self, known: tuple[type[Contract], ...]) -> None:
        if not isinstance(self.contract, known):
            names = [name for name, one in CONTRACTS.classes.items() if issubclass(one, known)]
            raise ValueError(f"contract: {self.contract.name} gives no such verdict; write one of {', '.join(names)}")


class CustomPairwise(Custom, ComparingJudge):
    """Compares two answers, once in each order. The whole reply is the vote's justification."""

    name = "custom_pairwise"

    key: str = "verdict"
    """Of json_object: where the verdict stands."""
    means: Mapping[str, Place] = {}
    """Of json_object: the answer that each verdict names, as in `{A: first, B: second}`; else only labels count."""
    positive: Literal["first", "second"] = "first"
    """Of signed_strength: the answer that a number above 0 favours."""

    @model_validator(mode="after")
    def _names_a_winner(self) -> Self:
        self._refuse_others((LabelContract, OutputAOrB, SignedStrength, JsonObject))
        if isinstance(self.contract, LabelContract) and len(self.contract.labels) != 2:
            raise ValueError("contract: two answers are compared; name two labels, that of the first before the other")
        return self

    def verdicts(self, subject: Subject, answered: Answered) -> list[Vote]:
        value = self._reading(answered).value
        named = dict(zip(get_args(Place), (*subject.labels, subject.tie), strict=True))
        strength = float(abs(value)) if isinstance(value, int) else None
        verdict = named.get(self._place(value, named) or "")
        return [self.vote(subject, answered, verdict, strength=strength, justification=answered.raw_text)]

    def _place(self, value: object, named: Mapping[str, str]) -> str | None:
        """The answer that a value stands for."""
        match self.contract, value:
            case LabelContract(), str():
                return dict(zip((*self.contract.labels, "tie"), get_args(Place), strict=True)).get(value)
            case JsonObject(), dict():
                said = value.get(self.key)
                coded = {label: place for place, label in named.items()}
                return ({**coded, **self.means}).get(said) if isinstance(said, str) else None
            case SignedStrength(), int():
                other = "second" if self.positive == "first" else "first"
                return "tie" if value == 0 else self.positive if value > 0 else other
        return str(value)


class CustomRating(Custom, RatingJudge):
    """Scores each answer alone. The whole reply is the score's rationale."""

    name = "custom_rating"

    key: str | None = None
    """Of json_object: where the score stands; under the answer's label when absent."""
    between: tuple[float, float] = (1, 10)
    """Of json_object: least and greatest score."""
    aspect: str = "overall"
    """What the score is of."""

    @model_validator(mode="after")
    def _gives_a_number(self) -> Self:
        self._refuse_others((IntegerRating, OverallScore, JsonObject))
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        if isinstance(self.contract, (IntegerRating, OverallScore)):
            return self.contract.lo, self.contract.hi
        return self.between

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        return self.one_by_one(group, self.aspect, seed)

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        found = self._reading(answered)
        ((label, shown),) = subject.labels.items()
        said = found.value.get(self.key or label) if isinstance(found.value, dict) else found.value
        if found.applies and not self.in_scale(said):
            raise Unreadable("missing" if said is None else "out_of_range")
        value = float(said) if isinstance(said, (int, float)) else None
        return [self.score(subject, answered, shown, value, rationale=answered.raw_text)]
