"""HelpSteer2: human ratings of five attributes, and signed preferences between two responses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.provenance import Note
from curation.records import BadRow, Record, field_of, number_of, optional_list_of, text_of
from schemas.prompts import Message
from schemas.responses import Response
from schemas.votes import Vote

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
SCALE = (0.0, 4.0)

STRONGEST = 3
NEITHER = -100
"""Strength of a comparison in which no answer is valid."""
EVERYONE = "all_preferences_unprocessed"
"""What each annotator said: objects with a strength, a statement and an elaboration."""

TURN = re.compile(r"\n?<extra_id_1>(User|Assistant)\n")
MODEL = "helpsteer2/unknown"
"""The data set does not say which model wrote an answer."""


class HelpSteer2(Importer):
    """HelpSteer2 ratings become scores, HelpSteer2-Preference strengths become votes (negative: response 1 is better).

    Where a record has what each annotator said, each is a vote, and the aggregate is none. The annotators have no
    names; they are counted within a record, and `helpsteer2/annotator_1` of two records may be two people. Who found
    neither answer valid has no vote, and is told.

    `{"prompt": "Hi", "response": "Hello!", "helpfulness": 4, "correctness": 4, "coherence": 4, "complexity": 1,
    "verbosity": 1}` or `{"prompt": "Hi", "response_1": "Hello!", "response_2": "No.", "preference_strength": -2,
    "preference_statement": "...", "preference_elaboration": "...", "all_preferences_unprocessed": [{"strength": -2,
    "statement": "...", "elaboration": "..."}]}`
    """

    name = "helpsteer2"
    license: ClassVar[str] = "CC-BY-4.0"

    def translate(self, record: Record) -> Iterator[Row | Note]:
        compares = "preference_strength" in record or EVERYONE in record
        return self._preferences(record) if compares else self._ratings(record)

    def _ratings(self, record: Record) -> Iterator[Row]:
        prompt = self.prompt(dialogue(text_of(record, "prompt")))
        yield prompt
        response = self.response(prompt, MODEL, text_of(record, "response"))
        yield response
        for attribute in ATTRIBUTES:
            field_of(record, attribute)
            value = number_of(record, attribute)
            yield self.score(record, response, attribute, value, judge="helpsteer2/annotators", scale=SCALE)

    def _preferences(self, record: Record) -> Iterator[Row | Note]:
        prompt = self.prompt(dialogue(text_of(record, "prompt")))
        sides = tuple(self.response(prompt, MODEL, text_of(record, f"response_{place}")) for place in (1, 2))
        said = list(self._said(record, (sides[0], sides[1])))
        if not any(isinstance(row, Vote) for row in said):
            raise BadRow("neither_answer_valid")
        yield from (prompt, *sides, *said)

    def _said(self, record: Record, sides: tuple[Response, Response]) -> Iterator[Vote | Note]:
        """A vote of each annotator, or the aggregate of a record that has no more."""
        found = optional_list_of(record, EVERYONE)
        if not found:
            parts = ("strength", "statement", "elaboration")
            yield self._vote(record, sides, {part: record.get(f"preference_{part}") for part in parts}, "annotators")
        for number, one in enumerate(found, start=1):
            if not isinstance(one, dict):
                raise BadRow("wrong_type", f"{EVERYONE} holds {type(one).__name__}, want objects")
            yield self._vote(record, sides, one, f"annotator_{number}")

    def _vote(self, record: Record, sides: tuple[Response, Response], said: Record, who: str) -> Vote | Note:
        strength = number_of(said, "strength")
        if strength == NEITHER:
            return Note(kind="neither answer valid", detail=who)
        if strength is None or abs(strength) > STRONGEST:
            raise BadRow("unknown_strength", str(said.get("strength")))
        why = [said.get(part) for part in ("statement", "elaboration")]
        return self.vote(
            record,
            sides,
            winner=None if strength == 0 else int(strength > 0),
            strength=abs(strength),
            justification="\n".join(str(text) for text in why if text) or None,
            annotator=f"helpsteer2/{who}",
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
