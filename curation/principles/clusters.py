"""Names of one meaning, and one row for each (prompt, response, meaning) (arXiv 2509.21319, section 5(c)5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from curation.principles.consensus import DIGITS, Vectors
from schemas.principles import Principle

BLOCK = 256
"""Names that are compared at once."""


def clusters(names: Sequence[str], vectors: Vectors, above: float) -> dict[str, str]:
    """The name that stands for each name, greedily: the earliest in `names` that stands for itself and is near enough.

    The order of `names` decides, so give a fixed one. Two names are near when their cosine is above `above`.
    """
    unit = _unit(names, vectors)
    leaders: list[int] = []
    found: dict[str, str] = {}
    for start in range(0, len(names), BLOCK):
        block = unit[start : start + BLOCK]
        near_leaders, near_block = (_is_near(block, others, above) for others in (unit[leaders], block))
        fresh: list[int] = []
        for place, (earlier, beside) in enumerate(zip(near_leaders, near_block, strict=True)):
            near = [*(leaders[one] for one in np.flatnonzero(earlier)), *(start + one for one in fresh if beside[one])]
            if not near:
                fresh.append(place)
            found[names[start + place]] = names[near[0] if near else start + place]
        leaders += [start + place for place in fresh]
    return found


def _is_near(units: np.ndarray, others: np.ndarray, above: float) -> np.ndarray:
    """[n, m], where vectors of length 1 have a cosine above `above`."""
    return np.round(units @ others.T, DIGITS) > above


def _unit(names: Sequence[str], vectors: Vectors) -> np.ndarray:
    """The embeddings of names, of length 1, [n, d]."""
    if not names:
        return np.zeros((0, 0))
    stacked = np.stack([vectors[name] for name in names]).astype(np.float64)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def clustered(principles: Sequence[Principle], vectors: Vectors, above: float) -> list[Principle]:
    """Every kept principle with its cluster; of two near names the one said more often stands for both."""
    said = Counter(one.principle for one in principles if one.kept)
    found = clusters(sorted(said, key=lambda name: (-said[name], name)), vectors, above)
    return [replace(one, cluster=found[one.principle]) if one.kept else one for one in principles]


def without_general(
    principles: Sequence[Principle], general: Sequence[str], vectors: Vectors, above: float
) -> list[Principle]:
    """Drops what says nothing in particular: a name near one of `general`, and the label `partially`."""
    kept = sorted({one.principle for one in principles if one.kept})
    vague = _near_any(kept, general, vectors, above)
    return [_particular(one, one.principle in vague) for one in principles]


def _near_any(names: Sequence[str], others: Sequence[str], vectors: Vectors, above: float) -> set[str]:
    """The names that one of the others is near to."""
    if not names or not others:
        return set()
    near = _is_near(_unit(names, vectors), _unit(others, vectors), above)
    return {names[int(place)] for place in np.flatnonzero(near.any(axis=1))}


def _particular(one: Principle, is_vague: bool) -> Principle:
    reason = "general" if is_vague else "partially" if one.label == "partially" else None
    return replace(one, kept=False, reason=reason) if one.kept and reason else one


def one_each(principles: Sequence[Principle]) -> list[Principle]:
    """One row for each (prompt, response, cluster), with the label of the majority; none where the labels are even."""
    found = [one for one in principles if not one.kept]
    kept = sorted((one for one in principles if one.kept), key=_place)
    for _, same in groupby(kept, key=lambda one: _place(one)[:3]):
        found.extend(_majority(list(same)))
    return found


def _place(one: Principle) -> tuple[str, str, str, bool, str]:
    """Orders the rows of one meaning: those of the name that stands for it first."""
    return one.prompt_id, one.response_id, one.cluster or "", one.principle != one.cluster, one.principle_id


def _majority(same: Sequence[Principle]) -> list[Principle]:
    labels = Counter(one.label for one in same)
    if labels["yes"] == labels["no"]:
        return [replace(one, kept=False, reason="tied_labels") for one in same]
    winner = max(labels, key=lambda label: labels[label])
    first = next(one for one in same if one.label == winner)
    return [one if one is first else _superfluous(one, winner) for one in same]


def _superfluous(one: Principle, winner: str) -> Principle:
    return replace(one, kept=False, reason="duplicate" if one.label == winner else "outvoted")
