import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rubrics.ranking import by_scores, by_votes, ensemble, induced, spread


@pytest.mark.parametrize(
    ("net", "best_first"),
    [
        pytest.param({("a", "b"): 2}, ["a", "b"], id="one-pair"),
        pytest.param({("a", "b"): -1}, ["b", "a"], id="a-loser-first"),
        pytest.param({("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 1}, ["a", "b", "c"], id="three"),
        pytest.param({("a", "b"): 1, ("c", "d"): 1}, ["a", "b"], id="two-pairs-that-nobody-compared"),
        pytest.param({("a", "b"): 1, ("b", "c"): 1}, ["a", "b"], id="a-chain-is-no-order"),
        pytest.param({("a", "b"): 1, ("b", "c"): 1, ("a", "c"): -1}, ["a", "b"], id="a-circle"),
        pytest.param({}, [], id="no-votes"),
    ],
)
def test_an_order_by_votes_holds_pairs_that_were_voted_on(net, best_first):
    assert by_votes(net, most=4) == best_first


@given(
    st.dictionaries(
        st.tuples(*[st.sampled_from("abcdef")] * 2).filter(lambda p: p[0] < p[1]), st.integers(-2, 2).filter(bool)
    ),
    st.integers(2, 6),
)
def test_every_pair_of_an_order_was_won(net, most):
    found = by_votes(net, most)
    assert len(found) <= most
    for better, worse in induced(found):
        assert net.get((better, worse), 0) > 0 or net.get((worse, better), 0) < 0


def test_equal_scores_have_no_order():
    assert by_scores({"a": 1.0, "b": 3.0, "c": 3.0, "d": 0.0}, most=4) == ["b", "a", "d"]
    assert by_scores({"a": 1.0, "b": 1.0}, most=2) == ["a"]


@pytest.mark.parametrize(("most", "kept"), [(2, "ae"), (3, "ace"), (4, "abde"), (5, "abcde"), (9, "abcde")], ids=str)
def test_the_best_and_the_worst_stay(most, kept):
    assert spread("abcde", most) == list(kept)


def test_an_ensemble_is_the_mean_of_z_scores():
    """One judge rates 1, 2, 3 (z: -1.2247, 0, 1.2247), the other 0, 0, 300 (z: -0.7071, -0.7071, 1.4142)."""
    ratings = [("one", "a", 1.0), ("one", "b", 2.0), ("one", "c", 3.0)]
    ratings += [("two", "a", 0.0), ("two", "b", 300.0), ("two", "c", 0.0)]
    mean = ensemble(ratings)
    assert mean == {
        "a": pytest.approx((-1.224745 - 0.707107) / 2),
        "b": pytest.approx((0 + 1.414214) / 2),
        "c": pytest.approx((1.224745 - 0.707107) / 2),
    }
    assert by_scores(mean, most=2) == ["b", "a"]


def test_what_one_of_an_ensemble_left_out_has_no_mean():
    assert ensemble([("one", "a", 1.0), ("one", "b", 2.0), ("two", "a", 5.0)]).keys() == {"a"}
    assert ensemble([]) == {}


def test_an_annotator_that_rates_all_alike_says_nothing():
    assert ensemble([("one", "a", 4.0), ("one", "b", 4.0)]) == {"a": 0.0, "b": 0.0}


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=6, unique=True), st.floats(0.1, 100), st.floats(-50, 50))
def test_the_scale_of_an_annotator_does_not_matter(values, factor, shift):
    values = [round(value, 3) for value in values]
    plain = ensemble(("one", str(n), value) for n, value in enumerate(values))
    scaled = ensemble(("one", str(n), factor * value + shift) for n, value in enumerate(values))
    assert plain == pytest.approx(scaled, abs=1e-6)
