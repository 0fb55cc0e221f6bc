"""Plain prompts as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.importers import BadRow, Importer, Record, Row, text_of
from schemas.prompts import Message, Prompt, user


class Prompts(Importer):
    """Prompts to answer: `prompt` is the text of one user turn, or `messages` a conversation that ends with the user.

    `{"prompt": "Name three rivers."}`
    """

    name = "prompts"
    license: ClassVar[str] = "the user's"

    def translate(self, record: Record) -> Iterator[Row]:
        messages = _messages(record["messages"]) if "messages" in record else user(text_of(record, "prompt"))
        yield Prompt.of(messages, source=self.origin)


def _messages(value: object) -> tuple[Message, ...]:
    if not isinstance(value, list):
        raise BadRow("wrong_type", f"messages is {type(value).__name__}, want a list")
    turns: list[Message] = []
    for turn in value:
        if not isinstance(turn, dict) or {"role", "content"} - turn.keys():
            raise BadRow("wrong_type", "each message needs a role and a content")
        turns.append(Message(role=text_of(turn, "role"), content=text_of(turn, "content")))
    return tuple(turns)
