"""Rubrics that somebody changed. A changed rubric is another one, and names the one that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from curation.rubrics.known import prompts_in
from schemas.errors import InputError
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric, RubricItem
from warehouse.lake import Lake


def stored_rubrics(lake: Lake, prompt_ids: Iterable[str]) -> dict[str, Rubric]:
    """Every rubric of the prompts, by id, edited ones included, the oldest first; each as last decided on."""
    rows = lake.ask("rubric_texts", prompts_in=prompts_in(prompt_ids)).to_pylist()
    return {row["rubric_id"]: _rubric(row) for row in rows}


def _rubric(row: dict[str, Any]) -> Rubric:
    contrasted = row["contrasted"] and tuple(row["contrasted"])
    return Rubric(**row | {"items": tuple(RubricItem(**item) for item in row["items"]), "contrasted": contrasted})


def in_force(stored: Mapping[str, Rubric]) -> dict[str, Rubric]:
    """By prompt id, the rubric to judge by: the newest of those that are accepted and that nobody has replaced."""
    replaced = {one.parent_id for one in stored.values()}
    return {one.prompt_id: one for one in stored.values() if one.accepted and one.rubric_id not in replaced}


def edit(lake: Lake, rubric: Rubric, items: Sequence[RubricItem], by: str) -> Rubric:
    """Store and return the rubric that replaces `rubric` in runs from now on; they judge it before they use it.

    Raises InputError when it has been replaced already, or when an earlier rubric of the prompt says the same.
    """
    stored = stored_rubrics(lake, [rubric.prompt_id])
    last = newest(rubric, stored)
    if last.rubric_id != rubric.rubric_id:
        raise InputError(f"Rubric {rubric.rubric_id} has been replaced; edit {last.rubric_id}.")
    changed = rubric.edited(items, by)
    if changed.rubric_id in stored:
        raise InputError(f"Rubric {changed.rubric_id} says the same; change the text or a weight of an item.")
    lake.append((RUBRICS, RUBRICS.rows([changed])), (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(changed.item_rows())))
    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to change of a rubric's items, which are numbered from 1 as they stand."""

    add: tuple[RubricItem, ...] = ()
    reword: Mapping[int, str] = field(default_factory=dict)
    weigh: Mapping[int, float] = field(default_factory=dict)
    drop: frozenset[int] = frozenset()

    def applied(self, items: Sequence[RubricItem]) -> tuple[RubricItem, ...]:
        """The items after it, the new ones last. Raises InputError for a number that no item has."""
        if unknown := {*self.reword, *self.weigh, *self.drop} - {*range(1, len(items) + 1)}:
            raise InputError(f"There is no item {min(unknown)}; the rubric has items 1 to {len(items)}.")
        kept = [
            replace(item, text=self.reword.get(number, item.text), weight=self.weigh.get(number, item.weight))
            for number, item in enumerate(items, 1)
            if number not in self.drop
        ]
        return (*kept, *self.add)


def newest(rubric: Rubric, stored: Mapping[str, Rubric]) -> Rubric:
    """What a rubric has become: the last of those that were made from it, one from the other."""
    by_parent = {one.parent_id: one for one in stored.values() if one.parent_id}
    while rubric.rubric_id in by_parent:
        rubric = by_parent[rubric.rubric_id]
    return rubric
