"""Plain prompts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.facts import constraints_of
from curation.importers import Importer, Row
from curation.records import Record, messages_of, optional_text_of, texts_of, turns_of
from schemas.prompts import Prompt


class Prompts(Importer):
    """Prompts to answer: the text of one user turn, or messages that end with the user, under `prompt` or `messages`.

    What is known about a prompt may stand beside it: demands that rules check, answers that are right or wrong, the
    kind of task, and under `user_id` who asked.

    `{"prompt": "Name three rivers."}` or `{"messages": [{"role": "user", "content": "Name three rivers."}],
    "constraints": [{"rule": "length", "at_most": 9}], "correct_answers": ["Po, Rhine, Elbe"], "incorrect_answers":
    ["Etna"], "task_type": "geography"}`
    """

    name = "prompts"
    license: ClassVar[str] = "the user's"

    def translate(self, record: Record) -> Iterator[Row]:
        messages = messages_of(record, "messages") if "messages" in record else turns_of(record, "prompt")
        yield Prompt.of(
            messages,
            source=self.origin,
            constraints=constraints_of(record, "constraints"),
            correct_answers=texts_of(record, "correct_answers"),
            incorrect_answers=texts_of(record, "incorrect_answers"),
            task_type=optional_text_of(record, "task_type"),
            user_id=optional_text_of(record, "user_id"),
        )
