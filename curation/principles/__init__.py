"""Principles: what people's feedback says about named qualities of a response (RLBFF, arXiv 2509.21319).

A model reads each annotator's feedback into principles, its quotes are looked up in that feedback, and a principle is
kept where every other annotator of the response names one like it. Nothing here knows Prefect or SQL.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.ids import content_id
from schemas.principles import Met


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What one annotator said about one response, in words.

    place: `first` or `second` where the feedback compares two responses, by the order in which the annotator saw them.
    """

    prompt_id: str
    response_id: str
    annotator: str
    text: str
    place: str | None = None

    @property
    def feedback_id(self) -> str:
        """Content id."""
        return content_id("feedback", self.response_id, self.annotator, self.text, self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A principle as the model reads it from one feedback, with the words that say it."""

    principle: str
    label: Met
    spans: tuple[str, ...]
