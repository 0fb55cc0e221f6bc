import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from curation.agreement.cohen import cohen_kappa, kappas


def rows(table) -> tuple[list[int], list[int]]:
    """What two annotators said, from their table of counts."""
    cells = [(i, j) for i, line in enumerate(table) for j, count in enumerate(line) for _ in range(count)]
    return [i for i, _ in cells], [j for _, j in cells]


def test_kappa_of_a_textbook_table():
    """20 and 15 alike of 50: observed 0.7, expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa 0.4."""
    assert cohen_kappa(*rows([[20, 5], [10, 15]]), range(50)).value == pytest.approx(0.4)


def test_quadratic_weights_of_a_table_by_hand():
    """[[2, 1, 0], [0, 2, 0], [1, 0, 2]]: squares apart 1 * 1 + 1 * 4 = 5 of 8 rows.

    Expected: rows 3, 2, 3 and columns 3, 3, 2, so (3*3 + 2*3 + 2*2 + 3*3 + 4 * (3*2 + 3*3)) / 8 = 88 / 8 = 11.
    """
    found = cohen_kappa(*rows([[2, 1, 0], [0, 2, 0], [1, 0, 2]]), range(8), weights="quadratic")
    assert found.value == pytest.approx(1 - 5 / 11)


def test_a_level_that_nobody_used_is_a_step_all_the_same():
    """-1 and 1 are two steps apart: as far as 0 and 2, not as -1 and 0."""
    one, two = [-1, 1, 1, 3], [1, 1, 3, 3]
    apart = cohen_kappa(one, two, range(4), weights="quadratic").value
    assert apart == cohen_kappa([0, 2, 2, 4], [2, 2, 4, 4], range(4), weights="quadratic", levels=range(5)).value
    assert apart == pytest.approx(cohen_kappa_score(one, two, labels=range(-1, 4), weights="quadratic"))


@pytest.mark.parametrize(
    ("one", "two", "reason"),
    [
        pytest.param([], [], "no row was judged by both", id="nothing"),
        pytest.param(["a"] * 5, ["a"] * 5, "both always say a", id="one-category"),
        pytest.param(range(40), range(40), "more than 32 levels; round the values", id="too-many-levels"),
    ],
)
def test_kappa_is_undefined(one, two, reason):
    found = cohen_kappa(list(one), list(two), range(len(one)))
    assert (found.value, found.low, found.reason) == (None, None, reason)


def test_halves_need_a_scale_for_quadratic_weights():
    with pytest.raises(ValueError, match="levels"):
        cohen_kappa([0.5, 1], [1, 1], [0, 1], weights="quadratic")
    assert cohen_kappa([0.5, 1], [1, 1], [0, 1], weights="quadratic", levels=[0.5, 1]).value == 0


def test_a_value_off_the_scale_is_refused():
    with pytest.raises(ValueError, match="7 is not on the scale"):
        cohen_kappa([1, 7], [1, 2], [0, 1], levels=[1, 2, 3])


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60),
    st.sampled_from([None, "quadratic"]),
)
def test_the_kappa_of_resamples_is_the_librarys(cells, weights):
    one, two = np.array(cells).T
    assume(len({*one.tolist(), *two.tolist()}) > 1)
    table = np.zeros((1, 4, 4))
    np.add.at(table[0], (one, two), 1)
    steps = np.subtract.outer(np.arange(4), np.arange(4))
    apart = (steps**2 if weights else steps != 0).astype(float)
    assert kappas(table, apart)[0] == pytest.approx(cohen_kappa_score(one, two, labels=range(4), weights=weights))


@given(st.permutations(["a", "b", "tie"]))
def test_names_do_not_matter(names):
    one, two = rows([[5, 1, 1], [0, 4, 2], [1, 1, 3]])
    renamed = [[names[value] for value in side] for side in (one, two)]
    assert cohen_kappa(*renamed, range(18)).value == pytest.approx(cohen_kappa(one, two, range(18)).value)
