"""LLMBar's comparison (arXiv 2310.07641): `Output (a) is better`, after reasons, or `Output (a)` and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from curation.contracts import Contract, Reading, failed

BREAK = re.compile(r"(?<=[.!?])\s|(?<=[.!?][\"')\]*_])\s|\n")
"""Where a sentence ends."""
LEAD_CHARS = 1000
"""How far back a claim's lead is read: a reply that repeats itself for ever costs no more than its length."""
CLAIM = re.compile(r"\boutput \(([ab])\)[*_]{0,2} is better\b", re.IGNORECASE)
ANSWER = re.compile(r"[*_\"']{0,3}output \(([ab])\)[*_\"'.]{0,4}", re.IGNORECASE)

LEAD = re.compile(
    r"(?:^\W*|[,;:][\s*_]*"
    r"|\b(?:therefore|thus|hence|so|overall|finally|ultimately|consequently|however|and|but)\s+[*_]{0,2}"
    r"|\bI (?:firmly |would )?(?:believe|think|say|conclude|find)(?: that)?\s+[*_]{0,2})$",
    re.IGNORECASE,
)
"""What may stand before a claim: a clause's beginning, a connective, `I think`. Not `I do not think that`."""

ASIDE = re.compile(
    r"(?<!even )\bif\b|\bunless\b|\bwhether\b|\bassuming\b|\bsuppos|^\W*or\b|\bthat,[^,]*,?\s*$",
    re.IGNORECASE,
)
"""What makes the claim after it a condition, an alternative, or somebody's words."""

REST = re.compile(
    r"[*_]{0,2}(?:\s*$|[.!)\"'\u2019\u201d]"
    r"|\s*[,;:\u2013\u2014-](?!\s*(?:but )?(?:only )?(?:if|unless|when|provided|assuming)\b)"
    r"|\s+(?:because|since|as(?! an?\b)|than|due|given|overall|here|for the (?:given )?instruction)\b)",
    re.IGNORECASE,
)
"""What may stand after a claim: the end of the clause, a reason, a comparison. Not `if`, `suited`, `at`."""


class OutputAOrB(Contract):
    """Which of two outputs is better, by the letter under which it was shown. There is no tie.

    A verdict is a clause that claims it, or the first or last line if that holds the answer alone. Negated,
    conditional and quoted claims are none, nor are headings that name both outputs.

    Reads `Output (a) is fluent. Output (b) does what was asked. Therefore, Output (b) is better.` as `"second"`.
    """

    name = "output_a_or_b"

    contested: Literal["first", "last", "fail"] = "first"
    """What counts when a reply claims both; a value is then read as `repaired`, never as `ok`. `first` gives the
    verdicts that LLMBar recorded, also where the conclusion is the other one; `fail` takes none."""

    def read(self, text: str) -> Reading:
        letters = [found.lower() for found in _claims(text)]
        if not letters:
            return failed("missing")
        both = len(set(letters)) > 1
        if both and self.contested == "fail":
            return failed("contradictory")
        letter = letters[-1 if self.contested == "last" else 0]
        return Reading(value="first" if letter == "a" else "second", how="repaired" if both else "ok")


def _claims(text: str) -> Iterator[str]:
    """Letters that are claimed to be better, in the order of the text."""
    lines = [ANSWER.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    alone = {line[1].lower() for line in lines if line}
    if len(alone) == 1 and lines[0]:
        yield from alone
    for sentence in BREAK.split(text):
        yield from _claims_of(sentence)
    if len(alone) == 1 and lines[-1]:
        yield from alone


def _claims_of(sentence: str) -> Iterator[str]:
    if sentence.rstrip(" \n\t\"')]*_").endswith("?"):
        return
    for claim in CLAIM.finditer(sentence):
        lead = sentence[max(0, claim.start() - LEAD_CHARS) : claim.start()]
        if REST.match(sentence, claim.end()) and LEAD.search(lead) and not ASIDE.search(lead) and not _quoted(lead):
            yield claim[1]


def _quoted(lead: str) -> bool:
    """Whether the claim stands in quotes that open after the sentence began: the wording of the task, not a verdict."""
    return lead.count('"') % 2 == 1 and not lead.lstrip().startswith('"')
