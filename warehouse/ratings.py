"""Ratings on the scale of another project: several of an aspect are averaged, those on other scales moved linearly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from warehouse.comparisons import Row

Scale = tuple[float, float]


def by_aspect(ratings: Iterable[Row]) -> dict[str, list[Row]]:
    """The ratings of each aspect, in their order."""
    found: dict[str, list[Row]] = defaultdict(list)
    for rating in ratings:
        found[rating["aspect"]].append(rating)
    return found


def values_on(ratings: Iterable[Row], scale: Scale) -> list[float]:
    """The ratings that apply, on `scale`."""
    lo, hi = scale
    places = [(r["value"] - r["lo"]) / (r["hi"] - r["lo"]) for r in ratings if r["value"] is not None]
    return [round(lo + (hi - lo) * place, 6) for place in places]


def mean_on(ratings: Sequence[Row], scale: Scale) -> float | None:
    """Mean of the ratings that apply, on `scale`; None where none does."""
    values = values_on(ratings, scale)
    return round(sum(values) / len(values), 6) if values else None


def short(value: float | None) -> float | int | None:
    """A whole number without its `.0`."""
    return int(value) if value is not None and value.is_integer() else value
