"""Closed forms of strength, the bands of the policy, and the thresholds of the linear fixture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curation.voting.strength import Policy, Rewards, noise, strengths
from schemas.errors import InputError

from .linear import COUNT, accuracy, auc, fixture, trained, votes

SEEDS = range(20)
PLAIN = Policy(standardise=False)
TABLES = st.tuples(st.integers(1, 5), st.integers(2, 30)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-9, 9, width=16), unique=True)
)


def rewards(differences, offset=0.0):
    differences = np.asarray(differences, dtype=float)
    names = tuple(f"v{n}" for n in range(len(differences)))
    return Rewards(voters=names, chosen=differences + offset, rejected=np.full_like(differences, offset))


def treated(policy, found, soft_label=1.0, margin=np.nan):
    count = found.chosen.shape[1]
    return policy.treat(found, np.full(count, soft_label), np.full(count, margin))


def test_strength_by_hand():
    """Differences 1 and 3: mean 2, population spread 1, z = 2 sqrt 2; of the second pair one voter is silent."""
    found = strengths(rewards([[1.0, -1.0, 0.5], [3.0, np.nan, 0.5]]), standardise=False)
    assert found["mu"].to_list() == [2.0, -1.0, 0.5]
    assert found["sigma"].to_list() == [1.0, 0.0, 0.0]
    assert found["confidence"].to_list() == [pytest.approx(2 * 2**0.5), None, None]
    assert found["percentile"].to_list() == [1.0, pytest.approx(1 / 3), pytest.approx(2 / 3)]


@given(TABLES, st.floats(-5, 5))
def test_strength_heeds_differences_alone_and_turns_with_the_pair(table, offset):
    found = strengths(rewards(table), standardise=False)
    shifted, turned = (strengths(rewards(*each), standardise=False) for each in ((table, offset), (-table, 0.0)))
    assert np.allclose(found["mu"], shifted["mu"])
    assert np.allclose(found["mu"], -turned["mu"])
    assert np.allclose(found["sigma"], turned["sigma"])
    assert np.allclose(found["sigma"].to_numpy() ** 2, (table**2).mean(0) - table.mean(0) ** 2, atol=1e-6)


@given(TABLES, st.floats(0.1, 50))
def test_standardised_voters_have_no_scale(table, scale):
    scales = np.linspace(1, scale, len(table))[:, None]
    one, other = (strengths(rewards(each), standardise=True) for each in (table, table * scales))
    assert np.allclose(one["mu"], other["mu"])


def test_a_voter_without_an_opinion_is_named_and_a_pair_without_a_vote_refused():
    with pytest.raises(InputError, match="voter v1 gives all pairs"):
        strengths(rewards([[1.0, 2.0], [3.0, 3.0]]), standardise=True)
    alike = np.full(888, np.log(3))
    assert 0 < alike.std() < 1e-9, "rounding"
    with pytest.raises(InputError, match="voter v1 gives all pairs"):
        strengths(rewards([np.arange(888), alike]), standardise=True)
    with pytest.raises(InputError, match="1 pairs have no vote"):
        strengths(rewards([[1.0, np.nan]]), standardise=False)


def test_the_bands_of_the_policy():
    """Ten pairs of strengths -4.5 to 4.5; of the three largest |mu| one is negative, so 0.2 may be flipped."""
    found = rewards([np.array([-4.5, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.6])])
    policy = PLAIN.model_copy(update={"anchors": 0.3})
    rows = treated(policy, found, margin=7.0)
    assert rows["treatment"].to_list() == ["flip"] * 2 + ["soft"] * 2 + ["margin"] * 5 + ["soft"]
    assert rows["margin"].to_list() == [4.5, 3.5, 0, 0, 0, 0.5, 1.5, 2.5, 3.5, 4.6]
    assert rows["soft_label"].to_list() == [1, 1, 0.9, 0.9, 1, 1, 1, 1, 1, 0.9]

    def treatments(**changes):
        return treated(policy.model_copy(update=changes), found)["treatment"].to_list()

    assert treatments(wrong="drop", ambiguous="drop")[:4] == ["drop"] * 4
    assert treatments(wrong="keep", ambiguous="keep", q_top=0, margins=False) == ["keep"] * 10
    assert treatments(q_flip=1, anchors=0)[:6] == ["flip"] * 5 + ["margin"]
    assert treatments(q_flip=0.6, anchors=0, rule="quantile")[5:7] == ["flip", "margin"]
    kept = treated(policy.model_copy(update={"margins": False}), found, margin=7.0)["margin"].to_list()
    assert kept == [None] * 2 + [7.0] * 8


def test_the_noise_of_the_anchors_bounds_the_flips():
    clear = np.concatenate([np.full(50, 3.0), np.linspace(-1, 1, 50)])
    assert noise(clear, 0.4) == 0
    assert "flip" not in treated(PLAIN.model_copy(update={"anchors": 0.4}), rewards([clear]))["treatment"].to_list()
    flips = treated(PLAIN.model_copy(update={"anchors": 0}), rewards([clear]))["treatment"].to_list().count("flip")
    assert flips == 20


def test_doubtful_pairs_are_ambiguous_wherever_they_lie():
    """Five voters that disagree: z = mu / (sigma / sqrt 5) is below 2 for the middle pair alone."""
    table = np.array([[-3.0, 1.0, 2.0, 3.0]] * 5) + np.array([-2, -1, 0, 1, 2])[:, None] * [0.1, 2.0, 0.1, 0.1]
    policy = Policy(standardise=False, least_confidence=2, anchors=0, q_flip=0.25, q_amb=0.25, q_top=0)
    assert treated(policy, rewards(table))["treatment"].to_list() == ["flip", "soft", "margin", "margin"]


@given(TABLES, st.floats(0.5, 1))
def test_flipping_twice_is_nothing(table, soft_label):
    """The flipped pairs are no longer below zero: the policy leaves them, and flipping them again gives the table."""
    policy = Policy(standardise=False, anchors=0, q_flip=1)
    rows = treated(policy, rewards(table), soft_label)
    turned = np.where((rows["treatment"] == "flip").to_numpy(), -table, table)
    assert "flip" not in treated(policy, rewards(turned), soft_label)["treatment"].to_list()
    assert np.array_equal(np.where((rows["treatment"] == "flip").to_numpy(), -turned, turned), table)
    flips = rows.filter(rows["treatment"] == "flip")
    assert (flips["soft_label"] == soft_label).all()
    assert (flips["margin"] > 0).all()


def test_a_tie_stays_a_tie():
    rows = treated(Policy(standardise=False, alpha=0.2), rewards([[-2.0, -1.0, 1.0, 2.0]]), soft_label=0.5)
    assert rows["soft_label"].to_list() == [0.5] * 4


def test_the_smoothed_loss_is_least_where_the_soft_label_says():
    """-q log s(d) - (1 - q) log s(-d) with q = 1 - alpha is least at log((1 - alpha) / alpha)."""
    gaps = np.linspace(-5, 5, 100_001)
    for alpha, least in ((0.1, 2.197225), (0.2, 1.386294)):
        q = treated(Policy(standardise=False, alpha=alpha), rewards([[0.1, 0.2, 0.3, 0.4]]))["soft_label"][0]
        loss = q * np.logaddexp(0, -gaps) + (1 - q) * np.logaddexp(0, gaps)
        assert gaps[loss.argmin()] == pytest.approx(least, abs=1e-4)


def test_two_policies_have_two_names():
    assert Policy().hash == Policy(q_flip=0.2).hash != Policy(q_flip=0.1).hash
    with pytest.raises(ValueError, match="overlap"):
        Policy(q_amb=0.8, q_top=0.3)


@pytest.mark.parametrize("seed", SEEDS)
def test_planted_flips_are_found(seed):
    """Section 3(g) 1 to 4 and 7: 6,000 pairs, a quarter turned round, ten voters of one epoch."""
    made = fixture(seed)
    found = votes(made.labelled, trained(made.labelled, seed))
    mu = strengths(found, standardise=False)
    strength, lowest = mu["mu"].to_numpy(), mu["percentile"].to_numpy() <= 0.2
    together = auc(-strength, made.flips)
    assert together >= 0.98
    assert together >= np.mean([auc(-one, made.flips) for one in found.differences])
    assert made.flips[lowest].mean() >= 0.95
    assert 0.24 <= (strength < 0).mean() <= 0.30

    flip = (treated(PLAIN, found)["treatment"] == "flip").to_numpy()
    assert (made.flips ^ flip).mean() <= 0.08
    repaired = np.where(flip[:, None], -made.labelled, made.labelled)
    raw, better, lost = (
        accuracy(trained(each, seed + 100), seed) for each in (made.labelled, repaired, made.labelled[lowest])
    )
    assert better > raw
    assert lost < 0.10

    free = treated(Policy(standardise=False, q_flip=1, anchors=0), found)
    assert (made.flips ^ (free["treatment"] == "flip").to_numpy()).mean() <= 0.06


@pytest.mark.parametrize("seed", SEEDS)
def test_clean_labels_stay(seed):
    """Section 3(g) 6, with and without the anchors; the paper's fixed cut turns 20 % of clean labels round."""
    made = fixture(seed, share=0.0)
    found = votes(made.labelled, trained(made.labelled, seed))
    shares = {
        name: (treated(policy, found)["treatment"] == "flip").sum() / COUNT
        for name, policy in {
            "default": PLAIN,
            "no anchors": Policy(standardise=False, anchors=0),
            "the paper's": Policy(standardise=False, anchors=0, rule="quantile"),
        }.items()
    }
    assert shares["default"] <= shares["no anchors"] <= 0.02
    assert shares["the paper's"] == pytest.approx(0.2, abs=0.001)
