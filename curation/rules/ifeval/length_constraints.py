"""IFEval's `length_constraints:` words, sentences, paragraphs."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from curation.rules import Finding
from curation.rules.ifeval import Count, Instruction, Relation, compared
from curation.rules.texts import count_words, sentences

DIVIDER = re.compile(r"\s?\*\*\*\s?")
PUNCTUATION = re.compile(r"[.,?!'\"]")
Place = Annotated[int, Field(ge=1)]


class NumberWords(Instruction):
    """Words are runs of word characters: a hyphen parts two."""

    name = "length_constraints:number_words"
    num_words: Count
    relation: Relation

    def follows(self, text: str) -> Finding:
        return compared(count_words(text), self.relation, self.num_words, "words")


class NumberSentences(Instruction):
    """Sentences by upstream's regular expressions; its published figures count them by nltk's punkt model."""

    name = "length_constraints:number_sentences"
    num_sentences: Count
    relation: Relation

    def follows(self, text: str) -> Finding:
        return compared(len(sentences(text)), self.relation, self.num_sentences, "sentences")


class NumberParagraphs(Instruction):
    """Exactly so many paragraphs, divided by `***`. An empty one between two dividers fails whatever the count."""

    name = "length_constraints:number_paragraphs"
    num_paragraphs: Count

    def follows(self, text: str) -> Finding:
        filled = [bool(part.strip()) for part in DIVIDER.split(text)]
        if not all(filled[1:-1]):
            return Finding(False, "there is an empty paragraph between two dividers")
        return Finding(sum(filled) == self.num_paragraphs, f"{sum(filled)} paragraphs, want {self.num_paragraphs}")


class NthParagraphFirstWord(Instruction):
    """Exactly so many paragraphs, divided by blank lines, and the nth begins with a word.

    Upstream's quirk: empty paragraphs do not count, but they do when it looks for the nth.
    """

    name = "length_constraints:nth_paragraph_first_word"
    num_paragraphs: Place
    nth_paragraph: Place
    first_word: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError("nth_paragraph is greater than num_paragraphs")
        return self

    def follows(self, text: str) -> Finding:
        parts = [part.strip() for part in text.split("\n\n")]
        count = sum(map(bool, parts))
        if count != self.num_paragraphs:
            return Finding(False, f"{count} paragraphs, want {self.num_paragraphs}")
        nth = parts[self.nth_paragraph - 1]
        first = PUNCTUATION.split(nth.split()[0].lstrip("'").lstrip('"'))[0] if nth else ""
        wanted = self.first_word.lower()
        return Finding(
            first.lower() == wanted, f"paragraph {self.nth_paragraph} begins with {first!r}, want {wanted!r}"
        )
