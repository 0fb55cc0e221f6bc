"""A few prompts, responses and pairs made by hand."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from curation.pairing import MEMBERS
from schemas.calls import Request, Sampling
from schemas.datasets import Member
from schemas.pairs import PAIRS, Pair, pair_id_of
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from warehouse.lake import Lake
from warehouse.versions import Draft


def some_prompts(count: int) -> list[Prompt]:
    return [Prompt.of(user(f"Say {i}."), source="hand") for i in range(count)]


def requests(texts: Iterable[str], **changes: Any) -> list[Request]:
    """A short request a text, each with a seed of its own."""
    facts: dict[str, Any] = {"sampling": Sampling(max_tokens=32), "purpose": "test"} | changes
    return [Request(messages=user(text), seed=i, **facts) for i, text in enumerate(texts)]


def two_responses(prompt: Prompt) -> list[Response]:
    return [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in ("good", "bad")]


def some_pairs(lake: Lake, count: int) -> list[Pair]:
    """Store prompts and responses; return a pair for each prompt, good over bad."""
    prompts = some_prompts(count)
    responses = [two_responses(prompt) for prompt in prompts]
    lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(r for both in responses for r in both)))
    return [
        Pair(
            pair_id=pair_id_of(prompt.prompt_id, good.response_id, prompt.prompt_id, bad.response_id),
            prompt_id=prompt.prompt_id,
            chosen_id=good.response_id,
            rejected_prompt_id=prompt.prompt_id,
            rejected_id=bad.response_id,
        )
        for prompt, (good, bad) in zip(prompts, responses, strict=True)
    ]


def draft(pairs: Sequence[Pair], dataset: str = "hand", margin: float | None = 1.0) -> Draft:
    members = [
        asdict(Member(pair_id=pair.pair_id, split="train", rule="hand", label_source="hand", margin=margin))
        for pair in pairs
    ]
    return Draft(
        dataset=dataset,
        members=pa.Table.from_pylist(members, schema=MEMBERS),
        message="by hand",
        recipe="{}",
        funnels=(),
        rows=[(PAIRS, PAIRS.rows(pairs))],
    )
