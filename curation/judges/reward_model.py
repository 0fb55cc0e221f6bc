"""A reward model as a judge: the scalar that a sequence-classification checkpoint gives to prompt and answer."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from curation.asking import NO_REPLY, Group, Question, Subject
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

    def read(self, subject: Subject, answered: Answered) -> list[Score]:
        (shown,) = subject.shown
        if answered.status in NO_REPLY:
            return [self.score(subject, answered, shown, failure=answered.status)]
        try:
            reward = float(answered.raw_text)
        except ValueError:
            return [self.score(subject, answered, shown, failure="unparsable")]
        failure = None if isfinite(reward) and abs(reward) <= MOST else "out_of_range"
        return [self.score(subject, answered, shown, reward, failure=failure)]
