"""Rows that train a rubric writer: a prompt and its rubric, never an answer (OpenRubrics, arXiv 2510.07743)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from warehouse.comparisons import LeftOut, Row
from warehouse.exporters import RowExporter

TASK = """\
Write the rubric by which answers to the request below will be judged: first the hard rules that it states, then the \
principles by which a good answer to it is told from a weak one. Each item is one sentence that begins with "The \
response". Reply with one JSON object: "items", a list of objects with "kind" ("hard" or "principle") and "text".

Request:

"""


class RubricWriter(RowExporter):
    """The prompts of a version that have an accepted rubric, as conversations for supervised fine-tuning.

    The reply is the rubric as JSON, `{"items": [{"kind": "hard", "text": "The response ..."}, ...]}`.

    `{"messages": [{"role": "user", "content": "Write the rubric ..."}, {"role": "assistant", "content": "..."}]}`
    """

    name = "rubric_writer"
    query: ClassVar[str] = "rubric_writer_rows"
    unit: ClassVar[str] = "prompts"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        if row["items"] is None:
            raise LeftOut("no_accepted_rubric")
        rubric = {"items": [{"kind": item["kind"], "text": item["text"]} for item in row["items"]]}
        return {
            "messages": [
                {"role": "user", "content": TASK + _one_text(row["prompt"])},
                {"role": "assistant", "content": json.dumps(rubric, ensure_ascii=False)},
            ]
        }


def _one_text(messages: list[dict[str, str]]) -> str:
    """A prompt of one turn as its text, of several as each under its role."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)
