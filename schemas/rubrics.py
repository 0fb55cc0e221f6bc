"""Rubrics: criteria for the answers to one prompt (`rubrics`), item by item (`rubric_items`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

from schemas.ids import content_id
from schemas.table import Table, column

Kind = Literal["hard", "principle"]
"""hard: the prompt demands it, and it is met or not. principle: a quality that any answer has more or less of."""
KINDS: tuple[str, ...] = get_args(Kind)

RUBRICS = Table(
    name="rubrics",
    key=("rubric_id", "checked_by"),
    order=("prompt_id",),
    columns=pa.schema(
        [
            column("rubric_id", pa.string(), required=True),
            column("prompt_id", pa.string(), required=True),
            column("writer", pa.string(), required=True),
            column("writer_version", pa.string(), required=True),
            column("parent_id", pa.string()),
            column("contrasted", pa.list_(pa.string())),
            column("agreement", pa.float64()),
            column("accepted", pa.bool_(), required=True),
            column("reason", pa.string()),
            column("checked_by", pa.string(), required=True),
            column("call_id", pa.string()),
            column("run_id", pa.string()),
        ]
    ),
)

RUBRIC_ITEMS = Table(
    name="rubric_items",
    key=("rubric_id", "number"),
    order=("rubric_id",),
    columns=pa.schema(
        [
            column("rubric_id", pa.string(), required=True),
            column("number", pa.int32(), required=True),
            column("kind", pa.string(), required=True),
            column("text", pa.string(), required=True),
            column("weight", pa.float64(), required=True),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricItem:
    """One criterion: a sentence about "the response"."""

    kind: Kind
    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """The criteria for a prompt, named by their content: a changed item is another rubric with a parent.

    contrasted: the responses, best first, from which it was written. agreement: share of their pairs that a judge with
    this rubric orders as they were known to be ordered. `reason` says why a rubric was not accepted; checked_by names
    what decided that.
    """

    rubric_id: str
    prompt_id: str
    items: tuple[RubricItem, ...]
    writer: str
    writer_version: str
    parent_id: str | None = None
    contrasted: tuple[str, ...] | None = None
    agreement: float | None = None
    accepted: bool = True
    reason: str | None = None
    checked_by: str = ""
    call_id: str | None = None
    run_id: str | None = None

    @classmethod
    def of(cls, prompt_id: str, items: Sequence[RubricItem], **facts: object) -> Rubric:
        """A rubric named by its prompt and its items, in order."""
        listing = [[item.kind, item.text, item.weight] for item in items]
        return cls(
            rubric_id=content_id("rubric", prompt_id, listing),
            prompt_id=prompt_id,
            items=tuple(items),
            **facts,  # pyright: ignore[reportArgumentType]
        )

    def edited(self, items: Sequence[RubricItem], by: str) -> Rubric:
        """Another rubric for the same prompt, made from this one by hand or by a program; `by` says by whom."""
        return Rubric.of(
            self.prompt_id,
            items,
            writer=by,
            writer_version="1",
            parent_id=self.rubric_id,
            contrasted=self.contrasted,
            checked_by=by,
        )

    def item_rows(self) -> list[dict[str, object]]:
        """Rows of `rubric_items`, numbered from 1."""
        return [
            {"rubric_id": self.rubric_id, "number": number, "kind": one.kind, "text": one.text, "weight": one.weight}
            for number, one in enumerate(self.items, 1)
        ]
