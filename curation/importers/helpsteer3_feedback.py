"""HelpSteer3-Feedback: what several people said in words about each of two responses (arXiv 2503.04378)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.provenance import Note
from curation.records import BadRow, Record, list_of, text_of, turns_of
from schemas.responses import Response
from schemas.scores import Score

ASPECT = "feedback"
SCALE = (0.0, 0.0)
"""Words have no scale."""
MODEL = "helpsteer3/unknown"
"""The data set does not say which model wrote an answer."""


class HelpSteer3Feedback(Importer):
    """Each text becomes a score without a value in the aspect `feedback`, its rationale the text.

    The annotators have no names; they are counted within a record, and `helpsteer3/annotator_1` of two records may be
    two people. A text that is blank says nothing, and is told.

    `{"context": [{"role": "user", "content": "Hi"}], "response1": "Hello!", "response2": "No.",
    "feedback1": ["It is polite.", "Friendly."], "feedback2": ["It is rude.", "Too short."]}`
    """

    name = "helpsteer3_feedback"
    license: ClassVar[str] = "CC-BY-4.0"

    def translate(self, record: Record) -> Iterator[Row | Note]:
        prompt = self.prompt(turns_of(record, "context"))
        yield prompt
        for place in (1, 2):
            response = self.response(prompt, MODEL, text_of(record, f"response{place}"))
            yield response
            yield from self._feedback(record, response, f"feedback{place}")

    def _feedback(self, record: Record, response: Response, column: str) -> Iterator[Score | Note]:
        for number, text in enumerate(list_of(record, column), start=1):
            if not isinstance(text, str):
                raise BadRow("wrong_type", f"{column} holds {type(text).__name__}, want texts")
            if not text.strip():
                yield Note(kind="blank feedback left out", detail=f"{column}, annotator {number}")
                continue
            yield self.score(
                record,
                response,
                ASPECT,
                None,
                judge=f"helpsteer3/annotator_{number}",
                scale=SCALE,
                act=f":{column}:{number}",
                rationale=text,
            )
