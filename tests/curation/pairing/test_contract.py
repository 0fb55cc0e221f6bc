"""What every pair builder promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.pairing import PAIR_BUILDERS, Ballot, Evidence, build_pairs
from schemas.datasets import fingerprint

FLIP = {"a": "b", "b": "a", "tie": "tie"}
names = st.sampled_from(["r1", "r2", "r3", "r4"])


@st.composite
def evidence(draw):
    scores = draw(st.dictionaries(names, st.none() | st.integers(1, 5).map(float), max_size=4))
    couples = draw(st.lists(st.tuples(names, names).filter(lambda pair: pair[0] < pair[1]), max_size=6))
    verdicts = draw(st.lists(st.sampled_from(["a", "b", "tie"]), min_size=6, max_size=6))
    ballots = [Ballot(a=a, b=b, verdict=v, strength=None) for (a, b), v in zip(couples, verdicts, strict=False)]
    return Evidence(prompt_id="p", scores=scores, ballots=ballots, label_sources=["x"])


@pytest.fixture(params=PAIR_BUILDERS.classes, scope="module")
def builder(request):
    return PAIR_BUILDERS.build(request.param)


@given(found=evidence())
def test_every_comparison_is_kept_or_dropped(builder, found):
    built = build_pairs(builder, [found])
    assert built.funnel.read == len(built.pairs) + len(built.drops)
    assert built.members.num_rows == len(built.pairs)


@given(found=evidence())
def test_no_pair_is_there_both_ways(builder, found):
    pairs = build_pairs(builder, [found]).pairs
    assert len({frozenset((pair.chosen_id, pair.rejected_id)) for pair in pairs}) == len(pairs)


@given(found=evidence())
def test_flipping_every_verdict_flips_every_pair(builder, found):
    flipped = Evidence(
        prompt_id="p",
        scores={key: None if score is None else -score for key, score in found.scores.items()},
        ballots=[Ballot(a=v.a, b=v.b, verdict=FLIP[v.verdict], strength=v.strength) for v in found.ballots],
        label_sources=["x"],
    )
    one, other = build_pairs(builder, [found]).pairs, build_pairs(builder, [flipped]).pairs
    if builder.name == "best_vs_worst" and len(set(found.scores.values())) < len(found.scores):
        return  # equal scores are ordered by hash, which a flip does not turn round
    assert {(pair.chosen_id, pair.rejected_id) for pair in one} == {(p.rejected_id, p.chosen_id) for p in other}


def test_the_same_evidence_gives_the_same_fingerprint(builder):
    found = Evidence(
        prompt_id="p", scores={"r1": 1.0, "r2": 3.0}, ballots=[Ballot(a="r1", b="r2", verdict="b", strength=2)]
    )
    assert fingerprint(build_pairs(builder, [found]).members) == fingerprint(build_pairs(builder, [found]).members)
