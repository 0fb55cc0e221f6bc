"""What every benchmark does with what it cannot read, with ties and with the scale of rewards."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from schemas.errors import InputError
from training.evaluate.benchmarks import BENCHMARKS, Benchmark, Figures, Rewards

TEXTS = [f"answer {n}" for n in range(10)]
RECORDS: dict[str, list[dict[str, Any]]] = {
    "consistency": [
        {"instruction": f"i{n}", "response": f"r{n}", "other_instruction": f"j{n}", "other_response": f"s{n}"}
        for n in range(20)
    ],
    "judgebench": [
        {"pair_id": n, "question": f"q{n}", "response_A": f"a{n}", "response_B": f"b{n}", "source": f"s{n % 2}"}
        | {"label": "A>B" if n % 3 else "B>A"}
        for n in range(20)
    ],
    "rewardbench": [
        {"prompt": f"p{n}", "chosen": f"c{n}", "rejected": f"r{n}", "subset": ("math-prm", "hep-go", "else")[n % 3]}
        for n in range(20)
    ],
    "rewardbench2": [
        {
            "id": f"{n}",
            "prompt": f"p{n}",
            "chosen": [f"c{n}"],
            "rejected": TEXTS[:3],
            "subset": ("Math", "Focus")[n % 2],
        }
        for n in range(20)
    ],
    "rewardmath": [
        {"problem_id": n // 10, "problem": "1 + 1", "eval_solution": [f"so {n}"]}
        | {"solution_type": "rejected" if n % 10 else "chosen"}
        for n in range(100)
    ],
    "rm_bench": [
        {"id": n, "prompt": f"p{n}", "chosen": TEXTS[:3], "rejected": TEXTS[3:6]}
        | {"domain": ("chat", "code", "math", "safety-refuse", "safety-response")[n % 5]}
        for n in range(20)
    ],
}


@pytest.fixture(params=sorted(BENCHMARKS.classes))
def benchmark_(request: pytest.FixtureRequest) -> Benchmark:
    return BENCHMARKS.build(request.param)


def drawn(items: Sequence[Any]) -> Rewards:
    """Normal, the same of the same number of items."""
    return np.random.default_rng(0).normal(size=len(items))


def values(figures: Figures) -> dict[str, float | None]:
    return {name: None if math.isnan(found.value) else found.value for name, found in figures.items()}


@pytest.mark.parametrize("transform", [np.exp, lambda rewards: 3 * rewards - 7, np.cbrt])
def test_only_the_order_of_rewards_counts(benchmark_: Benchmark, transform: Callable[[Rewards], Rewards]) -> None:
    records = RECORDS[benchmark_.name]
    plain = benchmark_.run(records, drawn)
    assert any(0 < found.value < 1 for found in plain.values())
    assert values(benchmark_.run(records, lambda items: transform(drawn(items)))) == values(plain)


def test_equal_rewards_are_ties_and_no_success(benchmark_: Benchmark) -> None:
    found = benchmark_.run(RECORDS[benchmark_.name], lambda items: np.zeros(len(items)))
    assert found["ties"].value == found["ties"].n > 0
    wrong = {name: one.value for name, one in found.items() if "accuracy" in name or "consistency" in name}
    chance = 0.25 if benchmark_.name == "rewardbench2" else 0
    shares = wrong or {name: found[name].value for name in found if name in ("Math", "Focus", "chat", "overall")}
    assert shares
    assert all(value == chance or math.isnan(value) for value in shares.values())


def test_a_right_model_is_right_everywhere(benchmark_: Benchmark) -> None:
    """Rewards that fall with the place of an item in its case: the right ones come first."""
    records = RECORDS[benchmark_.name]
    cases = benchmark_.grouped([benchmark_.case(record) for record in records])
    ranks = np.concatenate([-np.arange(len(case.items)) for case in cases]).astype(float)
    found = benchmark_.figures(cases, np.split(ranks, np.cumsum([len(case.items) for case in cases])[:-1]))
    shares = [one.value for name, one in found.items() if name not in ("missing", "incomplete")]
    assert all(value == 1 or math.isnan(value) for value in shares)


def test_what_is_not_scored_is_counted(benchmark_: Benchmark) -> None:
    records = RECORDS[benchmark_.name]
    broken = {**records[-1], benchmark_.columns[-1]: None}

    def partly(items: Sequence[Any]) -> Rewards:
        return np.where(np.arange(len(items)) == 0, np.nan, drawn(items))

    found = benchmark_.run([None, *records, broken], partly)
    assert (found["unreadable"].value, found["unreadable"].n) == (2, len(records) + 2)
    assert found["too long"].value == 1
    assert found["ties"].n == found["too long"].n - 1
    assert not any(math.isnan(found[name].value) for name in ("unreadable", "too long", "ties"))


def test_a_missing_column_is_one_sentence(benchmark_: Benchmark) -> None:
    column = benchmark_.columns[0]
    record = {name: value for name, value in RECORDS[benchmark_.name][0].items() if name != column}
    with pytest.raises(InputError, match=f"{benchmark_.name} needs the column {column}; rename yours"):
        benchmark_.run([record], drawn)


def test_no_records_have_no_figures_but_zero_counts(benchmark_: Benchmark) -> None:
    found = benchmark_.run([], drawn)
    assert found["ties"].value == found["unreadable"].value == 0
