"""Responses: what a model (or a person) answered to a prompt."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.id_columns import Json, content_ids, json_few, json_words
from schemas.ids import content_id
from schemas.table import Table, column

RESPONSES = Table(
    name="responses",
    key=("response_id",),
    order=("response_id",),
    columns=pa.schema(
        [
            column("response_id", pa.string(), required=True),
            column("prompt_id", pa.string(), required=True),
            column("model", pa.string(), required=True),
            column("text", pa.string(), required=True),
            column("finish_reason", pa.string()),
            column("n_tokens", pa.int32()),
            column("call_id", pa.string()),
            column("source", pa.string(), required=True),
            column("run_id", pa.string()),
            column("principle", pa.string()),
            column("principle_text", pa.string()),
            column("system_prompt", pa.string()),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer. `call_id` names the model call it came from; an imported answer has none.

    principle: what the model was told to strive for, by name and in words; system_prompt: all that it was told before
    the prompt.
    """

    response_id: str
    prompt_id: str
    model: str
    text: str
    source: str
    finish_reason: str | None = None
    n_tokens: int | None = None
    call_id: str | None = None
    run_id: str | None = None
    principle: str | None = None
    principle_text: str | None = None
    system_prompt: str | None = None

    @classmethod
    def of(cls, prompt_id: str, *, model: str, text: str, source: str, **facts: object) -> Response:
        """A response named by prompt, model and text: the same answer sampled twice is one row."""
        return cls(
            response_id=response_id_of(prompt_id, model, text),
            prompt_id=prompt_id,
            model=model,
            text=text,
            source=source,
            **facts,  # pyright: ignore[reportArgumentType]
        )


def response_id_of(prompt_id: str, model: str, text: str) -> str:
    """Content id of an answer."""
    return content_id("response", prompt_id, model, text)


def response_ids_of(prompt_ids: pa.StringArray, models: pa.StringArray, texts: Json) -> pa.StringArray:
    """`response_id_of` of many answers, given what they say."""
    return content_ids("response", json_words(prompt_ids), json_few(models), texts)
