"""AlpacaEval's model outputs: a file for each model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from warehouse.comparisons import LeftOut, Row, one_text
from warehouse.exporters import RowExporter
from warehouse.sheets import JsonArray, Sheet


class AlpacaEvalOutputs(RowExporter):
    """The answers of each model of a version, as `MODEL.json`. Of several answers to a prompt one is carried.

    In the name of a file, what is neither a letter, a digit nor one of `_.-~` is written as in an address: `a%2Fb`.

    `{"dataset": "alpaca_eval", "instruction": "Hi", "output": "Hello!", "generator": "m", "datasplit": "train"}`
    """

    name = "alpaca_eval_outputs"
    query: ClassVar[str] = "version_answers"
    unit: ClassVar[str] = "responses"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        if row["place"] > 1:
            raise LeftOut("another_answer_of_the_model")
        return {
            "dataset": row["source"],
            "instruction": one_text(row["prompt"]),
            "output": row["text"],
            "generator": row["model"],
            "datasplit": row["split"],
        }

    def place(self, row: Row) -> str:
        return row["model"]

    def sheet(self, folder: Path, place: str) -> Sheet:
        stem = quote(place, safe="")
        return JsonArray(folder / f"{'%2E' + stem[1:] if stem.startswith('.') else stem}.json")
