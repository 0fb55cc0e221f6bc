"""A critique and then an overall score from 1 to 10: UltraFeedback's second annotation (arXiv 2310.01377)."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from curation.asking import Group, Question, Subject, TemplateAsker, Unreadable, json_structure, packaged, reply_object
from curation.judges import RatingJudge
from schemas.calls import Answered, Sampling, Structure
from schemas.scores import Score


class Critique(TemplateAsker, RatingJudge):
    """Criticises each answer alone, as a teacher would, and scores it in the light of its critique.

    The judge sees the principle under which the answer was written. The critique is the score's rationale.
    """

    name = "critique"
    version = "2"
    scale = (1, 10)

    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=1024)

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        for response in group.responses:
            yield self.question(group, [response], about="overall", seed=seed, principle=response.principle_text)

    def structure(self, question: Question) -> Structure:
        (label,) = question.subject.labels
        rating = {"type": "number", "minimum": self.scale[0], "maximum": self.scale[1]}
        return json_structure({"critique": {"type": "string"}, label: rating})

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        ((label, shown),) = subject.labels.items()
        found = reply_object(answered)
        if label not in found:
            raise Unreadable("wrong_labels")
        value = found[label]
        if not self.in_scale(value):
            raise Unreadable("out_of_range")
        return [self.score(subject, answered, shown, float(value), rationale=found.get("critique"))]
