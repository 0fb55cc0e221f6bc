import pytest

from curation.labels.evidence import Ballot, Evidence
from curation.pairing import build_pairs
from curation.pairing.all_distinct import AllDistinct
from tests.curation.pairing.planted import rated, right


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


def test_a_wider_margin_keeps_fewer_pairs_and_better_ones(record_property):
    """`methods/data.md` 1(g)4: accuracy .896, .965, .992, .999 of a share of .93, .67, .43, .25."""
    evidence, quality = rated(3000)
    built = [build_pairs(AllDistinct(min_margin=margin), evidence["aspects"]) for margin in (0, 0.5, 1, 1.5)]
    accuracy = [right(found.pairs, quality) for found in built]
    kept = [len(found.pairs) / found.funnel.read for found in built]
    record_property("all_distinct at margins above 0, .5, 1, 1.5", f"{accuracy}, kept {kept}")
    assert accuracy == sorted(accuracy)
    assert kept == sorted(kept, reverse=True)
    assert accuracy == pytest.approx([0.896, 0.965, 0.992, 0.999], abs=0.01)
    assert kept == pytest.approx([0.93, 0.67, 0.43, 0.25], abs=0.02)
