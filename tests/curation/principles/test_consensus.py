"""Acceptance 5(g)1-3 of methods/data.md, and simulation 33.6."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.principles.consensus import by_consensus, contradicted, cosines, support, supports, theta_for

THREE = {"r": {"ann", "bob", "cid"}}


def at_cosine(value, dimension):
    """A unit vector with this cosine to the first axis."""
    vector = np.zeros(4)
    vector[0], vector[dimension] = value, np.sqrt(1 - value * value)
    return vector


@pytest.mark.parametrize(
    ("second", "third", "kept"),
    [
        pytest.param(0.81, 0.85, True, id="both-above"),
        pytest.param(0.81, 0.79, False, id="one-below"),
        pytest.param(0.80, 0.85, False, id="exactly-at"),
        pytest.param(0.800001, 0.800001, True, id="just-above"),
        pytest.param(-0.9, 0.99, False, id="opposite"),
    ],
)
def test_every_other_annotator_must_name_it(said, second, third, kept):
    cosine = np.array([[1, second, third], [second, 1, 0.5], [third, 0.5, 1]])
    assert (support(cosine, np.array([0, 1, 2]), 3)[0] > 0.8) == kept

    vectors = {"p": at_cosine(1, 1), "q": at_cosine(second, 1), "s": at_cosine(third, 2)}
    rows = by_consensus([said("ann", "p"), said("bob", "q"), said("cid", "s")], THREE, vectors, 0.8)
    found = {row.principle: (row.kept, row.reason) for row in rows}
    assert found["p"] == ((True, None) if kept else (False, "no_consensus"))


def test_the_best_of_an_annotators_principles_counts():
    cosine = np.eye(4)
    cosine[0, 1:] = cosine[1:, 0] = [0.2, 0.9, 0.85]
    assert support(cosine, np.array([0, 1, 1, 2]), 3)[0] == 0.85


def test_an_annotator_without_a_principle_agrees_with_nobody(said):
    rows = [said("ann", "p"), said("bob", "p")]
    vectors = {"p": at_cosine(1, 1)}
    assert all(row.kept for row in by_consensus(rows, {"r": {"ann", "bob"}}, vectors, 0.8))
    assert not any(row.kept for row in by_consensus(rows, THREE, vectors, 0.8))


def test_one_annotator_is_no_consensus(said):
    (row,) = by_consensus([said("ann", "p")], {"r": {"ann"}}, {"p": at_cosine(1, 1)}, -1.0)
    assert (row.kept, row.reason) == (False, "single_annotator")


def test_nobody_agrees_with_oneself():
    """Two equal principles of one annotator, and one annotator who says something else."""
    cosine = np.array([[1.0, 1.0, 0.1], [1.0, 1.0, 0.1], [0.1, 0.1, 1.0]])
    assert support(cosine, np.array([0, 0, 1]), 2).tolist() == [0.1, 0.1, 0.1]


def test_responses_do_not_agree_with_each_other(said):
    rows = [said("ann", "p", response="r"), said("bob", "p", response="s")]
    asked = {"r": {"ann", "bob"}, "s": {"ann", "bob"}}
    assert not any(row.kept for row in by_consensus(rows, asked, {"p": at_cosine(1, 1)}, 0.8))


def test_a_principle_that_fell_out_earlier_supports_nobody(said):
    rows = [said("ann", "p"), replace(said("bob", "p"), kept=False, reason="short_span")]
    found = by_consensus(rows, {"r": {"ann", "bob"}}, {"p": at_cosine(1, 1)}, 0.8)
    assert sorted(row.reason for row in found) == ["no_consensus", "short_span"]


@pytest.mark.parametrize(
    ("labels", "reasons"),
    [
        pytest.param("yes yes yes", {None}, id="one-label"),
        pytest.param("yes yes no", {"label_conflict"}, id="one-disagrees"),
        pytest.param("yes partially yes", {"label_conflict"}, id="partially-is-another-label"),
    ],
)
def test_matched_principles_with_two_labels_are_dropped(said, labels, reasons):
    rows = [said(who, "p", label) for who, label in zip(("ann", "bob", "cid"), labels.split(), strict=True)]
    found = by_consensus(rows, THREE, {"p": at_cosine(1, 1)}, 0.8)
    assert {row.reason for row in found} == reasons


def test_only_what_matches_can_contradict():
    cosine = np.array([[1, 0.9, 0.8], [0.9, 1, 0.95], [0.8, 0.95, 1]])
    labels = np.array(["yes", "yes", "no"])
    assert contradicted(cosine, labels, 0.8).tolist() == [False, True, True]


def simulated(seed, said, responses=20, shared=3, jitter=0.25, dimensions=64):
    """33.6: each annotator names three shared topics and a private one, each name jittered in every dimension."""
    rng = np.random.default_rng(seed)
    rows, vectors = [], {}
    for number in range(responses):
        topics = rng.normal(size=(shared, dimensions))
        for who in ("ann", "bob", "cid"):
            for place, topic in enumerate([*topics, rng.normal(size=dimensions)]):
                name = f"{'shared' if place < shared else 'private'} {number} {who} {place}"
                vectors[name] = topic + jitter * rng.normal(size=dimensions)
                rows.append(said(who, name, response=f"r{number}"))
    return rows, {f"r{number}": set(THREE["r"]) for number in range(responses)}, vectors


@pytest.mark.parametrize("seed", range(5))
def test_shared_topics_are_kept_and_private_ones_are_not(said, seed):
    """Recall of shared topics is 1.00 and of private ones 0.00 at 0.8."""
    found = by_consensus(*simulated(seed, said), 0.8)
    recall = {
        kind: np.mean([row.kept for row in found if row.principle.startswith(kind)]) for kind in ("shared", "private")
    }
    assert recall == {"shared": 1.0, "private": 0.0}


@given(seed=st.integers(0, 10_000), jitter=st.floats(0.1, 1.5))
def test_a_higher_threshold_never_keeps_more(said, seed, jitter):
    material = simulated(seed, said, responses=3, jitter=jitter, dimensions=8)
    kept = [
        {row.principle for row in by_consensus(*material, theta) if row.kept} for theta in (0.5, 0.7, 0.8, 0.9, 0.99)
    ]
    for less, more in zip(kept[1:], kept, strict=False):
        assert less <= more


@given(order=st.permutations(range(12)))
def test_the_order_of_the_rows_decides_nothing(said, order):
    rows, annotators, vectors = simulated(3, said, responses=1, jitter=0.6)
    found = by_consensus([rows[place] for place in order], annotators, vectors, 0.8)
    assert found == by_consensus(rows, annotators, vectors, 0.8)


@given(st.lists(st.floats(-1, 0.999), min_size=2, max_size=60, unique=True), st.floats(0.02, 0.9))
def test_a_tuned_threshold_keeps_no_more_than_the_share_and_the_next_lower_one_does(values, share):
    theta = theta_for(np.array(values), share)
    wanted = share * len(values)
    assert sum(value > theta for value in values) <= wanted
    lower = [value for value in values if value < theta]
    if lower:
        assert sum(value > max(lower) for value in values) > wanted


def test_a_threshold_is_tuned_on_what_consensus_compares(said):
    material = simulated(1, said, jitter=0.7)
    theta = theta_for(supports(*material))
    found = by_consensus(*material, theta)
    kept = sum(row.kept for row in found) / len(found)
    assert 1 / 12 - 1 / len(found) <= kept <= 1 / 12


@pytest.mark.parametrize("values", [[], [-np.inf, -np.inf]])
def test_without_a_second_annotator_no_threshold_can_be_tuned(values):
    with pytest.raises(ValueError, match="several people"):
        theta_for(np.array(values))


def test_equal_names_are_kept_whatever_the_share():
    values = np.array([1.0] * 9 + [0.4])
    assert (values > theta_for(values, 0.1)).sum() == 9


def test_where_fewer_have_a_counterpart_than_wanted_all_of_them_are_kept():
    values = np.array([0.2, 0.1, -np.inf, -np.inf])
    assert (values > theta_for(values, 0.9)).sum() == 2


@pytest.mark.parametrize("bad", [np.zeros(4), np.array([1.0, np.nan, 0, 0]), np.array([np.inf, 0, 0, 0])])
def test_a_vector_without_a_direction_is_an_error(bad):
    with pytest.raises(ValueError, match="embedding"):
        cosines(np.stack([np.ones(4), bad]))
