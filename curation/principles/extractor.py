"""The writer that reads one feedback into principles: quotes first, then the name, then the verdict."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from curation.asking import (
    Group,
    Question,
    Subject,
    TemplateAsker,
    Unreadable,
    json_object,
    json_structure,
    packaged,
    reply_object,
)
from curation.principles import Feedback, Statement
from schemas.calls import Answered, Sampling, Structure
from schemas.principles import MET
from schemas.prompts import Prompt
from schemas.responses import Response

ITEM = json_object(
    {
        "evidence": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "name": {"type": "string"},
        "verdict": {"enum": list(MET)},
    }
)
"""One principle of a reply."""


class Extractor(TemplateAsker):
    """Asks for the principles in one annotator's feedback on one response (arXiv 2509.21319, section 5(c)2)."""

    name = "principles"
    version = "2"
    kind: ClassVar[str] = "write"

    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)
    max_words: int = Field(default=8, ge=1)
    """Longest name of a principle. A longer one is a sentence about one answer, which serves no other."""

    def about(self, feedback: Feedback, prompt: Prompt, response: Response, seed: int) -> Question:
        """The question about one feedback."""
        group = Group(prompt=prompt, responses=(response,))
        told = {"feedback": feedback.text, "place": feedback.place}
        return self.question(group, [response], about=feedback.feedback_id, seed=seed, **told)

    def structure(self, question: Question) -> Structure:
        (label,) = question.subject.labels
        return json_structure({label: {"type": "array", "items": ITEM}})

    def read(self, subject: Subject, answered: Answered) -> list[Statement | str]:
        """What a reply says: for each item a statement, or why it is none. Raises Unreadable when it has no items."""
        found = reply_object(answered)
        (label,) = subject.labels
        if found.keys() != {label} or not isinstance(found[label], list):
            raise Unreadable("wrong_labels")
        return [self._statement(item) for item in found[label]]

    def _statement(self, item: object) -> Statement | str:
        """One item; a bad one fails alone."""
        if not isinstance(item, dict):
            return "not_an_object"
        spans, name, verdict = item.get("evidence"), item.get("name"), item.get("verdict")
        if not isinstance(spans, list) or not spans or not all(_is_text(span) for span in spans):
            return "missing_evidence"
        if not _is_text(name):
            return "missing_name"
        words = str(name).lower().split()
        if len(words) > self.max_words:
            return "long_name"
        if verdict not in MET:
            return "unknown_label"
        return Statement(principle=" ".join(words), label=verdict, spans=tuple(spans))


def _is_text(value: Any) -> bool:
    """Whether a JSON value is a text that says something."""
    return isinstance(value, str) and bool(value.strip())
