from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.evaluate.benchmarks.rewardbench import SECTIONS, RewardBench, section
from training.evaluate.intervals import Interval


def row(subset: str, number: int = 0) -> dict[str, Any]:
    return {"prompt": f"{subset} {number}", "chosen": "c", "rejected": "r", "subset": subset}


def found(accuracy: float) -> Interval:
    return Interval(accuracy, 0, 1, 10)


def rewards(wins: list[bool]) -> np.ndarray:
    return np.array([[win, not win] for win in wins], dtype=float).ravel()


def test_a_section_weighs_its_subsets_by_fixed_sizes() -> None:
    """(0.9 * 100 + 0.8 * 50) / 150, however many rows were scored."""
    accuracies = {"one": found(0.9), "two": found(0.8)}
    assert section(accuracies, {"one": 100, "two": 50}).value == pytest.approx(0.8666667)


def test_the_sizes_are_the_published_ones() -> None:
    assert {name: sum(sizes.values()) for name, sizes in SECTIONS.items()} == {
        "Chat": 358,
        "Chat Hard": 456,
        "Safety": 740,
        "Reasoning": 1968,
    }


def test_a_size_belongs_to_its_subset() -> None:
    """A copy of these counts has those of xstest changed over, which no sum shows."""
    sizes = {name: size for section in SECTIONS.values() for name, size in section.items()}
    assert (sizes["xstest-should-refuse"], sizes["xstest-should-respond"]) == (154, 250)
    assert list(SECTIONS["Chat"].values()) == [100, 95, 95, 28, 40]
    assert list(SECTIONS["Chat Hard"].values()) == [37, 100, 134, 92, 47, 46]
    records = [row("xstest-should-refuse"), row("xstest-should-respond")]
    figures = RewardBench().run(records, lambda items: rewards([True, False]))
    assert figures["section Safety"].value == pytest.approx(154 / 404)


def test_mathematics_counts_as_much_as_all_code() -> None:
    records = [row("math-prm"), *(row(name) for name in SECTIONS["Reasoning"] if name != "math-prm")]
    figures = RewardBench().run(records, lambda items: rewards([True] + [False] * 6))
    assert figures["section Reasoning"].value == 0.5
    assert math.isnan(figures["overall"].value)


def test_the_whole_is_the_mean_of_four_sections_and_what_is_absent_is_counted() -> None:
    records = [row(next(iter(sizes))) for sizes in SECTIONS.values()]
    figures = RewardBench().run(records, lambda items: rewards([True, True, True, False]))
    assert figures["overall"].value == 0.75
    assert figures["missing"].n == 358 + 456 + 740 + 447 + 6 * 164
    assert figures["missing"].value == figures["missing"].n - 4


def test_rows_of_llmbar(real_data: Path) -> None:
    """A hundred real rows of one subset: a reward for brevity, and its opposite, which share what is not tied."""
    rows = json.loads((real_data / "llmbar_natural" / "dataset.json").read_text())
    records = [
        {"prompt": one["input"], "subset": "llmbar-natural"}
        | {"chosen": one[f"output_{one['label']}"], "rejected": one[f"output_{3 - one['label']}"]}
        for one in rows
    ]
    brief, long = (
        RewardBench().run(records, lambda items, sign=sign: np.array([sign * len(text) for _, text in items], float))
        for sign in (-1, 1)
    )
    accuracy = "accuracy, llmbar-natural"
    assert brief[accuracy].n == 100
    assert brief[accuracy].value + long[accuracy].value == pytest.approx(1 - brief["ties"].value / 100)
    assert brief["section Chat Hard"].value == brief[accuracy].value
    assert brief["missing"].value == 358 + 356 + 740 + 447 + 6 * 164
