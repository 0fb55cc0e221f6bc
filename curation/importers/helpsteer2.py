"""HelpSteer2: human ratings of five attributes, and signed preferences between two responses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.records import BadRow, Record, field_of, number_of, text_of
from schemas.prompts import Message

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
SCALE = (0.0, 4.0)

STRONGEST = 3
NEITHER = -100
"""Strength of a comparison in which no answer is valid."""

TURN = re.compile(r"\n?<extra_id_1>(User|Assistant)\n")
MODEL = "helpsteer2/unknown"
"""The data set does not say which model wrote an answer."""


class HelpSteer2(Importer):
    """HelpSteer2 ratings become scores, HelpSteer2-Preference strengths become votes (negative: response 1 is better).

    `{"prompt": "Hi", "response": "Hello!", "helpfulness": 4, "correctness": 4, "coherence": 4, "complexity": 1,
    "verbosity": 1}` or `{"prompt": "Hi", "response_1": "Hello!", "response_2": "No.", "preference_strength": -2,
    "preference_statement": "...", "preference_elaboration": "..."}`
    """

    name = "helpsteer2"
    license: ClassVar[str] = "CC-BY-4.0"

    def translate(self, record: Record) -> Iterator[Row]:
        return self._preference(record) if "preference_strength" in record else self._ratings(record)

    def _ratings(self, record: Record) -> Iterator[Row]:
        prompt = self.prompt(dialogue(text_of(record, "prompt")))
        yield prompt
        response = self.response(prompt, MODEL, text_of(record, "response"))
        yield response
        for attribute in ATTRIBUTES:
            field_of(record, attribute)
            value = number_of(record, attribute)
            yield self.score(record, response, attribute, value, judge="helpsteer2/annotators", scale=SCALE)

    def _preference(self, record: Record) -> Iterator[Row]:
        strength = number_of(record, "preference_strength")
        if strength == NEITHER:
            raise BadRow("neither_answer_valid")
        if strength is None or abs(strength) > STRONGEST:
            raise BadRow("unknown_strength", str(record["preference_strength"]))
        prompt = self.prompt(dialogue(text_of(record, "prompt")))
        yield prompt
        sides = tuple(self.response(prompt, MODEL, text_of(record, f"response_{place}")) for place in (1, 2))
        yield from sides
        why = [record.get(f"preference_{part}") for part in ("statement", "elaboration")]
        yield self.vote(
            record,
            (sides[0], sides[1]),
            winner=None if strength == 0 else int(strength > 0),
            strength=abs(strength),
            justification="\n".join(str(text) for text in why if text) or None,
            annotator="helpsteer2/annotators",
            annotator_kind="human",
        )


def dialogue(text: str) -> tuple[Message, ...]:
    """Turns of a prompt: a user's text, or a conversation with `<extra_id_1>` before each later turn."""
    first, *parts = TURN.split(text)
    turns = [Message(role="user", content=first)]
    turns += [
        Message(role=role.lower(), content=content) for role, content in zip(parts[::2], parts[1::2], strict=True)
    ]
    return tuple(turns)
