"""Rubrics that people write: a JSON line or a YAML document for each prompt, held to the checks of any other rubric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import yaml
from pydantic import Field, ValidationError, model_validator

from curation.asking import conversation
from curation.readers import read_records
from curation.records import BadRow
from curation.rubrics import LEAST_ITEMS, MOST_ITEMS, Proposed
from curation.rubrics.checks import MOST_WORDS, checked
from schemas.base import Strict
from schemas.errors import InputError, explain_settings
from schemas.prompts import Message, Prompt, prompt_id_of, user
from schemas.rubrics import Kind, Rubric, RubricItem

FAULTS = {
    "too_long": f"has more than {MOST_WORDS} words",
    "not_about_the_response": 'does not begin with "The response"',
    "points_at_an_answer": "points at one of the answers",
    "duplicate": "says what an earlier item says",
}
"""What is wrong with an item, by the reason for which a check drops it."""


class Turn(Strict):
    """A turn of a prompt."""

    role: str
    content: str


class Item(Strict):
    """An item as it stands in a file."""

    kind: Kind
    text: str
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False, strict=True)


class Written(Strict):
    """A record of a file: a prompt of the warehouse, by its id, its text or its turns, and the items of its rubric.

    `{"prompt": "Say hello.", "items": [{"kind": "hard", "text": "The response greets.", "weight": 2}, ...]}`
    """

    prompt_id: str | None = None
    prompt: str | tuple[Turn, ...] | None = None
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _names_a_prompt(self) -> Self:
        if (self.prompt_id is None) == (self.prompt is None):
            raise ValueError("name the prompt by `prompt_id` or by `prompt`, and not by both")
        return self

    @property
    def about(self) -> str:
        """The id of its prompt."""
        if isinstance(self.prompt, str):
            return prompt_id_of(user(self.prompt))
        turns = [Message(role=turn.role, content=turn.content) for turn in self.prompt or ()]
        return self.prompt_id or prompt_id_of(turns)


def read_rubrics(path: Path) -> list[Written]:
    """The records of a file: YAML documents, or whatever `readers` reads. Raises InputError at the first fault."""
    found: list[Written] = []
    for number, record in _records(path):
        try:
            found.append(Written.model_validate(record))
        except ValidationError as error:
            raise InputError(f"{path}, record {number}: {explain_settings(error)}") from error
        if found[-1].about in {one.about for one in found[:-1]}:
            raise InputError(f"{path}, record {number}: another rubric for the same prompt; leave one of them out.")
    return found


def _records(path: Path) -> Iterator[tuple[int, object]]:
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a file of rubrics, .jsonl or .yaml.")
    if path.suffix in (".yaml", ".yml"):
        yield from _documents(path)
        return
    for number, record in read_records(path):
        if isinstance(record, BadRow):
            raise InputError(f"{path}, record {number}: {record.reason} ({record.detail}); write one JSON object.")
        yield number, record


def _documents(path: Path) -> Iterator[tuple[int, object]]:
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no YAML file: {str(error).splitlines()[0]}") from error
    yield from ((number, one) for number, one in enumerate(documents, 1) if one is not None)


def rubrics_of(written: Sequence[Written], prompts: Mapping[str, Prompt], by: str) -> list[Rubric]:
    """The rubrics of a file's records. Raises InputError for an unknown prompt, and for items that break a rule."""
    found: list[Rubric] = []
    for one in written:
        if one.about not in prompts:
            raise InputError(f"The warehouse has no prompt {one.prompt or one.prompt_id!r}; import it first.")
        items = sound_items([RubricItem(**item.model_dump()) for item in one.items], prompts[one.about])
        found.append(Rubric.of(one.about, items, writer=by, writer_version="1", checked_by=by))
    return found


def sound_items(items: Sequence[RubricItem], prompt: Prompt) -> tuple[RubricItem, ...]:
    """The items, with single spaces. Raises InputError for one that breaks a rule, and for too few or too many."""
    said = [Proposed(item.kind, " ".join(item.text.split()), item.weight) for item in items]
    found = checked(said, conversation(prompt.messages), ())
    if found.dropped:
        item, reason = found.dropped[0]
        raise InputError(f"The item {item.text!r} {FAULTS[reason]}; change it.")
    if found.rejected:
        raise InputError(f"A rubric has {LEAST_ITEMS} to {MOST_ITEMS} items, and this one {len(items)}.")
    return found.items
