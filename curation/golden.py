"""Golden items: comparisons whose verdict people gave, hidden among a run's own to test its judges."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from curation.gate import Gate, known_verdicts
from schemas.ids import content_id, draw
from schemas.prompts import Prompt
from schemas.responses import Response
from warehouse.lake import Lake


def with_golden(
    lake: Lake, gate: Gate | None, prompts: Sequence[Prompt], answered: Sequence[Response]
) -> tuple[list[Prompt], list[Response]]:
    """A run's prompts and answers with golden ones among them, all in the order of the prompts' ids.

    Judges ask about both in the same words, and ids are hashes, so nothing tells a golden item from another. Which ones
    are drawn depends on the run's prompts: a run that goes on asks nothing twice, and new prompts bring other ones.
    """
    if gate is None or not gate.golden:
        return list(prompts), list(answered)
    known = _drawn(known_verdicts(lake, gate), gate, [prompt.prompt_id for prompt in prompts])
    asked = lake.ask("prompts_named", prompts_in=known.select(["prompt_id"]), until=None)
    hidden = [Prompt.of_row(row) for row in asked.to_pylist()]
    replies = [Response(**row) for row in lake.ask("golden_responses", known=known).to_pylist()]
    return sorted([*prompts, *hidden], key=lambda prompt: prompt.prompt_id), [*answered, *replies]


def _drawn(known: pa.Table, gate: Gate, own: Sequence[str]) -> pa.Table:
    """The known verdicts on the golden prompts of this run. A prompt of the run itself is asked about anyway."""
    free = sorted({*known.column("prompt_id").to_pylist()} - {*own})
    salt = content_id("golden", sorted(own))
    drawn = sorted(free, key=lambda prompt_id: draw(salt, prompt_id))[: gate.golden_prompts]
    return known.filter(pc.field("prompt_id").isin(drawn))
