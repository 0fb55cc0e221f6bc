import random

import pytest

from curation.importers import import_paths
from curation.importers.tulu_human_eval import TuluHumanEval
from curation.pairing import Ballot, Evidence, build_pairs, gather
from curation.pairing.three_similar import ThreeSimilar, most_similar, strength_of


def votes(*strengths):
    """Votes on a and b: above 0 for a."""
    return Evidence(prompt_id="p", ballots=[_ballot(strength) for strength in strengths])


def _ballot(strength):
    verdict = "a" if strength > 0 else "b" if strength < 0 else "tie"
    return Ballot(a="a", b="b", verdict=verdict, strength=abs(float(strength)))


@pytest.mark.parametrize(
    ("strengths", "chosen", "margin"),
    [
        pytest.param([3, 3, 2], "a", 3, id="mean-2.67"),
        pytest.param([-2, -1, -3, 1], "b", 2, id="one-outlier"),
        pytest.param([2, 0, 1], "a", 1, id="a-tie-counts-as-0"),
        pytest.param([3, 1, 1], "a", 2, id="mean-1.67"),
        pytest.param([2, 2, 3, -1, 1], "a", 2, id="two-threes-of-one-range"),
        pytest.param([1, 2, 2, 1, -3], "a", 1, id="the-weaker-of-two"),
    ],
)
def test_the_three_most_similar_votes_decide(strengths, chosen, margin):
    built = build_pairs(ThreeSimilar(), [votes(*strengths)])
    assert built.pairs[0].chosen_id == chosen
    assert built.members.column("margin").to_pylist() == [margin]


@pytest.mark.parametrize(
    ("strengths", "reason"),
    [
        pytest.param([1, 1, -1], "tie", id="rounds-to-0"),
        pytest.param([-1, 0, 1], "tie", id="even"),
        pytest.param([-3, 0, 3], "votes_far_apart", id="range-6"),
        pytest.param([3, 3], "too_few_votes", id="two-votes"),
        pytest.param([-1, -1, -1, 1, 1, 1], "split_vote", id="three-against-three"),
    ],
)
def test_what_decides_nothing_makes_no_pair(strengths, reason):
    assert dict(build_pairs(ThreeSimilar(), [votes(*strengths)]).funnel.dropped) == {reason: 1}


def test_it_finds_planted_strengths_more_exactly_than_a_plain_mean():
    """Five votes with noise of 1, of which a tenth have the wrong sign (`methods/data.md` 33.5)."""
    chance = random.Random(0)
    rows = []
    for _ in range(20_000):
        true = chance.randint(-3, 3)
        noisy = [max(-3, min(3, round(true + chance.gauss(0, 1)))) for _ in range(5)]
        rows.append((true, [-vote if chance.random() < 0.1 else vote for vote in noisy]))
    threes = [(true, most_similar(said)[0]) for true, said in rows]
    similar = [(true, strength_of(three)) for true, three in threes if max(three) - min(three) <= 2]
    assert figures(similar, len(rows)) == pytest.approx((0.848, 0.972, 0.646), abs=0.03)
    plain = [(true, strength_of(said)) for true, said in rows]
    assert figures(plain, len(rows)) == pytest.approx((0.789, 0.992, 0.601), abs=0.03)


def figures(found, count):
    """Share of strengths that are not 0; of those that had one, how many have the right sign, and are exact."""
    kept = [(true, strength) for true, strength in found if strength]
    real = [(true, strength) for true, strength in kept if true]
    right = sum(true * strength > 0 for true, strength in real)
    return len(kept) / count, right / len(real), sum(true == strength for true, strength in real) / len(real)


def test_people_who_voted_on_real_answers(lake, real_data):
    import_paths(lake, TuluHumanEval(), [real_data / "tulu_human_eval"])
    prompts = lake.ask("prompts_of", sources=["tulu_human_eval"], most=None).select(["prompt_id"])
    nothing = prompts.rename_columns(["call_id"]).slice(0, 0)
    evidence = list(
        gather(lake.ask("scored", wanted=nothing), lake.ask("verdicts", prompts_in=prompts, wanted=nothing))
    )
    built = build_pairs(ThreeSimilar(least_votes=1), evidence)
    assert built.funnel.read == 996
    assert set(built.members.column("margin").to_pylist()) == {1.0, 2.0}
    assert built.funnel.kept == 665
    assert dict(built.funnel.dropped) == {"tie": 321, "votes_far_apart": 10}
