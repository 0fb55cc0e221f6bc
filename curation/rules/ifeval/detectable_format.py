"""IFEval's `detectable_format:` bullets, highlights, sections, JSON, a title, one of three answers."""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import StringConstraints

from curation.rules import Finding
from curation.rules.ifeval import Count, Instruction, compared

STAR = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE)
"""Upstream's quirk: the sign after the star may be a line's end, and then the next line belongs to this bullet."""
DASH = re.compile(r"^[^\S\n]*-.*$", re.MULTILINE)
ITALIC = re.compile(r"\*[^\n*]*\*")
BOLD = re.compile(r"\*\*[^\n*]*\*\*")
TITLE = re.compile(r"<<[^\n]+>>")
ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
FENCES = ("```json", "```Json", "```JSON", "```")


class NumberBulletLists(Instruction):
    """Exactly so many lines that begin with `*` or `-`. A line that begins with `**` is no bullet."""

    name = "detectable_format:number_bullet_lists"
    num_bullets: Count

    def follows(self, text: str) -> Finding:
        found = len(STAR.findall(text)) + len(DASH.findall(text))
        return Finding(found == self.num_bullets, f"{found} bullets, want {self.num_bullets}")


class ConstrainedResponse(Instruction):
    """One of the three answers occurs somewhere, in this spelling."""

    name = "detectable_format:constrained_response"

    def follows(self, text: str) -> Finding:
        found = [answer for answer in ANSWERS if answer in text]
        return Finding(bool(found), f"found: {found[0]}" if found else f"none of: {' '.join(ANSWERS)}")


class NumberHighlightedSections(Instruction):
    """At least so many *highlights* or **highlights** on one line each; empty ones do not count."""

    name = "detectable_format:number_highlighted_sections"
    num_highlights: Count

    def follows(self, text: str) -> Finding:
        found = sum(bool(part.strip("*").strip()) for part in ITALIC.findall(text))
        found += sum(bool(part[2:-2].strip()) for part in BOLD.findall(text))
        return compared(found, "at least", self.num_highlights, "highlights")


class MultipleSections(Instruction):
    """At least so many section marks: the word, and a number after it."""

    name = "detectable_format:multiple_sections"
    section_spliter: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    num_sections: Count

    def follows(self, text: str) -> Finding:
        found = len(re.findall(rf"{re.escape(self.section_spliter)}\s?\d+", text))
        return compared(found, "at least", self.num_sections, f"marks {self.section_spliter!r}")


class JsonFormat(Instruction):
    """The whole response is JSON as Python reads it, in a fence or not."""

    name = "detectable_format:json_format"

    def follows(self, text: str) -> Finding:
        body = text.strip()
        for fence in FENCES:
            body = body.removeprefix(fence)
        try:
            json.loads(body.removesuffix("```").strip())
        except ValueError as error:
            return Finding(False, f"no JSON: {error}")
        except RecursionError:
            return Finding(False, "no JSON that can be read: it is nested too deeply")
        return Finding(True, "the response is JSON")


class Title(Instruction):
    """A <<title>> on one line that is not empty."""

    name = "detectable_format:title"

    def follows(self, text: str) -> Finding:
        # Each line is cut after its last `>>`: without one to close it, every `<<` would be searched to the end.
        lines = (line[: line.rfind(">>") + 2] for line in text.split("\n") if ">>" in line)
        titles = (title.lstrip("<").rstrip(">").strip() for line in lines for title in TITLE.findall(line))
        found = next((title for title in titles if title), None)
        return Finding(found is not None, f"title: {found}" if found else "no <<title>>")
