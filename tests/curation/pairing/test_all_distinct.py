from curation.pairing import Ballot, Evidence, build_pairs
from curation.pairing.all_distinct import AllDistinct


def test_ties_unscored_and_small_margins_are_dropped_by_name():
    found = Evidence(prompt_id="p", scores={"a": 4.0, "b": 4.0, "c": 3.75, "d": 1.0, "e": None})
    built = build_pairs(AllDistinct(min_margin=0.25), [found])
    assert dict(built.funnel.dropped) == {"tie": 1, "small_margin": 2, "unscored": 4}
    assert {(pair.chosen_id, pair.rejected_id) for pair in built.pairs} == {("a", "d"), ("b", "d"), ("c", "d")}
    assert sorted(built.members.column("margin").to_pylist()) == [2.75, 3.0, 3.0]


def test_a_pair_that_both_orders_contradict_is_dropped():
    against = [Ballot(a="a", b="b", verdict="b", strength=None)] * 2
    found = Evidence(prompt_id="p", scores={"a": 4.0, "b": 2.0}, ballots=against)
    assert dict(build_pairs(AllDistinct(), [found]).funnel.dropped) == {"judges_disagree": 1}
    assert len(build_pairs(AllDistinct(heed_votes=False), [found]).pairs) == 1


def test_a_judge_that_prefers_a_position_cancels_itself_out():
    flips = [Ballot(a="a", b="b", verdict=verdict, strength=None) for verdict in ("a", "b")]
    found = Evidence(prompt_id="p", scores={"a": 4.0, "b": 2.0}, ballots=flips)
    assert len(build_pairs(AllDistinct(), [found]).pairs) == 1
