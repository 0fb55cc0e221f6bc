import random
from dataclasses import replace

import pytest
import torch

from curation.importers.helpsteer2 import HelpSteer2
from curation.importers.tulu_human_eval import TuluHumanEval
from curation.importing import import_paths
from curation.labels.evidence import Ballot, Evidence, gather
from curation.pairing import build_pairs
from curation.pairing.three_similar import ThreeSimilar, most_similar, strength_of
from schemas.votes import Vote
from training.objectives.reward import PairRewards
from training.objectives.reward.bradley_terry import BradleyTerry


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


@pytest.mark.parametrize(
    ("strengths", "chosen", "margin"),
    [([1, 0], "a", 1), ([-1, 0], "b", 1), ([1, 2], "a", 2), ([-2, -1], "b", 2), ([3, 2], "a", 3)],
    ids=str,
)
def test_a_half_is_rounded_away_from_nought(strengths, chosen, margin):
    """To the even number, as computers round, 0.5 would be a tie and 1.5 and 2.5 the same strength."""
    built = build_pairs(ThreeSimilar(least_votes=2), [votes(*strengths)])
    assert built.pairs[0].chosen_id == chosen
    assert built.members.column("margin").to_pylist() == [margin]


@pytest.mark.parametrize("signed", [[-3, -2, -2], [1, 2, 2, -1], [3, -100, 2, 2]])
def test_swapped_responses_with_negated_strengths_are_the_same_pair(signed):
    """`methods/data.md` 6(g)4, through the importer; the -100 of an annotator who found neither valid goes first."""
    swapped = [-strength if strength != -100 else strength for strength in signed]
    one, other = pairs_of("one", "two", signed), pairs_of("two", "one", swapped)
    assert one == other
    assert len(one) == 1


def pairs_of(first, second, strengths):
    said = [{"strength": strength, "statement": "So.", "elaboration": "See."} for strength in strengths]
    record = {"prompt": "Hi", "response_1": first, "response_2": second, "all_preferences_unprocessed": said}
    votes = [row for row in HelpSteer2().translate(record) if isinstance(row, Vote)]
    ballots = [Ballot(a=one.response_a, b=one.response_b, verdict=one.verdict, strength=one.strength) for one in votes]
    return build_pairs(ThreeSimilar(), [Evidence(prompt_id="p", ballots=ballots)]).pairs


def test_a_reward_model_reads_the_strength_as_margin_or_as_weight():
    """`methods/data.md` 6(g)2-3: gradients and losses at a difference of 0; weight 3 is the pair three times."""
    evidence = [replace(votes(*[step] * 3), prompt_id=f"p{step}") for step in (1, 2, 3)]
    strengths = build_pairs(ThreeSimilar(), evidence).members.column("margin").to_pylist()
    assert [losses(margin=m) for m in strengths] == pytest.approx([1.313262, 2.126928, 3.048587])
    assert [losses(margin=m, slope=True) for m in strengths] == pytest.approx([0.731059, 0.880797, 0.952574])
    assert [losses(weight=m) for m in strengths] == pytest.approx([0.693147, 1.386294, 2.079442])
    assert [losses(weight=m, slope=True) for m in strengths] == pytest.approx([0.5, 1.0, 1.5])
    assert losses(weight=3.0, difference=0.7) == pytest.approx(3 * losses(difference=0.7), abs=1e-6)


def losses(margin=0.0, weight=1.0, difference=0.0, slope=False):
    """The loss of one pair, or how steeply it falls with the difference of rewards."""
    chosen = torch.tensor([difference], requires_grad=True)
    one = torch.ones(1)
    rewards = PairRewards(chosen, 0 * one, margin=margin * one, weight=weight * one, soft_label=one)
    loss = BradleyTerry(use_margin=True)(rewards).loss
    loss.backward()
    return -chosen.grad.item() if slope else loss.item()


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
    undecided = [len({strength_of(three) for three in closest(said)}) > 1 for _, said in rows]
    assert sum(undecided) / len(rows) == pytest.approx(0.212, abs=0.02)


def closest(strengths):
    """All threes of the least range: what the paper leaves open is which of them counts."""
    ordered = sorted(strengths)
    threes = [ordered[start : start + 3] for start in range(len(ordered) - 2)]
    return [three for three in threes if three[-1] - three[0] == min(one[-1] - one[0] for one in threes)]


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
        gather(
            lake.ask("scored", aspects=None, later=[], wanted=nothing),
            lake.ask("verdicts", prompts_in=prompts, wanted=nothing),
        )
    )
    built = build_pairs(ThreeSimilar(least_votes=1), evidence)
    assert built.funnel.read == 996
    assert set(built.members.column("margin").to_pylist()) == {1.0, 2.0}
    assert built.funnel.kept == 665
    assert dict(built.funnel.dropped) == {"tie": 321, "votes_far_apart": 10}
