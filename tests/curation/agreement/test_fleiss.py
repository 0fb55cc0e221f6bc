import numpy as np
import pytest
from nltk.metrics.agreement import AnnotationTask

from curation.agreement.fleiss import fleiss_kappa

WORKED = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
"""Ten units, fourteen annotators, five categories: kappa is 0.210."""


def judgments(counts) -> tuple[list[int], list[int]]:
    cells = [(unit, value) for unit, line in enumerate(counts) for value, n in enumerate(line) for _ in range(n)]
    return [unit for unit, _ in cells], [value for _, value in cells]


def test_kappa_of_the_well_known_table():
    units, values = judgments(WORKED)
    assert fleiss_kappa(units, list(values), units).value == pytest.approx(0.2099, abs=5e-5)


def test_kappa_of_a_table_by_hand():
    """Units aab, bbb: agreement 1/3 and 1, mean 2/3; shares 1/3 and 2/3, expected 5/9; (2/3 - 5/9) / (4/9) = 1/4."""
    assert fleiss_kappa([0] * 3 + [1] * 3, list("aabbbb"), [0] * 6).value == pytest.approx(0.25)


def test_kappa_is_nltks():
    chance = np.random.default_rng(0)
    said = chance.choice(["a", "b", "tie"], (30, 4), p=[0.5, 0.3, 0.2])
    units = np.repeat(np.arange(30), 4)
    task = AnnotationTask([(f"c{j}", str(i), said[i, j]) for i in range(30) for j in range(4)])
    assert fleiss_kappa(units, said.reshape(-1), units).value == pytest.approx(task.pi())


def test_the_interval_holds_the_value():
    found = fleiss_kappa(*judgments(WORKED), judgments(WORKED)[0])
    assert found.low < found.value < found.high
    assert (found.n, found.n_prompts) == (10, 10)


@pytest.mark.parametrize(
    ("units", "values", "reason"),
    [
        pytest.param([], [], "no unit was judged", id="nothing"),
        pytest.param([0, 0, 1], list("aba"), "units have 1 to 2 judgments; alpha allows gaps", id="gaps"),
        pytest.param([0, 1], list("ab"), "every unit has one judgment; alpha allows gaps", id="one-each"),
        pytest.param([0, 0], list("aa"), "all judgments are alike", id="one-category"),
        pytest.param([0] * 40, range(40), "more than 32 different values; round them", id="too-many-values"),
    ],
)
def test_kappa_is_undefined(units, values, reason):
    found = fleiss_kappa(units, list(values), units)
    assert (found.value, found.reason) == (None, reason)
