"""IFEval's `keywords:` words and letters that must or must not be there."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, StringConstraints

from curation.rules import Finding
from curation.rules.ifeval import Count, Instruction, Relation, compared

Word = Annotated[str, Field(min_length=1)]
Stripped = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Existence(Instruction):
    """Every keyword occurs somewhere, also inside a longer word, in any case."""

    name = "keywords:existence"
    keywords: Annotated[tuple[Word, ...], Field(min_length=1)]

    def follows(self, text: str) -> Finding:
        missing = [word for word in self.keywords if not re.search(re.escape(word), text, re.IGNORECASE)]
        return Finding(not missing, f"missing: {', '.join(missing)}" if missing else "every keyword occurs")


class Frequency(Instruction):
    """A keyword occurs often or seldom enough, counted like `keywords:existence`."""

    name = "keywords:frequency"
    keyword: Stripped
    frequency: Count
    relation: Relation

    def follows(self, text: str) -> Finding:
        found = len(re.findall(re.escape(self.keyword), text, re.IGNORECASE))
        return compared(found, self.relation, self.frequency, f"times {self.keyword!r}")


class ForbiddenWords(Instruction):
    """None of the words occurs as a word of its own, in any case."""

    name = "keywords:forbidden_words"
    forbidden_words: Annotated[tuple[Word, ...], Field(min_length=1)]

    def follows(self, text: str) -> Finding:
        found = [word for word in self.forbidden_words if _as_word(word).search(text)]
        return Finding(not found, f"found: {', '.join(found)}" if found else "no forbidden word occurs")


class LetterFrequency(Instruction):
    """A letter occurs often or seldom enough, in any case.

    Upstream replaces what is no letter of a to z by one at random; here any one character is counted.
    """

    name = "keywords:letter_frequency"
    letter: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1)]
    let_frequency: Count
    let_relation: Relation

    def follows(self, text: str) -> Finding:
        found = text.lower().count(self.letter.lower())
        return compared(found, self.let_relation, self.let_frequency, f"times {self.letter!r}")


def _as_word(word: str) -> re.Pattern[str]:
    """The word with no word character beside it: upstream's word boundaries, which `C++` would not have."""
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
