"""Plain prompts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.records import Record, messages_of, text_of, turns_of
from schemas.prompts import Prompt


class Prompts(Importer):
    """Prompts to answer: the text of one user turn, or messages that end with the user, under `prompt` or `messages`.

    `{"prompt": "Name three rivers."}` or `{"messages": [{"role": "user", "content": "Name three rivers."}]}`; who asked
    may stand beside it under `user_id`.
    """

    name = "prompts"
    license: ClassVar[str] = "the user's"

    def translate(self, record: Record) -> Iterator[Row]:
        messages = messages_of(record, "messages") if "messages" in record else turns_of(record, "prompt")
        user_id = None if record.get("user_id") is None else text_of(record, "user_id")
        yield Prompt.of(messages, source=self.origin, user_id=user_id)
