"""Comparisons of plain texts, many at a time: the rows that they have one by one, at a fraction of the cost.

`ComparisonImporter.translate` says what the rows of a record are. Here only records are taken whose rows are those of
the plain case: prompt, chosen and rejected are texts, the prompt is not blank, and the answers differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import NamedTuple, TypeVar

import pyarrow as pa

from curation.comparisons import Keys, model_of, strength_of
from curation.records import BadRow, Columns, Record
from schemas.ids import object_ids
from schemas.prompts import MESSAGES, PROMPTS, user_prompt_ids
from schemas.responses import RESPONSES, response_ids_of
from schemas.table import Table
from schemas.votes import VOTES, vote_ids_of

T = TypeVar("T")

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
    """The rows of the plain ones among some records. A record has two answers: the chosen, then the rejected one."""

    places: list[int]
    """Where each record was, from 0."""
    record_ids: list[str]
    response_ids: list[str]
    models: list[str]
    answers: list[str]
    rows: list[tuple[Table, pa.Table]]


class _Facts(NamedTuple):
    strength: float | None
    chosen_model: str
    rejected_model: str


def plain_comparisons(records: Sequence[Record | BadRow], keys: Keys, labels: Labels) -> Plain | None:
    """The rows of plain records, all with the same fields; None if there are none."""
    if keys.prompt is None:
        return None
    places, columns = _alike(records, {keys.prompt, keys.chosen, keys.rejected})
    if columns is None:
        return None
    texts = zip(*(columns.cells[name] for name in (keys.prompt, keys.chosen, keys.rejected)), strict=True)
    facts = _facts(columns, keys, labels.unknown)
    plain = [place for place, row in enumerate(texts) if _is_plain(*row) and facts[place]]
    if not plain:
        return None
    cells = columns.cells
    if len(plain) < len(places):
        cells = {name: [column[place] for place in plain] for name, column in cells.items()}
    told = [fact for place in plain if (fact := facts[place])]
    prompt_ids = user_prompt_ids(cells[keys.prompt])
    answers = _in_turns(cells[keys.chosen], cells[keys.rejected])
    models = _in_turns([fact.chosen_model for fact in told], [fact.rejected_model for fact in told])
    response_ids = response_ids_of(_in_turns(prompt_ids, prompt_ids), models, answers)
    record_ids = object_ids(cells)
    rows = [
        (PROMPTS, _prompts(prompt_ids, cells[keys.prompt], labels)),
        (RESPONSES, _responses(response_ids, prompt_ids, models, answers, labels)),
        (VOTES, _votes(record_ids, prompt_ids, response_ids, [fact.strength for fact in told], labels)),
    ]
    return Plain(
        places=[places[place] for place in plain],
        record_ids=record_ids,
        response_ids=response_ids,
        models=models,
        answers=answers,
        rows=rows,
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
    return [place for place, _ in alike], Columns({name: [record[name] for _, record in alike] for name in names})


def _is_plain(prompt: object, chosen: object, rejected: object) -> bool:
    texts = isinstance(chosen, str) and isinstance(rejected, str)
    return texts and chosen != rejected and isinstance(prompt, str) and bool(prompt.strip())


def _facts(columns: Columns, keys: Keys, unknown: str) -> Sequence[_Facts | None]:
    """What records say besides their texts; None where that cannot be read."""
    told = Columns({name: cells for name, cells in columns.cells.items() if name in FACTS | {keys.margin}})
    if not told.cells:
        return [_Facts(None, unknown, unknown)] * len(columns)
    return [_facts_of(record, keys, unknown) for record in told]


def _facts_of(record: Record, keys: Keys, unknown: str) -> _Facts | None:
    try:
        return _Facts(
            strength_of(record, keys.margin),
            model_of(record, "chosen_model", unknown),
            model_of(record, "rejected_model", unknown),
        )
    except BadRow:
        return None


def _prompts(prompt_ids: list[str], texts: list[str], labels: Labels) -> pa.Table:
    count = len(texts)
    roles = pa.repeat(pa.scalar("user"), count)
    turns = pa.StructArray.from_arrays([roles, pa.array(texts, pa.string())], fields=list(MESSAGES.value_type))
    return PROMPTS.of_columns(
        count,
        prompt_id=pa.array(prompt_ids, pa.string()),
        source=labels.source,
        license=labels.license,
        messages=pa.ListArray.from_arrays(pa.array(range(count + 1), pa.int32()), turns, type=MESSAGES),
    )


def _responses(
    response_ids: list[str], prompt_ids: list[str], models: list[str], answers: list[str], labels: Labels
) -> pa.Table:
    return RESPONSES.of_columns(
        len(answers),
        response_id=pa.array(response_ids, pa.string()),
        prompt_id=pa.array(_in_turns(prompt_ids, prompt_ids), pa.string()),
        model=pa.array(models, pa.string()),
        text=pa.array(answers, pa.string()),
        source=labels.source,
    )


def _votes(
    record_ids: list[str],
    prompt_ids: list[str],
    response_ids: list[str],
    strengths: list[float | None],
    labels: Labels,
) -> pa.Table:
    """Votes for the chosen answer, as `Importer.vote` makes them where nobody says what was shown first."""
    sides = list(zip(response_ids[::2], response_ids[1::2], strict=True))
    first, second = [min(side) for side in sides], [max(side) for side in sides]
    verdicts = ["a" if chosen < rejected else "b" for chosen, rejected in sides]
    acts = [f"{labels.format}:{record_id}" for record_id in record_ids]
    vote_ids = vote_ids_of(acts, first, second, first, repeat(labels.annotator), repeat(None), verdicts)
    response_a = pa.array(first, pa.string())
    return VOTES.of_columns(
        len(sides),
        vote_id=pa.array(vote_ids, pa.string()),
        prompt_id=pa.array(prompt_ids, pa.string()),
        response_a=response_a,
        response_b=pa.array(second, pa.string()),
        shown_first=response_a,
        verdict=pa.array(verdicts, pa.string()),
        strength=pa.array(strengths, pa.float64()),
        annotator=labels.annotator,
        annotator_kind=labels.annotator_kind,
        source=labels.source,
    )


def _in_turns(chosen: Iterable[T], rejected: Iterable[T]) -> list[T]:
    return list(chain.from_iterable(zip(chosen, rejected, strict=True)))
