import time

import numpy as np
import pytest

from curation.agreement.bootstrap import DRAWS, draws, estimate, sums_by_prompt, with_interval
from curation.agreement.cohen import cohen_kappa
from curation.agreement.shares import percent_agreement


def test_a_resample_has_as_many_prompts_as_there_are():
    drawn = np.concatenate(list(draws(7, seed=0)))
    assert drawn.shape == (DRAWS, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)


def test_the_same_seed_draws_the_same():
    one, again, other = (next(draws(50, seed)) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_rows_are_added_up_by_prompt():
    cells = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert sums_by_prompt(cells, np.array([1, 0, 1]), 2).tolist() == [[3, 4], [6, 8]]


def test_one_prompt_has_no_interval():
    one = estimate(0.5, np.array([[1.0, 2.0]]), lambda totals: totals[:, 0], n=2)
    assert (one.value, one.low, one.reason) == (0.5, None, "one prompt has no interval")


def test_a_statistic_that_is_often_undefined_has_no_interval():
    values = np.where(np.arange(1000) < 100, np.nan, 0.5)
    found = with_interval(0.5, values, n=9, n_prompts=3)
    assert (found.value, found.low, found.high) == (0.5, None, None)
    assert found.reason == "undefined on 10% of the resamples, so it has no interval"


def planted(chance, prompts=120, verdicts=5):
    """Two annotators, whose chance to agree is the prompt's own: 0.3 or 0.9. Both say a or b equally often.

    They agree on 0.6 of all, so kappa is (0.6 - 0.5) / 0.5 = 0.2.
    """
    alike = chance.random((prompts, verdicts)) < chance.choice([0.3, 0.9], (prompts, 1))
    first = chance.random((prompts, verdicts)) < 0.5
    second = first ^ ~alike
    return first.reshape(-1), second.reshape(-1), np.repeat(np.arange(prompts), verdicts)


@pytest.mark.parametrize(
    ("statistic", "truth"),
    [pytest.param(percent_agreement, 0.6, id="agreement"), pytest.param(cohen_kappa, 0.2, id="kappa")],
)
def test_the_interval_covers_the_truth_in_about_95_of_100_repetitions(statistic, truth):
    chance = np.random.default_rng(0)
    found = [statistic(*planted(chance)) for _ in range(200)]
    assert 0.91 < np.mean([one.low <= truth <= one.high for one in found]) < 0.99


def test_drawing_rows_instead_of_prompts_would_be_too_sure():
    chance = np.random.default_rng(0)
    worlds = [planted(chance) for _ in range(200)]
    found = [percent_agreement(first, second, np.arange(len(first))) for first, second, _ in worlds]
    assert np.mean([one.low <= 0.6 <= one.high for one in found]) < 0.9


def test_a_thousand_resamples_of_ten_thousand_prompts_take_seconds(record_property):
    chance = np.random.default_rng(0)
    first, second, prompts = planted(chance, prompts=10_000, verdicts=3)
    started = time.perf_counter()
    cohen_kappa(first, second, prompts)
    seconds = time.perf_counter() - started
    record_property("kappa with its interval over 10,000 prompts, s", round(seconds, 2))
    assert seconds < 20
