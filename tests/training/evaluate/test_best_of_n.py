from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from training.evaluate.best_of_n import chances, expected_best, kl_of_best, tied_share

PROXY = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]
GOLD = [[0.0, 2.0, 3.0, 5.0, 4.0, 1.0]]
SCORES = st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=8, unique_by=lambda pair: pair[0])


def best_of(proxy: list, values: list, n: int) -> float:
    return float(expected_best(proxy, values, n)[0])


def test_worked_numbers() -> None:
    gold = [best_of(PROXY, GOLD, n) for n in range(1, 7)]
    assert gold == pytest.approx([2.5, 2.9333333, 2.6, 2.0666667, 1.5, 1.0])
    proxy = [best_of(PROXY, PROXY, n) for n in range(1, 7)]
    assert proxy == pytest.approx([3.5, 4.6666667, 5.25, 5.6, 5.8333333, 6.0])


@pytest.mark.parametrize(
    ("n", "nats"),
    {1: 0.0, 2: 0.1931472, 3: 0.4319456, 4: 0.6362944, 16: 1.8350887, 64: 3.1745081, 256: 4.5490837, 1000: 5.9087553,
     12500: 8.4335639}.items(),
)  # fmt: skip
def test_worked_divergences(n: int, nats: float) -> None:
    assert kl_of_best(n) == pytest.approx(nats, abs=1e-7)


@given(SCORES, st.data())
def test_it_is_the_mean_over_all_subsets(scores: list[tuple[float, float]], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(scores)))
    proxy, values = zip(*scores, strict=True)
    brute = np.mean([max(subset)[1] for subset in combinations(scores, n)])
    assert best_of([proxy], [values], n) == pytest.approx(brute, abs=1e-9)


@given(SCORES)
def test_one_sample_is_the_mean_and_all_are_the_best(scores: list[tuple[float, float]]) -> None:
    proxy, values = zip(*scores, strict=True)
    assert best_of([proxy], [values], 1) == pytest.approx(np.mean(values), abs=1e-9)
    assert best_of([proxy], [values], len(scores)) == pytest.approx(max(scores)[1])


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=20))
def test_the_proxy_never_falls_with_n(proxy: list[float]) -> None:
    found = [best_of([proxy], [proxy], n) for n in range(1, len(proxy) + 1)]
    assert (np.diff(found) >= -1e-9).all()


@given(SCORES, st.randoms())
def test_the_order_of_samples_changes_nothing(scores: list[tuple[float, float]], chance) -> None:
    shuffled = chance.sample(scores, len(scores))
    n = (len(scores) + 1) // 2
    (proxy, values), (other_proxy, other_values) = (zip(*each, strict=True) for each in (scores, shuffled))
    assert best_of([proxy], [values], n) == pytest.approx(best_of([other_proxy], [other_values], n), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 500, 12_500, 12_600])
def test_thousands_of_samples_do_not_overflow(n: int) -> None:
    found = chances(12_600, n)
    assert found.sum() == pytest.approx(1.0, abs=1e-6)
    assert found[-1] == pytest.approx(n / 12_600)


def test_prompts_are_measured_apart() -> None:
    both = expected_best(PROXY + PROXY, [GOLD[0], GOLD[0][::-1]], 2)
    assert both.tolist() == pytest.approx([2.9333333, 31 / 15])


def test_of_equal_samples_the_last_is_chosen_and_their_share_is_known() -> None:
    assert best_of([[1.0, 1.0, 0.0]], [[3.0, 5.0, 9.0]], 3) == pytest.approx(5.0)
    assert tied_share([[1.0, 1.0, 0.0], [1.0, 2.0, 3.0]]) == pytest.approx(2 / 6)
    assert tied_share([[1.0], [1.0]]) == 0.0


@pytest.mark.parametrize("n", [0, 7])
def test_more_than_there_are_is_refused(n: int) -> None:
    with pytest.raises(InputError, match=f"The best of {n} needs"):
        chances(6, n)
