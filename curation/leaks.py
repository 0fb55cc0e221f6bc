"""Pairs whose winner can be told without reading an answer: by a stray chat token, a role name, a line end.

RM-R1 (arXiv 2505.02387) left out nearly a third of its source because rejected answers alone held a chat token. What
learns from such pairs learns the token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from curation.agreement import Estimate
from curation.agreement.shares import share
from curation.fence import CHAT_TOKEN, SUSPICIONS
from curation.pairing import Built
from schemas.base import Strict

NOBODY_TYPES = r"[\x00-\x08\x0b-\x1f\x7f-\x9f" + "\u00a0\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffd]"
"""Characters that come from a program: carriage returns, byte-order marks, hard spaces, what could not be decoded."""

MARKS = f"(?im){CHAT_TOKEN.pattern}|{SUSPICIONS['fake_turn'].pattern}|{NOBODY_TYPES}"
"""What of an answer is no content, wherever it stands. The query `seams` adds white space at the ends."""

PARTS = "\x1f"
"""Stands between the parts of a seam."""
FOLDS = 5
LONGEST = 5
"""Characters of an n-gram."""


class LeakScan(Strict):
    """Looks whether what is no content tells the winner, and then drops the pairs whose two sides differ in it."""

    most: float = Field(default=0.52, ge=0.5, lt=1)
    """Share of the pairs whose winner a reader of the marks alone may name; it guesses where both sides have the same.
    A half is chance."""
    least_prompts: int = Field(default=100, ge=FOLDS)
    """Pairs of fewer prompts are not looked at: too little to tell a leak from chance."""

    def applied(self, built: Built, seams: Mapping[str, str]) -> Built:
        """The pairs without the drops `leak`. `seams`: what is no content, by the id of a response that has any."""
        sides = [(seams.get(pair.chosen_id, ""), seams.get(pair.rejected_id, "")) for pair in built.pairs]
        differing = [place for place, (chosen, rejected) in enumerate(sides) if chosen != rejected]
        prompts = [pair.prompt_id for pair in built.pairs for _ in range(2)]
        if not differing or len(set(prompts)) < self.least_prompts:
            return built
        found = told([seam for both in sides for seam in both], [True, False] * len(sides), prompts)
        if not found.beyond(self.most):
            return built
        return built.without(dict.fromkeys(differing, "leak"), found.sentence)


class Told(NamedTuple):
    """How often labels are told by the texts, and the n-gram that tells most."""

    accuracy: Estimate
    ngram: str

    def beyond(self, most: float) -> bool:
        """Whether the labels are told more often than `most`, and surely more often than by chance."""
        value, low = self.accuracy.value, self.accuracy.low
        return value is not None and low is not None and value > most and low > 0.5

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        return f"the winner is told in {self.accuracy.value:.1%} by {self.ngram!r} and the like"


def told(texts: Sequence[str], labels: Sequence[bool], prompts: Sequence[str]) -> Told:
    """How often a naive Bayes reader of character n-grams names the label of a text; all are [N].

    It is asked about prompts that it has not learned from. Prompts are at least FOLDS, and both labels occur.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.naive_bayes import BernoulliNB

    reader = CountVectorizer(analyzer="char", ngram_range=(1, LONGEST), binary=True, lowercase=False)
    seen: Any = reader.fit_transform(texts)
    truth = np.asarray(labels)
    said = cross_val_predict(BernoulliNB(), seen, truth, groups=prompts, cv=GroupKFold(FOLDS))
    lean = np.abs(np.asarray(seen[truth].mean(axis=0) - seen[~truth].mean(axis=0))).ravel()
    names = reader.get_feature_names_out()
    best = max(
        range(len(names)), key=lambda place: (round(lean[place], 9), PARTS not in names[place], len(names[place]))
    )
    return Told(share(said == truth, prompts), str(names[best]))
