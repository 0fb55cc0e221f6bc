r"""Plain numbers as people write them, read exactly: `$1,234.50`, `25%`, `3 1/2 hours`, `\frac{3}{4}`, `2 billion`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

MAX_DIGITS = 400
"""Longer numerals are no answers, and Python refuses to read those of some thousand digits."""

WHOLE = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
DECIMAL = rf"(?:{WHOLE}(?:\.\d*)?|\.\d+)"
NUMERAL = re.compile(rf"(?<![\w.])-?{DECIMAL}")
POWER = r"(?:[eE](?P<power>[-+]?\d{1,3})|\s*(?:\\times|\\cdot|[\u00d7x*])\s*10\^\{?(?P<ten>-?\d{1,3})\}?)"

NUMBER = re.compile(
    rf"""
    (?:[A-Za-z]\s*=\s*)?                                             # x = 5
    (?P<sign>[-+]?)\s*(?P<currency>[$€£]?)\s*(?P<sign2>[-+]?)
    (?: \\frac\{{(?P<top>{WHOLE})\}}\{{(?P<bottom>{WHOLE})\}}
      | (?P<mixed>\d+)[ ](?P<over>\d+)/(?P<under>\d+)
      | (?P<upper>{WHOLE})\s?/\s?(?P<lower>{WHOLE})
      | (?P<decimal>{DECIMAL}){POWER}?
    )
    (?:\s+(?P<scale>hundred|thousand|million|billion|trillion)\b)?
    \s*(?P<percent>%|percent\b)?
    (?P<currency2>[$€£])?
    (?P<unit>(?:\s+|\s?/\s?)[A-Za-z][A-Za-z./ ]*(?:\^?\{{?[23²³]\}}?)?|[A-Za-z]{{2,}}\b[A-Za-z./ ]*)?
    """,
    re.VERBOSE,
)
PARTS = frozenset("top bottom mixed over under upper lower decimal".split())
"""The groups that are numbers themselves."""
SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound"}
NO_UNITS = frozenset("pi tau sqrt log ln exp sin cos tan mod or and to not".split())
"""Words after a number that are no unit: the number alone is not what is meant."""
SHORT_UNITS = frozenset("m g s h l L".split())
"""Single letters that are units; any other is a variable."""
MAX_UNIT_WORDS = 4

DRESS = (
    (re.compile(r"\\(?:text|mathrm|textbf|mathbf|mbox|textit)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\[dtc]frac"), r"\\frac"),
    (re.compile(r"\\[,!;: ]|~|\\left|\\right|\\displaystyle|\*\*|`"), ""),
    (re.compile(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})|\\degree|°"), " degrees"),
    (re.compile(r"\\([$%&#])"), r"\1"),
    (re.compile(r"\{,\}"), ","),
    (re.compile("[\u2212\u2013]"), "-"),
    (re.compile(r"\s+"), " "),
)
"""What is written around an answer, and what stands for it."""

BRACKETS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))


class Quantity(NamedTuple):
    """A number with its unit, empty without one. A percentage has two readings: 25% is 25, and 1/4."""

    readings: frozenset[Fraction]
    unit: str


def tidy(text: str) -> str:
    """The answer without typesetting, a full stop at its end, and signs of mathematics around it."""
    text = text.strip().rstrip(".").strip()
    for opening, closing in BRACKETS:
        if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
            text = text[len(opening) : -len(closing)]
            break
    for pattern, replacement in DRESS:
        text = pattern.sub(replacement, text)
    return text.strip().rstrip(".").strip()


def quantity(tidied: str) -> Quantity | None:
    """The number that a tidied text is as a whole, or None when it is none, or not a plain one."""
    found = NUMBER.fullmatch(tidied) if len(tidied) <= MAX_DIGITS else None
    if found is None or (found["sign"] and found["sign2"]):
        return None
    number, unit = _value(found), _unit(found)
    if number is None or unit is None:
        return None
    if "-" in (found["sign"], found["sign2"]):
        number = -number
    return Quantity(frozenset({number, number / 100} if found["percent"] else {number}), unit)


def _value(found: re.Match[str]) -> Fraction | None:
    parts = {
        name: Fraction(text.replace(",", "")) for name, text in found.groupdict().items() if text and name in PARTS
    }
    if 0 in (parts.get("bottom"), parts.get("under"), parts.get("lower")):
        return None
    if "top" in parts:
        value = parts["top"] / parts["bottom"]
    elif "mixed" in parts:
        value = parts["mixed"] + parts["over"] / parts["under"]
    elif "upper" in parts:
        value = parts["upper"] / parts["lower"]
    else:
        value = parts["decimal"] * Fraction(10) ** int(found["power"] or found["ten"] or 0)
    return value * 10 ** SCALES.get(found["scale"], 0)


def _unit(found: re.Match[str]) -> str | None:
    """The unit in the singular, without dots; None when these words are no unit."""
    if currency := found["currency"] or found["currency2"]:
        return CURRENCIES[currency]
    words = (found["unit"] or "").replace(".", "").split()
    strange = any(word.lower() in NO_UNITS or (len(word) == 1 and word not in SHORT_UNITS | {"a"}) for word in words)
    if strange or len(words) > MAX_UNIT_WORDS:
        return None
    return " ".join(word.lower().removesuffix("s") if len(word) > 1 else word for word in words)
