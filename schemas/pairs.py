"""Pairs: chosen over rejected. Each side is a prompt and a response: one response under two prompts is a pair too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from schemas.ids import content_id
from schemas.table import Table, column

PAIRS = Table(
    name="pairs",
    key=("pair_id",),
    order=("pair_id",),
    columns=pa.schema(
        [
            column("pair_id", pa.string(), required=True),
            column("prompt_id", pa.string(), required=True),
            column("chosen_id", pa.string(), required=True),
            column("rejected_prompt_id", pa.string(), required=True),
            column("rejected_id", pa.string(), required=True),
            column("run_id", pa.string()),
        ]
    ),
)


Side = tuple[str, str]
"""Ids of a prompt and of a response to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An ordered comparison. `prompt_id` belongs to the chosen side."""

    pair_id: str
    prompt_id: str
    chosen_id: str
    rejected_prompt_id: str
    rejected_id: str
    run_id: str | None = None

    @classmethod
    def of(cls, chosen: Side, rejected: Side, run_id: str | None = None) -> Self:
        """The pair of two sides, named by them."""
        return cls(
            pair_id=pair_id_of(*chosen, *rejected),
            prompt_id=chosen[0],
            chosen_id=chosen[1],
            rejected_prompt_id=rejected[0],
            rejected_id=rejected[1],
            run_id=run_id,
        )

    @property
    def comparison_id(self) -> str:
        """Names what was compared, whichever side is chosen."""
        return comparison_id_of(self.chosen_id, self.rejected_id)

    def flipped(self, run_id: str | None = None) -> Pair:
        """The pair in which the other side is chosen."""
        return Pair.of((self.rejected_prompt_id, self.rejected_id), (self.prompt_id, self.chosen_id), run_id)


def pair_id_of(prompt_id: str, chosen_id: str, rejected_prompt_id: str, rejected_id: str) -> str:
    """Content id of a comparison. The flipped pair is another pair."""
    return content_id("pair", prompt_id, chosen_id, rejected_prompt_id, rejected_id)


def comparison_id_of(one: str, other: str) -> str:
    """Names two responses that are compared, in whichever order."""
    return ":".join(sorted((one, other)))
