"""Comparisons of plain texts, many at a time: the rows that they have one by one, at a fraction of the cost.

`ComparisonImporter.translate` says what the rows of a record are. Here only records are taken whose rows are those of
the plain case: prompt, chosen and rejected are texts, the prompt is not blank, and the answers differ.
"""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from curation.comparisons import Keys, model_of, strength_of
from curation.records import BadRow, Cells, Columns, Record, are_blank, cells_of
from schemas.id_columns import json_texts, json_words, object_ids
from schemas.prompts import MESSAGES, PROMPTS, user_prompt_ids
from schemas.responses import RESPONSES, response_ids_of
from schemas.table import Table
from schemas.votes import VOTES, vote_ids_of

FACTS = {"score_chosen", "score_rejected", "chosen_model", "rejected_model"}
"""Fields that say more than texts and a margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What all rows of an import have in common. `unknown` is the model of answers that nobody is named for."""

    format: str
    source: str
    license: str
    annotator: str
    annotator_kind: str
    unknown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """The rows of the plain ones among some records. Of their answers, all chosen ones are before all rejected ones."""

    places: list[int]
    """Where each record was, from 0."""
    record_ids: pa.StringArray
    response_ids: pa.StringArray
    models: pa.StringArray
    answers: pa.StringArray
    rows: list[tuple[Table, pa.Table]]


class _Facts(NamedTuple):
    """A value for each record; where `known` is false, what the record says could not be read."""

    known: pa.BooleanArray
    strength: pa.DoubleArray
    chosen_model: pa.StringArray
    rejected_model: pa.StringArray

    @classmethod
    def of(cls, told: Sequence[tuple[float | None, str, str] | None]) -> _Facts:
        known = pa.array([fact is not None for fact in told], pa.bool_())
        columns = zip(*(fact or (None, None, None) for fact in told), strict=True)
        kinds = (pa.float64(), pa.string(), pa.string())
        return cls(known, *(pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))

    def where(self, wanted: pa.BooleanArray) -> _Facts:
        return _Facts(*(column.filter(wanted) for column in self))


def plain_comparisons(records: Sequence[Record | BadRow], keys: Keys, labels: Labels) -> Plain | None:
    """The rows of plain records, all with the same fields; None if there are none."""
    if keys.prompt is None:
        return None
    names = (keys.prompt, keys.chosen, keys.rejected)
    places, columns = _alike(records, set(names))
    if columns is None:
        return None
    facts = _facts(columns, keys, labels.unknown)
    prompts, chosen, rejected = (_texts(columns.cells[name]) for name in names)
    wanted = _are_plain(prompts, chosen, rejected, facts)
    if not wanted.true_count:
        return None
    if wanted.true_count < len(columns):
        places, columns, facts = [*compress(places, wanted.to_pylist())], columns.where(wanted), facts.where(wanted)
        prompts, chosen, rejected = (texts.filter(wanted) for texts in (prompts, chosen, rejected))
    json = {name: json_texts(cells) for name, cells in columns.cells.items()}
    prompt_ids = user_prompt_ids(json[keys.prompt])
    chosen_ids = response_ids_of(prompt_ids, facts.chosen_model, json[keys.chosen])
    rejected_ids = response_ids_of(prompt_ids, facts.rejected_model, json[keys.rejected])
    record_ids = object_ids(json)
    return Plain(
        places=[*places],
        record_ids=record_ids,
        response_ids=pa.concat_arrays([chosen_ids, rejected_ids]),
        models=pa.concat_arrays([facts.chosen_model, facts.rejected_model]),
        answers=pa.concat_arrays([chosen, rejected]),
        rows=[
            (PROMPTS, _prompts(prompt_ids, prompts, labels)),
            (RESPONSES, _responses(chosen_ids, prompt_ids, facts.chosen_model, chosen, labels)),
            (RESPONSES, _responses(rejected_ids, prompt_ids, facts.rejected_model, rejected, labels)),
            (VOTES, _votes(record_ids, prompt_ids, chosen_ids, rejected_ids, facts.strength, labels)),
        ],
    )


