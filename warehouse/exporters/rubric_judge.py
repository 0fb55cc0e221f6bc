"""Rows that train a judge with a rubric: what a larger one was asked, and its reply where that was right."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from warehouse.comparisons import LeftOut, Row
from warehouse.exporters import RowExporter


class RubricJudge(RowExporter):
    """Replies of rubric judges on the pairs of a version, as conversations for supervised fine-tuning.

    Only those under an accepted rubric that name the better answer (OpenRubrics, arXiv 2510.07743): better by the
    version, and by the order from which the rubric was written if it ranks both. What is asked is the judge's own
    request, with the rubric and both answers in the order shown: a student is served under the judge `rubric` as it is.

    `{"messages": [{"role": "user", "content": "You compare two ..."}, {"role": "assistant", "content": "..."}]}`
    """

    name = "rubric_judge"
    query: ClassVar[str] = "rubric_judge_rows"
    unit: ClassVar[str] = "replies"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        if not row["accepted"]:
            raise LeftOut("rubric_not_accepted")
        if row["failure"]:
            raise LeftOut("reply_without_verdict")
        if not row["is_right"]:
            raise LeftOut("tie_or_wrong_verdict")
        if row["is_own"]:
            raise LeftOut("label_by_the_judge_itself")
        asked = json.loads(row["request"])["messages"]
        return {"messages": [*asked, {"role": "assistant", "content": row["reply"]}]}
