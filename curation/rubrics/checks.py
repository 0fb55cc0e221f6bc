"""What a written rubric must keep to before a judge sees it. Pure functions of its text, the prompt and the answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files

from curation.fence import CODE
from curation.rubrics import LEAST_ITEMS, MOST_ITEMS, Proposed
from schemas.rubrics import KINDS, RubricItem

VERSION = "1"
"""Raised when a check changes its mind about anything."""

MOST_WORDS = 40
GRAM = 5
"""Words in a row that an item may not share with an answer."""
SAME = 0.8
"""Token-Jaccard above which two items are one."""

WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
THIRD_PERSON = re.compile(r"the response(?:['\u2019]s)?\b", re.IGNORECASE)
LIST_NUMBER = re.compile(r"^\W*\d+[.)](?=\s)", re.MULTILINE)
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
PLACES = {"former", "latter", "1st", "2nd"}
NOUN = r"(?i:response|answer|option|candidate|assistant|completion|output)"
RANK = (
    rf"(?i:{'|'.join(ORDINALS)}|1st|2nd|3rd|\d+th|other|both|former|latter|better|best|worse|worst|chosen|rejected"
    r"|preferred|winning|losing|stronger|weaker|top|bottom|(?:higher|lower)-ranked)"
)
ONE_OF_THE_ANSWERS = re.compile(
    rf"\b{NOUN}s?\s+(?:[A-Z]\b|#?\d+\b|One\b|(?i:two|three|four)\b)|\b{RANK}\s+(?:of\s+the\s+)?{NOUN}s?\b"
)
"""Phrases that can only mean one of the answers compared, whatever the prompt says."""

ENDINGS = (
    *("ation", "abil", "ibil", "ness", "ment", "ing", "ion", "ity", "ies", "anc", "enc", "ant", "ent", "abl", "ibl"),
    *("ful", "iv", "at", "al", "ic", "ac", "ed", "er", "es", "or", "ly", "'s", "e", "s", "y", "i"),
)
LEAST_STEM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is left of a rubric, in its order, and why the rest is not."""

    items: tuple[RubricItem, ...]
    dropped: tuple[tuple[Proposed, str], ...]

    @property
    def rejected(self) -> str | None:
        """Why what is left is no rubric; None when it is one."""
        if len(self.items) < LEAST_ITEMS:
            return "too_few_items"
        return "too_many_items" if len(self.items) > MOST_ITEMS else None


def checked(proposed: Iterable[Proposed], prompt: str, answers: Sequence[str]) -> Checked:
    """Drop the items that break a rule, and of two that say the same the later."""
    contrast = Contrast(prompt, answers)
    items: list[RubricItem] = []
    dropped: list[tuple[Proposed, str]] = []
    for one in proposed:
        reason = fault(one, contrast) or ("duplicate" if any(_same(one.text, kept.text) for kept in items) else None)
        if reason:
            dropped.append((one, reason))
        else:
            items.append(RubricItem(kind=one.kind, text=one.text, weight=one.weight))  # pyright: ignore[reportArgumentType]
    return Checked(items=tuple(items), dropped=tuple(dropped))


def fault(item: Proposed, contrast: Contrast) -> str | None:
    """The rule that an item breaks, or None.

    unknown_kind: neither hard nor principle. too_long: more than 40 words. not_about_the_response: it does not begin
    with "The response". points_at_an_answer: "response B", "the worse answer", a bare label, a code of a fence; a word
    such as "first", or a letter, is allowed beside the word beside which the prompt has it. quotes_an_answer: five
    words in a row that an answer has and the prompt has not. names_a_fact: see `Contrast.facts`.
    """
    if item.kind not in KINDS:
        return "unknown_kind"
    if len(item.text.split()) > MOST_WORDS:
        return "too_long"
    if not THIRD_PERSON.match(item.text):
        return "not_about_the_response"
    if points_at_an_answer(item.text, contrast):
        return "points_at_an_answer"
    if contrast.quoted & grams(words(item.text)):
        return "quotes_an_answer"
    return "names_a_fact" if contrast.facts(item.text) else None


