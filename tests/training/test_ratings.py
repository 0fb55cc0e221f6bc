from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from schemas.errors import InputError
from training.ratings import rating_of, read_ratings

SIDE = {
    "model": "m", "response": "Hello!", "overall_score": 9.0, "critique": "", "fine-grained_score": 4.5,
    "annotations": {"honesty": {"Rating": "5", "Rationale": ""}, "truthfulness": {"Rating": "N/A", "Rationale": ""}},
}  # fmt: skip


def write(folder: Path, *sides: dict[str, object]) -> Path:
    row = {"source": "s", "instruction": "Hi", "models": ["m"], "completions": sides}
    (folder / "train.jsonl").write_text(json.dumps(row) + "\n")
    return folder


def test_what_was_not_rated_is_absent(tmp_path: Path) -> None:
    rated = read_ratings(write(tmp_path, SIDE, {**SIDE, "overall_score": None, "fine-grained_score": None}), "train")
    assert [one.ratings for one in rated] == [{"honesty": 5.0, "overall": 9.0, "mean": 4.5}, {"honesty": 5.0}]
    assert (rated[0].prompt, rated[0].response) == ("Hi", "Hello!")


def test_a_rating_is_of_one_response_to_one_prompt() -> None:
    known = {("Hi", "Hello!"): 3.0}
    turn = {"role": "user", "content": "Hi"}
    assert rating_of(known, [turn], "Hello!") == 3.0
    assert math.isnan(rating_of(known, [turn], "Bye!"))
    assert math.isnan(rating_of(known, [{"role": "system", "content": "Hi"}, turn], "Hello!"))


def test_an_absent_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--format ultrafeedback"):
        read_ratings(tmp_path, "train")
    (tmp_path / "train.jsonl").write_text('{"prompt": "Hi"}\n')
    with pytest.raises(InputError, match="not in UltraFeedback's format"):
        read_ratings(tmp_path, "train")
