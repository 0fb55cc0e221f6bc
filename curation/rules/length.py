"""Bounds on the length: `{"rule": "length", "unit": "words", "at_least": 100, "at_most": 200}`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from curation.rules import Finding, FormRule, Verifier
from curation.rules.texts import count_words, sentences


class Bounds(Verifier):
    """Both bounds are within: `at_least: 3, at_most: 3` is exactly three."""

    unit: Literal["chars", "words", "sentences"] = "words"
    """Characters without the white space around the text, runs of word characters, or sentences as IFEval splits."""
    at_least: int | None = Field(default=None, ge=0)
    at_most: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most, or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is greater than at_most")
        return self

    def find(self, text: str) -> Finding:
        found = self._measure(text)
        for bound, met, words in (
            (self.at_least, self.at_least is None or found >= self.at_least, "at least"),
            (self.at_most, self.at_most is None or found <= self.at_most, "at most"),
        ):
            if not met:
                return Finding(False, f"{found} {self.unit}, want {words} {bound}")
        return Finding(True, f"{found} {self.unit}")

    def _measure(self, text: str) -> int:
        match self.unit:
            case "chars":
                return len(text.strip())
            case "words":
                return count_words(text)
            case "sentences":
                return len(sentences(text))


class Length(FormRule):
    """Whether responses are as long as they should be."""

    name = "length"
    demands_are = Bounds
