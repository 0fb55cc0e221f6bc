"""What every pair builder promises."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.labels.evidence import Ballot, Evidence
from curation.pairing import PAIR_BUILDERS, ByCrowd, build_pairs
from schemas.datasets import fingerprint

FLIP = {"a": "b", "b": "a", "tie": "tie"}
ONE_PAIR = ("best_vs_worst", "best_vs_random", "best_vs_lower_random")
"""These choose one couple of each prompt, and another where the best is the worst."""
names = st.sampled_from(["r1", "r2", "r3", "r4"])
couples = st.sampled_from(list(combinations(["r1", "r2", "r3", "r4"], 2)))
few = settings(max_examples=10)
"""A label model takes some tenths of a second; each example has several prompts."""


@st.composite
def ballots(draw):
    a, b = draw(couples)
    verdict, strength = draw(st.sampled_from(["a", "b", "tie"])), draw(st.none() | st.sampled_from([1.0, 2.0]))
    first, annotator = draw(st.sampled_from([a, b, None])), draw(st.sampled_from(["x", "y"]))
    return Ballot(a=a, b=b, verdict=verdict, strength=strength, annotator=annotator, shown_first=first)


scores = st.dictionaries(names, st.none() | st.integers(1, 5).map(float), max_size=4)
prompts = st.lists(st.tuples(scores, st.lists(ballots(), max_size=6)), min_size=1, max_size=6).map(
    lambda found: [
        Evidence(prompt_id=f"p{number}", scores=rated, ballots=voted, label_sources=["x"])
        for number, (rated, voted) in enumerate(found)
    ]
)


def flipped(found):
    return replace(
        found,
        scores={key: None if score is None else -score for key, score in found.scores.items()},
        ballots=[replace(ballot, verdict=FLIP[ballot.verdict]) for ballot in found.ballots],
    )


def directions(builder, evidence):
    return {(pair.prompt_id, pair.chosen_id, pair.rejected_id) for pair in build_pairs(builder, evidence).pairs}


@pytest.fixture(params=PAIR_BUILDERS.classes, scope="module")
def builder(request):
    fast = {"mace": {"rounds": 10}}.get(request.param, {})
    return PAIR_BUILDERS.build({"name": request.param, **fast})


@few
@given(found=prompts)
def test_every_comparison_is_kept_once_or_dropped_and_speaks_for_its_chosen_side(builder, found):
    built = build_pairs(builder, found)
    assert built.funnel.read == len(built.pairs) + len(built.drops)
    assert built.members.num_rows == len(built.pairs)
    couples = {(pair.prompt_id, frozenset((pair.chosen_id, pair.rejected_id))) for pair in built.pairs}
    assert len(couples) == len(built.pairs)
    assert all(len(sides) == 2 for _, sides in couples)  # no response is compared with itself
    assert all(margin >= 0 for margin in built.members.column("margin").to_pylist())
    assert all(0.5 <= label <= 1 for label in built.members.column("soft_label").to_pylist())


@few
@given(found=prompts)
def test_flipping_every_verdict_flips_every_pair(builder, found):
    one, other = directions(builder, found), directions(builder, map(flipped, found))
    back = {(prompt, rejected, chosen) for prompt, chosen, rejected in other}
    assert not one & other
    assert one == back or builder.name in ONE_PAIR


@few
@given(found=prompts, change=st.randoms(use_true_random=False))
def test_the_order_of_prompts_and_votes_changes_nothing(builder, found, change):
    mixed = [replace(group, ballots=change.sample(group.ballots, len(group.ballots))) for group in found]
    assert directions(builder, found) == directions(builder, change.sample(mixed, len(mixed)))


def test_the_same_evidence_gives_the_same_fingerprint(builder):
    found = Evidence(
        prompt_id="p", scores={"r1": 1.0, "r2": 3.0}, ballots=[Ballot(a="r1", b="r2", verdict="b", strength=2)]
    )
    assert fingerprint(build_pairs(builder, [found]).members) == fingerprint(build_pairs(builder, [found]).members)


def test_prompts_that_say_nothing_make_nothing(builder):
    assert build_pairs(builder, []).funnel.read == 0
    assert build_pairs(builder, [Evidence(prompt_id="p")]).funnel.read == 0


def test_only_label_models_learn_from_other_prompts(builder):
    """Two who agree with all others against two who contradict them, on a couple of another prompt."""
    split = Evidence(prompt_id="p", ballots=[*voted("good", "a", 2), *voted("bad", "b", 2)])
    others = [
        Evidence(
            prompt_id=f"q{i}", ballots=[*voted("good", said, 2), *voted("fair", said, 3), *voted("bad", FLIP[said], 2)]
        )
        for i, said in enumerate("abab")
    ]
    alone, among = (
        [found.better for group, found in builder.over_all(groups) if group is split and not found.dropped]
        for groups in ([split], [split, *others])
    )
    assert not alone
    assert among == (["a"] if isinstance(builder, ByCrowd) else [])


def voted(who, verdict, times):
    return [
        Ballot(a="a", b="b", verdict=verdict, annotator=f"{who} {i}", shown_first="ab"[i % 2]) for i in range(times)
    ]
