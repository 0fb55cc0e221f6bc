"""What every pair builder does with ties, and how it weighs pairs."""

import pytest
from pydantic import ValidationError

from curation.labels.evidence import Ballot, Evidence
from curation.pairing import PAIR_BUILDERS, build_pairs
from schemas.errors import ConfigError

INF_ORM = {1: 1, 2: 3, 3: 10}


def couple(prompt_id, *signed, scores=None):
    """Votes on a and b by strength, above 0 for a."""
    verdicts = [("a" if one > 0 else "b" if one < 0 else "tie", abs(float(one))) for one in signed]
    ballots = [Ballot(a="a", b="b", verdict=verdict, strength=strength) for verdict, strength in verdicts]
    return Evidence(prompt_id=prompt_id, ballots=ballots, scores=scores or {}, label_sources=["x"])


def members(builder, *evidence):
    built = build_pairs(PAIR_BUILDERS.build(builder), evidence)
    treated = built.members.select(["margin", "weight", "soft_label"]).to_pylist()
    return [tuple(row.values()) for row in treated], dict(built.funnel.dropped)


@pytest.mark.parametrize("name", ["majority", "three_similar", "dawid_skene", "weighted_vote", "order_averaged"])
def test_a_tie_is_a_drop_or_a_pair_that_says_so(name):
    assert members(name, couple("p", 0, 0, 0)) == ([], {"tie": 1})
    assert members({"name": name, "keep_ties": True}, couple("p", 0, 0, 0)) == ([(0.0, 1.0, 0.5)], {})


@pytest.mark.parametrize("name", ["all_distinct", "best_vs_worst", "best_vs_random", "best_vs_lower_random"])
def test_equal_scores_are_a_tie(name):
    equal = couple("p", scores={"a": 3.0, "b": 3.0})
    assert members({"name": name, "keep_ties": True}, equal) == ([(0.0, 1.0, 0.5)], {})
    near = couple("p", scores={"a": 3.0, "b": 3.5})
    assert members({"name": name, "keep_ties": True, "min_margin": 1}, near) == ([], {"small_margin": 1})


def test_what_is_split_or_unrated_is_no_tie():
    assert members({"name": "majority", "keep_ties": True}, couple("p", 1, -1)) == ([], {"split_vote": 1})
    unrated = couple("p", scores={"a": 3.0, "b": None})
    assert members({"name": "all_distinct", "keep_ties": True}, unrated) == ([], {"unscored": 1})


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        pytest.param(None, [1.0, 1.0, 1.0], id="absent"),
        pytest.param(INF_ORM, [1.0, 3.0, 10.0], id="inf-orm"),
        pytest.param("1 + margin", [2.0, 3.0, 4.0], id="one-more"),
    ],
)
def test_a_pair_weighs_by_its_strength(weights, found):
    """`methods/data.md` 0.5 and 6(c)7; negated strengths weigh the same."""
    for sign in (1, -1):
        evidence = [couple(f"p{strength}", *[sign * strength] * 3) for strength in (1, 2, 3)]
        rows, _ = members({"name": "three_similar", "weights": weights}, *evidence)
        assert rows == [(float(margin), weight, 1.0) for margin, weight in zip((1, 2, 3), found, strict=True)]


def test_a_tie_weighs_one_whatever_the_table_says():
    rows, _ = members({"name": "majority", "keep_ties": True, "weights": {2: 7}}, couple("p", 0), couple("q", 2))
    assert rows == [(0.0, 1.0, 0.5), (2.0, 7.0, 1.0)]


def test_a_margin_without_a_weight_is_a_mistake_in_the_recipe():
    with pytest.raises(ConfigError, match=r"majority: there is no weight for a margin of 1.5; add it to `weights`."):
        members({"name": "majority", "weights": INF_ORM}, couple("p", 1, 2))


@pytest.mark.parametrize("weights", ["margin", {1: 0}, {1: -1}, {"slightly": 1}], ids=str)
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises((ConfigError, ValidationError), match="weights"):
        PAIR_BUILDERS.build({"name": "majority", "weights": weights})


def test_a_table_survives_its_spec():
    builder = PAIR_BUILDERS.build({"name": "majority", "weights": INF_ORM})
    assert PAIR_BUILDERS.build(builder.spec()) == builder
