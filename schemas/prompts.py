"""Prompts: what a model is asked. A variant is a prompt with a parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import pyarrow as pa

from schemas.id_columns import Json, content_ids, json_arrays
from schemas.ids import content_id
from schemas.table import Table, column


class Message(TypedDict):
    """One turn of a chat."""

    role: str
    content: str


MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))

PROMPTS = Table(
    name="prompts",
    key=("prompt_id",),
    order=("prompt_id",),
    columns=pa.schema(
        [
            column("prompt_id", pa.string(), required=True),
            column("source", pa.string(), required=True),
            column("messages", MESSAGES, required=True),
            column("license", pa.string()),
            column("parent_id", pa.string()),
            column("op", pa.string()),
            column("constraints", pa.list_(pa.string())),
            column("run_id", pa.string()),
            column("task_type", pa.string()),
            column("correct_answers", pa.list_(pa.string())),
            column("incorrect_answers", pa.list_(pa.string())),
            column("user_id", pa.string()),
        ]
    ),
)

FACTS = ("constraints", "task_type", "correct_answers", "incorrect_answers")
"""Columns of what is known about a prompt beside its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A conversation that ends where the model must answer. `op` and `parent_id` say what a variant was made from.

    constraints: checkable demands, each a JSON object `{"rule": id, ...}`. correct_answers, incorrect_answers: known
    ones, which some judges may see and policies never. user_id: who asked, where the source says it.
    """

    prompt_id: str
    source: str
    messages: tuple[Message, ...]
    license: str | None = None
    parent_id: str | None = None
    op: str | None = None
    constraints: tuple[str, ...] | None = None
    run_id: str | None = None
    task_type: str | None = None
    correct_answers: tuple[str, ...] | None = None
    incorrect_answers: tuple[str, ...] | None = None
    user_id: str | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Prompt:
        """The prompt of a row of `prompts`: its lists as tuples."""
        fields: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in row.items()}
        return cls(**fields)

    @classmethod
    def of(cls, messages: Sequence[Message], *, source: str, license: str | None = None, **facts: object) -> Prompt:
        """A prompt named by its messages. Raises ValueError when it is empty or does not end with a user turn."""
        turns = tuple(Message(role=m["role"], content=m["content"]) for m in messages)
        if not turns or turns[-1]["role"] != "user":
            raise ValueError("a prompt must end with a user turn")
        if not turns[-1]["content"].strip():
            raise ValueError("the last user turn is empty")
        return cls(
            prompt_id=prompt_id_of(turns),
            source=source,
            messages=turns,
            license=license,
            **facts,  # pyright: ignore[reportArgumentType]
        )


def prompt_id_of(messages: Sequence[Message]) -> str:
    """Content id of a conversation: roles and texts, in order."""
    return content_id("prompt", [[m["role"], m["content"]] for m in messages])


def user_prompt_ids(texts: Json) -> pa.StringArray:
    """`prompt_id_of` of many conversations of one user turn, given the turns."""
    return content_ids("prompt", json_arrays(json_arrays("user", texts)))


def user(text: str) -> tuple[Message, ...]:
    """A conversation of one user turn."""
    return (Message(role="user", content=text),)
