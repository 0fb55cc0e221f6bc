"""Anthropic's helpful and harmless comparisons: two dialogues that share all but the last answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.records import BadRow, Record, text_of
from schemas.prompts import Message

TURN = re.compile(r"\n\n(Human|Assistant): ?")
ROLES = {"Human": "user", "Assistant": "assistant"}
MODEL = "hh_rlhf/unknown"
"""The data set does not say which model wrote an answer."""


class HHRLHF(Importer):
    r"""One comparison by a crowd worker.

    `{"chosen": "\n\nHuman: hi\n\nAssistant: hello", "rejected": "\n\nHuman: hi\n\nAssistant: go away"}`
    """

    name = "hh_rlhf"
    license: ClassVar[str] = "MIT"

    def translate(self, record: Record) -> Iterator[Row]:
        context, chosen = dialogue(text_of(record, "chosen"))
        other_context, rejected = dialogue(text_of(record, "rejected"))
        if context != other_context:
            raise BadRow("contexts_differ")
        if chosen == rejected:
            raise BadRow("identical_responses")
        prompt = self.prompt(context)
        yield prompt
        sides = self.response(prompt, MODEL, chosen), self.response(prompt, MODEL, rejected)
        yield from sides
        yield self.vote(record, sides, winner=0, annotator="hh_rlhf/crowd", annotator_kind="human")


def dialogue(text: str) -> tuple[tuple[Message, ...], str]:
    """(turns before the last answer, the last answer). Raises BadRow when roles do not alternate from the user."""
    head, *parts = TURN.split(text)
    turns = [
        Message(role=ROLES[role], content=content.strip())
        for role, content in zip(parts[::2], parts[1::2], strict=True)
    ]
    wanted = ["user", "assistant"] * (len(turns) // 2)
    if head.strip() or len(turns) < 2 or [turn["role"] for turn in turns] != wanted:
        raise BadRow("bad_dialogue", "turns must alternate Human, Assistant and end with Assistant")
    if not all(turn["content"] for turn in turns):
        raise BadRow("empty_turn")
    return tuple(turns[:-1]), turns[-1]["content"]
