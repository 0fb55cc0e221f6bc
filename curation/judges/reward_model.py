"""A reward model as a judge: the scalar that a sequence-classification checkpoint gives to prompt and answer."""

from __future__ import annotations

from collections.abc import Iterator

from curation.asking import Group, Question, Subject, Unreadable, reply_text
from curation.judges import RatingJudge
from schemas.calls import Answered, Request
from schemas.prompts import Message
from schemas.scores import Score

MOST = 1e9


class RewardModelJudge(RatingJudge):
    """Scores each answer alone. Its model is served by the engine `reward_model`, and is told no template.

    Rewards have no scale of their own: only differences between answers to one prompt mean something.
    """

    name = "reward_model"
    scale = (-MOST, MOST)

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        return self.one_by_one(group, "reward", seed)

    def request(self, question: Question) -> Request:
        (response,) = question.shown
        return Request(
            messages=(*question.prompt.messages, Message(role="assistant", content=response.text)),
            sampling=self.sampling,
            seed=0,
            purpose=self.purpose,
            subject=question.subject.to_json(),
            flags=question.flags,
        )

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        (shown,) = subject.shown
        try:
            reward = float(reply_text(answered))
        except ValueError as error:
            raise Unreadable("unparsable") from error
        if not self.in_scale(reward):  # nor is nan or infinity
            raise Unreadable("out_of_range")
        return [self.score(subject, answered, shown, reward)]
