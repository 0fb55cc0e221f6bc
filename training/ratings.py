"""Rated responses: a version that was exported in UltraFeedback's format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import InputError
from training.tokens import Messages

OVERALL, MEAN = "overall", "mean"
"""Names of the rating of everything at once, and of the mean over aspects."""


class Rated(NamedTuple):
    """One response with its ratings, on the scales of the file; what was not rated is absent."""

    prompt: str
    response: str
    ratings: Mapping[str, float]


def read_ratings(folder: Path, split: str) -> list[Rated]:
    """The rated responses of one split in a folder that `prefinery export --format ultrafeedback` wrote."""
    path = folder / f"{split}.jsonl"
    try:
        return list(_rated(path))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; write it with `prefinery export --format ultrafeedback`.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not in UltraFeedback's format: {error!r}") from error


def ratings_by(folder: Path, split: str, attribute: str) -> dict[tuple[str, str], float]:
    """(prompt, response) -> rating, of the responses of one split that have the rating `attribute`."""
    rated = read_ratings(folder, split)
    return {(one.prompt, one.response): one.ratings[attribute] for one in rated if attribute in one.ratings}


def rating_of(ratings: Mapping[tuple[str, str], float], prompt: Messages, response: str) -> float:
    """What the response to a prompt of one turn was rated, NaN where it was not."""
    return ratings.get((prompt[0]["content"], response), float("nan")) if len(prompt) == 1 else float("nan")


def _rated(path: Path) -> Iterator[Rated]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            for side in row["completions"]:
                yield Rated(row["instruction"], side["response"], dict(_ratings(side)))


def _ratings(side: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for aspect, found in side["annotations"].items():
        if found["Rating"] != "N/A":
            yield aspect, float(found["Rating"])
    for name, value in ((OVERALL, side["overall_score"]), (MEAN, side["fine-grained_score"])):
        if value is not None:
            yield name, float(value)
