from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.labels.evidence import Evidence
from curation.pairing import build_pairs
from curation.pairing.order_averaged import OrderAveraged, believed, mean
from tests.curation.pairing.planted import accuracy, both_orders, single_order, vote


def evidence(*said):
    """(verdict, shown first) on a and b."""
    return [Evidence(prompt_id="p", ballots=[vote(verdict, first=first) for verdict, first in said])]


@pytest.mark.parametrize(
    ("said", "chosen", "likely"),
    [
        pytest.param([("a", "a")], "a", 3 / 4, id="one-vote"),
        pytest.param([("a", "a"), ("a", "b")], "a", 3 / 4, id="both-orders-agree"),
        pytest.param(
            [("a", "a")] * 3 + [("b", "b")] * 2 + [("a", "b")], "a", (7 / 8 + 3 / 8) / 2, id="half-of-each-order"
        ),
        pytest.param([("b", None)] * 2, "b", 5 / 6, id="no-order-known"),
    ],
)
def test_each_order_counts_half(said, chosen, likely):
    """`methods/data.md` 2: p = (wins + 1/2) / (votes + 1) in an order, margin = logit(p)."""
    built = build_pairs(OrderAveraged(), evidence(*said))
    assert built.pairs[0].chosen_id == chosen
    assert built.members.column("soft_label").to_pylist() == pytest.approx([likely])
    assert built.members.column("margin").to_pylist() == pytest.approx([log(likely / (1 - likely))])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param([("a", "a"), ("b", "b")], "split_vote", id="always-the-first-place"),
        pytest.param([("a", "a")] * 5 + [("b", "b")] * 5, "split_vote", id="however-often"),
        pytest.param([("tie", "a"), ("tie", "b")], "tie", id="ties"),
        pytest.param([("a", "a"), ("tie", "b")], "unsure", id="half-a-win"),
    ],
)
def test_what_depends_on_the_order_makes_no_pair(said, reason):
    assert dict(build_pairs(OrderAveraged(least_probability=0.6), evidence(*said)).funnel.dropped) == {reason: 1}


def test_a_judge_drawn_to_a_place_is_right_once_both_orders_count(record_property):
    """`methods/data.md` 7(g)2: one order .657; its own log odds, averaged over both orders, 1.000."""
    planted = both_orders(20_000, sharpness=1, pull=1)
    assert single_order(*planted) == pytest.approx(0.657, abs=0.01)
    assert accuracy(OrderAveraged(log_odds=True), *planted) == (1.0, 1.0)
    record_property("position-biased judge", f"one order {single_order(*planted):.3f}, both orders' log odds 1.000")


def test_verdicts_alone_are_right_where_both_orders_agree():
    """`methods/data.md` 33.4: the deterministic judge agrees with itself on 31.6 %, and is right there."""
    kept, right = accuracy(OrderAveraged(), *both_orders(20_000, sharpness=1, pull=1))
    assert (kept, right) == (pytest.approx(0.316, abs=0.01), 1.0)


def test_a_judge_of_chance_agrees_with_itself_where_it_is_mostly_right():
    """`methods/data.md` 33.4: one order .748; agreement on 61.1 %, right in .907 of them."""
    planted = both_orders(20_000, sharpness=2, pull=1)
    assert single_order(*planted) == pytest.approx(0.748, abs=0.01)
    assert accuracy(OrderAveraged(), *planted) == pytest.approx((0.611, 0.907), abs=0.01)


@given(odds=st.tuples(st.floats(-900, 900), st.floats(-900, 900)))
def test_the_probabilities_of_both_sides_are_one_together(odds):
    """`methods/data.md` 7(g)2: p(a over b) + p(b over a) = 1 to 1e-9."""
    ballots = [
        vote("a" if odd > 0 else "b", first=first, strength=abs(odd) or None)
        for odd, first in zip(odds, "ab", strict=True)
    ]
    turned = [vote("b" if odd > 0 else "a", strength=abs(odd) or None) for odd in odds]
    one, other = mean([believed([ballot]) for ballot in ballots]), mean([believed([ballot]) for ballot in turned])
    assert one.a + other.a == pytest.approx(1, abs=1e-9)
    assert one.a + one.b == pytest.approx(1, abs=1e-9)


def test_a_vote_without_log_odds_is_left_out():
    assert dict(build_pairs(OrderAveraged(log_odds=True), evidence(("a", "a"))).funnel.dropped) == {"no_strength": 1}
