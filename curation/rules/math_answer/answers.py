"""The final answer of a solution: what stands after the mark that says so."""

from __future__ import annotations

import re
from typing import NamedTuple

from curation.rules.math_answer.numbers import NUMERAL, quantity, tidy

MAX_FORMULA = 300
"""Longest text that is read as a formula, in characters."""
MAX_ANSWER = 2_000
"""Where a line is cut that goes on after an answer's mark."""

MAX_MARKS = 100
"""How many of the last marks are looked at: a text that repeats one a thousand times says nothing before them."""

LABEL = r"^[ \t>*_#-]*(?P<mark>A|(?:the )?(?:final )?answer(?: is)?)[ \t*_]*:[ \t*_]*"
BOXED = re.compile(r"(?P<mark>\\(?:boxed|fbox))\s*\{")
LINE = re.compile(rf"{LABEL}(?=[^\s*_])", re.MULTILINE | re.IGNORECASE)
BELOW = re.compile(rf"{LABEL}\n\s*(?=\S)", re.MULTILINE | re.IGNORECASE)
HASHES = re.compile(r"(?P<mark>####)[ \t]*(?=\S)")
PROSE = re.compile(r"\b(?P<mark>answer(?: to [^.\n]{1,80})? is)\b[ \t:*_]*(?=\S)", re.IGNORECASE)
MARKS = (BOXED, LINE, BELOW, HASHES, PROSE)

CLAUSE = re.compile(r"[,;] |[.!](?:\s|$)| (?:because|since|so|which|where|as) ")
"""Where the answer ends in a sentence that goes on."""
COMMAND = re.compile(r"\\[A-Za-z]+")
FUNCTION = re.compile(r"(?:sqrt|sin|cos|tan|cot|sec|csc|log|exp|gcd|lcm|max|min|mod|inf|infty|pi)")
WORD = re.compile(r"[A-Za-z]{3}|\b(?:an|as|at|by|if|in|is|it|no|of|or|so|to|we)\b")
DENSE = re.compile(r"[\d\\+*/^=]")
"""A formula in a sentence holds a digit or an operator; `in it` holds neither."""
CHOICE = re.compile(r"\(?(?P<letter>[A-Za-z])\)?")


class Answer(NamedTuple):
    """A final answer, and the mark before it."""

    text: str
    mark: str


def final_answer(text: str) -> Answer | None:
    r"""The last marked answer: `\boxed{42}`, a line `A: 42` or `Answer: 42`, `#### 42`, or `the answer is 42`.

    The box and the line count whatever they hold. `####` may begin a heading, `the answer is` may stand in any
    sentence, and below a line `Answer:` there may be an essay: these count only before a number, a formula or the
    letter of a choice.
    """
    marks = [(mark.end(), pattern, mark["mark"]) for pattern in MARKS for mark in pattern.finditer(text)]
    for start, pattern, mark in sorted(marks, key=lambda found: found[0])[: -MAX_MARKS - 1 : -1]:
        said = _boxed(text, start) if pattern is BOXED else _said(text, start, sure=pattern is LINE)
        if said is not None:
            return Answer(said, mark)
    return None


def last_number(text: str) -> Answer | None:
    """The last number of the text: a guess that finds more answers, and wrong ones."""
    numbers = NUMERAL.findall(text)
    return Answer(numbers[-1], "the last number") if numbers else None


def is_formula(text: str) -> bool:
    """Whether it may be read as mathematics: words are not, since their letters would be multiplied."""
    bare = FUNCTION.sub(" ", COMMAND.sub(" ", text))
    return len(text) <= MAX_FORMULA and re.search(r"\w", text) is not None and not WORD.search(bare)


def _boxed(text: str, start: int) -> str | None:
    """What stands before the brace that closes the box."""
    depth = 1
    for place in range(start, min(start + MAX_FORMULA, len(text))):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[start:place].strip()
    return None


def _said(text: str, start: int, *, sure: bool) -> str | None:
    """The rest of the line, or its first clause where only that reads as an answer."""
    line = text[start : start + MAX_ANSWER].split("\n", 1)[0].rstrip(" .")
    for said in (line, CLAUSE.split(line, maxsplit=1)[0]):
        if _reads(said):
            return said
    return line if sure else None


def _reads(said: str) -> bool:
    """Whether it is a number, the letter of a choice, or a formula."""
    bare = tidy(said)
    if quantity(bare) or (CHOICE.fullmatch(bare) and bare != "a"):
        return True
    return DENSE.search(bare) is not None and is_formula(bare)
