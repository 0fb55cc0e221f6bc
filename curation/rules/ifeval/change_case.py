"""IFEval's `change_case:` capitals."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.rules import Finding
from curation.rules.ifeval import Count, Instruction, Relation, compared
from curation.rules.texts import language

FULL_STOP = re.compile(r"(?<![\s.])\.(?=[\"')\]}]*(?:\s|$))")
CHUNK = re.compile(r"\S(?:.{0,1000}\S)?(?!\S)|\S{1,1000}", re.DOTALL)
"""Some words, up to the end of one: nltk takes time with the square of a text's length."""


class EnglishCapital(Instruction):
    """English, with no small letter. Capitals alone tell langdetect nothing, and then upstream takes it for English."""

    name = "change_case:english_capital"

    def follows(self, text: str) -> Finding:
        if not text.isupper():
            return Finding(False, "there are small letters, or none at all")
        return _english(text)


class EnglishLowercase(Instruction):
    """English, with no capital letter."""

    name = "change_case:english_lowercase"

    def follows(self, text: str) -> Finding:
        if not text.islower():
            return Finding(False, "there are capital letters, or none at all")
        return _english(text)


class CapitalWordFrequency(Instruction):
    """Words in capitals, often or seldom enough. nltk cuts the words: `AND/OR` is one, `CAN'T.` is two."""

    name = "change_case:capital_word_frequency"
    capital_frequency: Count
    capital_relation: Relation

    def follows(self, text: str) -> Finding:
        found = sum(token.isupper() for token in _tokens(text))
        return compared(found, self.capital_relation, self.capital_frequency, "words in capitals")


def _english(text: str) -> Finding:
    found = language(text)
    return Finding(found in ("en", None), f"language: {found or 'cannot be told, which upstream counts as English'}")


def _tokens(text: str) -> Iterator[str]:
    """The tokens of nltk's word_tokenize.

    It lets punkt find the sentences, and parts the last word of each from its full stop; here every word is.
    """
    from nltk.tokenize.destructive import NLTKWordTokenizer  # takes two seconds, and most recipes never need it

    tokenizer = NLTKWordTokenizer()
    for chunk in CHUNK.findall(FULL_STOP.sub(" .", text)):
        yield from tokenizer.tokenize(chunk)