def points_at_an_answer(text: str, contrast: Contrast) -> bool:
    """Whether an item tells an answer by its place or its label."""
    if ONE_OF_THE_ANSWERS.search(text) or CODE.search(text):
        return True
    count = max(len(contrast.answers), 2)
    return not pointers(text, count) <= pointers(contrast.prompt, count)


def pointers(text: str, count: int) -> frozenset[tuple[str, str]]:
    """Words that may mean one of so many answers: a place with the word after it, a letter with the word before it."""
    places, letters = {*PLACES, *ORDINALS[:count]}, {chr(ord("A") + number) for number in range(count)}
    tokens = ["", *re.findall(r"\w+", text), ""]
    found: set[tuple[str, str]] = set()
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.lower() in places:
            found.add((token.lower(), stem(after.lower())))
        elif token in letters:
            found.add((token, before.lower()))
    return frozenset(found)


class Contrast:
    """The texts that an item may not give away."""

    def __init__(self, prompt: str, answers: Sequence[str]) -> None:
        self.prompt = prompt
        self.answers = answers

    @cached_property
    def asked(self) -> frozenset[str]:
        """Words of the prompt, and their stems."""
        return vocabulary_of(self.prompt)

    @cached_property
    def answered(self) -> list[frozenset[str]]:
        """Words and stems of each answer."""
        return [vocabulary_of(LIST_NUMBER.sub("", answer)) for answer in self.answers]

    @cached_property
    def quoted(self) -> frozenset[tuple[str, ...]]:
        """Word 5-grams of the answers that the prompt does not have."""
        found = frozenset[tuple[str, ...]]().union(*(grams(words(answer)) for answer in self.answers))
        return found - grams(words(self.prompt))

    def facts(self, text: str) -> list[str]:
        """Names, numbers and rare words of an item that an answer has, and neither the prompt nor all answers.

        A number is written in digits; those that count the lines of a list are none of an answer's. A name has a
        capital inside a sentence, a rare word four letters. Neither is a fact when it is in `vocabulary.txt`, words in
        which one speaks about answers in general: one answer alone may happen to use them. Endings do not count.
        """
        return [token for token in telling(text) if self._gives_away(token)]

    def _gives_away(self, token: str) -> bool:
        forms = {token.lower(), stem(token.lower())}
        if forms & self.asked:
            return False
        having = sum(bool(forms & answer) for answer in self.answered)
        return 0 < having < len(self.answers)


def telling(text: str) -> Iterator[str]:
    """Words of an item that may name a fact: numbers, and names and longer words that do not fit any answer."""
    for found in WORD.finditer(text):
        token, before = found[0], text[: found.start()].rstrip()
        inside = bool(before) and before[-1] not in '.!?:"“('
        tells = (inside and token[0].isupper() and len(token) > 1) or len(token) >= LEAST_STEM
        if token[0].isdigit() or (tells and stem(token.lower()) not in general_stems()):
            yield token


def words(text: str) -> list[str]:
    """Lower-case words and numbers of a text."""
    return WORD.findall(text.lower().replace("\u2019", "'"))


def grams(tokens: Sequence[str]) -> frozenset[tuple[str, ...]]:
    """Every GRAM words in a row."""
    return frozenset(tuple(tokens[start : start + GRAM]) for start in range(len(tokens) - GRAM + 1))


def vocabulary_of(text: str) -> frozenset[str]:
    """The different words of a text, and their stems."""
    tokens = set(words(text))
    return frozenset(tokens | {stem(token) for token in tokens})


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A word without common English endings, as long as four letters stay: pulling and pulls are pull."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= LEAST_STEM:
            return stem(word[: -len(ending)])
    return word


@cache
def general_stems() -> frozenset[str]:
    """Stems of `vocabulary.txt`."""
    lines = files("curation.rubrics").joinpath("vocabulary.txt").read_text("utf-8").splitlines()
    return frozenset(stem(word) for line in lines if not line.startswith("#") for word in line.split())


def _same(one: str, other: str) -> bool:
    first, second = set(words(one)), set(words(other))
    return len(first & second) / (len(first | second) or 1) > SAME