def _alike(records: Sequence[Record | BadRow], wanted: set[str]) -> tuple[Sequence[int], Columns | None]:
    """Records with the same fields, the wanted ones among them, and their places."""
    if isinstance(records, Columns):
        return range(len(records)), records if wanted <= records.cells.keys() else None
    read = [(place, record) for place, record in enumerate(records) if not isinstance(record, BadRow)]
    names = next((record.keys() for _, record in read if wanted <= record.keys()), None)
    if names is None:
        return (), None
    alike = [(place, record) for place, record in read if record.keys() == names]
    columns = {name: cells_of([record[name] for _, record in alike]) for name in names}
    return [place for place, _ in alike], Columns(columns)


def _texts(cells: Cells) -> pa.StringArray:
    """The texts of a column; null where it holds something else."""
    if isinstance(cells, pa.Array):
        return cells
    return pa.array([cell if isinstance(cell, str) else None for cell in cells], pa.string())


def _are_plain(
    prompts: pa.StringArray, chosen: pa.StringArray, rejected: pa.StringArray, facts: _Facts
) -> pa.BooleanArray:
    plain = pc.and_(pc.not_equal(chosen, rejected), pc.invert(are_blank(prompts)))
    return pc.fill_null(pc.and_(plain, facts.known), fill_value=False)


def _facts(columns: Columns, keys: Keys, unknown: str) -> _Facts:
    """What records say besides their texts."""
    told = Columns({name: cells for name, cells in columns.cells.items() if name in FACTS | {keys.margin}})
    if told.cells:
        return _Facts.of([_facts_of(record, keys, unknown) for record in told])
    count = len(columns)
    nobody = pa.repeat(pa.scalar(unknown), count)
    return _Facts(pa.repeat(pa.scalar(value=True), count), pa.nulls(count, pa.float64()), nobody, nobody)


def _facts_of(record: Record, keys: Keys, unknown: str) -> tuple[float | None, str, str] | None:
    try:
        return (
            strength_of(record, keys.margin),
            model_of(record, "chosen_model", unknown),
            model_of(record, "rejected_model", unknown),
        )
    except BadRow:
        return None


def _prompts(prompt_ids: pa.StringArray, texts: pa.StringArray, labels: Labels) -> pa.Table:
    count = len(texts)
    roles = pa.repeat(pa.scalar("user"), count)
    turns = pa.StructArray.from_arrays([roles, texts], fields=list(MESSAGES.value_type))
    return PROMPTS.of_columns(
        count,
        prompt_id=prompt_ids,
        source=labels.source,
        license=labels.license,
        messages=pa.ListArray.from_arrays(pa.array(range(count + 1), pa.int32()), turns, type=MESSAGES),
    )


def _responses(
    response_ids: pa.StringArray,
    prompt_ids: pa.StringArray,
    models: pa.StringArray,
    answers: pa.StringArray,
    labels: Labels,
) -> pa.Table:
    return RESPONSES.of_columns(
        len(answers),
        response_id=response_ids,
        prompt_id=prompt_ids,
        model=models,
        text=answers,
        source=labels.source,
    )


def _votes(
    record_ids: pa.StringArray,
    prompt_ids: pa.StringArray,
    chosen_ids: pa.StringArray,
    rejected_ids: pa.StringArray,
    strengths: pa.DoubleArray,
    labels: Labels,
) -> pa.Table:
    """Votes for the chosen answer, as `Importer.vote` makes them where nobody says what was shown first."""
    chosen_first = pc.less(chosen_ids, rejected_ids)
    first = pc.if_else(chosen_first, chosen_ids, rejected_ids)
    second = pc.if_else(chosen_first, rejected_ids, chosen_ids)
    verdicts = pc.if_else(chosen_first, "a", "b")
    acts = pc.binary_join_element_wise(f"{labels.format}:", record_ids, "")
    a, b = json_words(first), json_words(second)
    vote_ids = vote_ids_of(json_texts(acts), a, b, a, labels.annotator, None, json_words(verdicts))
    return VOTES.of_columns(
        len(first),
        vote_id=vote_ids,
        prompt_id=prompt_ids,
        response_a=first,
        response_b=second,
        shown_first=first,
        verdict=verdicts,
        strength=strengths,
        annotator=labels.annotator,
        annotator_kind=labels.annotator_kind,
        source=labels.source,
    )
