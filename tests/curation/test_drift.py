import numpy as np
import pytest

from curation.drift import Sums, z_of


def sums(hits, n=None) -> Sums:
    """Of prompts whose hits and numbers of verdicts are given."""
    hit = np.asarray(hits, float)
    each = np.ones_like(hit) if n is None else np.asarray(n, float)
    return Sums(
        prompts=len(hit), hits=hit.sum(), n=each.sum(), squares=hit.sum(),
        hits_hits=(hit * hit).sum(), hits_n=(hit * each).sum(), n_n=(each * each).sum(),
    )  # fmt: skip


def test_one_verdict_a_prompt_is_the_two_proportion_test():
    """60 of 100 beside 200 of 400: pooled 0.52, z = 0.1 / sqrt(0.52 * 0.48 * (1/100 + 1/400)) = 1.790."""
    now, before = sums([1] * 60 + [0] * 40), sums([1] * 200 + [0] * 200)
    assert z_of(now, before, is_share=True) == pytest.approx(1.790, rel=2e-3)


def test_the_variance_of_one_verdict_a_prompt_is_that_of_a_mean():
    values = np.random.default_rng(0).normal(size=50)
    assert sums(values).variance == pytest.approx(values.var(ddof=1) / 50)


def test_prompts_that_are_all_alike_do_not_make_a_share_certain():
    """No spread is seen, but 25 of 25 beside 500 of 1,000 is the binomial 5.0, not infinity."""
    z = z_of(sums([1] * 25), sums([1, 0] * 500), is_share=True)
    assert z == pytest.approx(0.5 / np.sqrt(525 / 1025 * 500 / 1025 * (1 / 25 + 1 / 1000)), rel=1e-2)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        pytest.param(sums([1] * 19), sums([0] * 100), id="few-prompts-now"),
        pytest.param(sums([1] * 100), sums([0] * 19), id="few-prompts-before"),
        pytest.param(sums([0] * 100), sums([0] * 100), id="no-spread"),
    ],
)
def test_there_is_no_z_without_enough_to_go_by(now, before):
    assert z_of(now, before, is_share=True) is None


def test_verdicts_of_one_prompt_that_go_together_are_no_independent_draws():
    """Four equal verdicts a prompt: a test that counts them as independent is beyond 1.96 in a third of the cases."""
    chance = np.random.default_rng(0)
    ours, naive = [], []
    for _ in range(1000):
        now, before = (sums(4 * chance.binomial(1, 0.3, size), [4] * size) for size in (100, 300))
        ours.append(abs(z_of(now, before, is_share=True)) > 1.96)
        pooled = (now.hits + before.hits) / (now.n + before.n)
        error = np.sqrt(pooled * (1 - pooled) * (1 / now.n + 1 / before.n))
        naive.append(abs(now.rate - before.rate) / error > 1.96)
    assert 0.03 < np.mean(ours) < 0.07
    assert np.mean(naive) > 0.25
