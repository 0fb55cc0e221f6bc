"""Anthropic's helpful and harmless comparisons: two transcripts that share all but the last answer."""

from __future__ import annotations

from typing import Any

from warehouse.comparisons import LeftOut, Row, answer, comparison
from warehouse.exporters import RowExporter
from warehouse.transcripts import hh_rlhf


class HHRLHF(RowExporter):
    r"""HH-RLHF transcripts. Models, margins, and white space around a turn are not in the format.

    `{"chosen": "\n\nHuman: hi\n\nAssistant: hello", "rejected": "\n\nHuman: hi\n\nAssistant: go away"}`
    """

    name = "hh_rlhf"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        found = comparison(row, with_margin=with_margin)
        chosen, rejected = (hh_rlhf(found["prompt"] + answer(row[side])) for side in ("chosen", "rejected"))
        if chosen == rejected:
            raise LeftOut("answers_have_one_text")
        return {"chosen": chosen, "rejected": rejected}
