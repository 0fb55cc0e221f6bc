"""Prometheus: absolute scores from 1 to 5 under a rubric, with feedback."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from curation.importers import Importer, Row
from curation.records import BadRow, Record, field_of, number_of, text_of
from schemas.prompts import user

SCALE = (1.0, 5.0)
PACKED = "###Response to evaluate:\n"
SECTION = re.compile(r"^###(The instruction to evaluate|Response to evaluate|Score Rubrics):\n", re.MULTILINE)
END = re.compile(r"\n+###(?:Reference Answer \(Score 5\)|Feedback):.*\Z", re.DOTALL)


class Prometheus(Importer):
    """Prometheus scores. The aspect is the rubric's criterion; several scores of a response are several readings.

    `{"instruction": "Hi", "response": "Hello!", "rubric": "Is it polite?", "score": 5, "feedback": "..."}`, the
    Feedback Collection's `orig_instruction`, `orig_response`, `orig_criteria`, `orig_score`, `orig_feedback`, or an
    `instruction` that holds all of it under `###` headings, with `gpt4_score` and `gpt4_feedback`.
    """

    name = "prometheus"
    license: ClassVar[str] = "MIT"

    judge: str = "prometheus/gpt-4"
    """Who scored."""

    def translate(self, record: Record) -> Iterator[Row]:
        found = _unpacked(record)
        prompt = self.prompt(user(text_of(found, "instruction")))
        yield prompt
        model = str(record.get("response_source") or record.get("model") or "unknown")
        response = self.response(prompt, f"prometheus/{model}", text_of(found, "response"))
        yield response
        scores, feedback = _list(field_of(found, "score")), _list(found.get("feedback") or [])
        for place, raw in enumerate(scores):
            value = number_of({"score": raw}, "score")
            in_range = value is not None and SCALE[0] <= value <= SCALE[1]
            yield self.score(
                record,
                response,
                criterion(text_of(found, "rubric")),
                value if in_range else None,
                judge=self.judge,
                scale=SCALE,
                act=f":{place}",
                rationale=feedback[place] if place < len(feedback) else None,
                failure=None if in_range else "unparseable",
            )


def criterion(rubric: str) -> str:
    """What a rubric asks: its first line, without the brackets."""
    lines = rubric.strip().splitlines()
    if not lines:
        raise BadRow("empty_rubric")
    return lines[0].strip().removeprefix("[").removesuffix("]")


def _unpacked(record: Record) -> Mapping[str, Any]:
    """The fields by their plain names, whichever of the three shapes the record has."""
    if "orig_instruction" in record:
        names = {"instruction": "instruction", "response": "response", "rubric": "criteria"}
        names |= {"score": "score", "feedback": "feedback"}
        return {plain: record[f"orig_{name}"] for plain, name in names.items() if f"orig_{name}" in record}
    if PACKED not in str(record.get("instruction")):
        return record
    _, *parts = SECTION.split(text_of(record, "instruction"))
    if parts[::2] != ["The instruction to evaluate", "Response to evaluate", "Score Rubrics"]:
        raise BadRow("ambiguous_sections", ", ".join(parts[::2]))
    instruction, response, rubric = (END.sub("", part).strip() for part in parts[1::2])
    scored = {"score": field_of(record, "gpt4_score"), "feedback": record.get("gpt4_feedback")}
    return {"instruction": instruction, "response": response, "rubric": rubric, **scored}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
