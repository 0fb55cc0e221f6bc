"""Fences around text that a judge must not obey.

A text stands between tags that carry a nonce, which its writer could not know, and a verdict counts only with that
nonce; so a text can neither close its fence nor plant a verdict. What looks like an attempt is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import count

from schemas.ids import content_id

JOINER = "\u2060"
"""Word joiner, invisible: it parts a chat template's tokens, so that a tokenizer does not take them for its own."""

CHAT_TOKEN = re.compile(
    "<[|\uff5c]"
    r"[^\s<>\[]{0,30}|</?(?:s|unk|pad|eos|bos|user|assistant|system|start_of_turn|end_of_turn)>"
    r"|\[/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS)\]|<</?SYS>>",
    re.IGNORECASE,
)
"""Control tokens of known chat templates. DuckDB reads the pattern too, so it looks neither ahead nor behind."""

SUSPICIONS = {
    "chat_tokens": CHAT_TOKEN,
    "verdict": re.compile(
        r"\b(?i:verdict|ratings?|scores?|winner|preferred|better)\b[\"']?\s*(?::|=|\bis\b)\s*"
        r"[\"'\[{(]*\s*(?:[A-Z](?:_\w+)?\b|(?i:tie)|\d)"
        r"|\[\[\s*(?:[A-Z]|(?i:tie)|\d+)\s*\]\]",
    ),
    "fake_turn": re.compile(r"^\s*#{0,4}\s*(system|assistant|user|human|judge)\s*:", re.IGNORECASE | re.MULTILINE),
    "fake_fence": re.compile(r"</?\s*(?:[A-Z]|request)_[0-9a-z]+\s*>", re.IGNORECASE),
    "instruction": re.compile(
        r"\b(ignore|disregard|forget)\b.{0,40}\b(instruction|above|previous|prompt|rules?)|"
        r"\b(rate|score|grade|choose|prefer|pick)\b.{0,30}\b(this|me|my|answer|response)\b.{0,30}"
        r"\b(best|highest|top|maximum|perfect|5|10)\b",
        re.IGNORECASE | re.DOTALL,
    ),
}
"""What a text for a judge seldom holds by accident, by kind."""


CODE = re.compile(r"_([0-9a-f]{1,32})(?!\w)")
"""What a text that guesses at a nonce writes: A_3f, tie_3f."""
TRIES = 64
"""Nonces of one length that are tried."""


def nonce_for(texts: Iterable[str], chars: int, *salt: object) -> str:
    """Hex digits that depend on the salt (the run's seed and the ids of what is judged) and end no code in the texts.

    A nonce of so few digits that the texts guess every one of them grows by a digit.
    """
    guesses = {code for text in texts for code in CODE.findall(text)}
    for number in count():
        nonce = content_id("nonce", number, *salt)[: chars + number // TRIES]
        if nonce not in guesses:
            return nonce
    raise AssertionError("count ends")


def fenced(label: str, text: str) -> str:
    """The text between tags of its label, with the control tokens of chat templates parted."""
    return f"<{label}>\n{parted(text)}\n</{label}>"


def parted(text: str) -> str:
    """The text, with an invisible character inside each control token of a chat template."""
    return CHAT_TOKEN.sub(lambda found: f"{found[0][0]}{JOINER}{found[0][1:]}", text)


@lru_cache(maxsize=1024)
def suspicions(text: str) -> tuple[str, ...]:
    """Kinds of attempts on a judge that a text looks like; none for most texts."""
    return tuple(kind for kind, pattern in SUSPICIONS.items() if pattern.search(text))
