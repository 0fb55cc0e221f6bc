"""A pattern that must occur, or must not: `{"rule": "regex_form", "pattern": "^Dear ", "expect": "somewhere"}`."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from curation.rules import Finding, FormRule, Verifier


class Pattern(Verifier):
    r"""A regular expression in RE2's syntax, which takes time in proportion to the text whatever the pattern is.

    That excludes look-around and back-references; say `nowhere` instead of a negative look-ahead. `.` stops at the end
    of a line unless the pattern begins with (?s); ^ and $ are the ends of the text, of lines with (?m); \w and \d know
    ASCII only, \pL and \pN all letters and digits.
    """

    pattern: str
    expect: Literal["whole", "somewhere", "nowhere"] = "somewhere"
    """Where it must match: the whole text without the spaces around it, a part of it, or no part."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            _matches(pattern, "")
        except pa.ArrowInvalid as error:
            raise ValueError(str(error)) from error
        return pattern

    def find(self, text: str) -> Finding:
        if self.expect == "whole":
            met = _matches(rf"\A(?:{self.pattern})\z", text.strip())
            return Finding(met, f"{self.pattern!r} {'matches' if met else 'does not match'} the whole text")
        there = _matches(self.pattern, text)
        met = there == (self.expect == "somewhere")
        return Finding(met, f"{self.pattern!r} matches {'a part of the text' if there else 'no part of the text'}")


class RegexForm(FormRule):
    """Whether responses match a pattern."""

    name = "regex_form"
    demands_are = Pattern


def _matches(pattern: str, text: str) -> bool:
    """Whether a part of the text matches. Raises ArrowInvalid when RE2 cannot read the pattern."""
    encoded = pa.scalar(text.encode("utf-8", "replace"), pa.binary()).cast(pa.string())
    return pc.match_substring_regex(encoded, pattern).as_py()  # pyright: ignore[reportAttributeAccessIssue]
