import pytest

from curation.labels.evidence import Evidence
from curation.pairing import build_pairs
from curation.pairing.best_vs_lower_random import BestVsLowerRandom


def built(builder, **scores):
    return build_pairs(builder, [Evidence(prompt_id="p", scores=scores)])


def test_only_lower_scores_are_drawn():
    pairs = [built(BestVsLowerRandom(seed=seed), a=5.0, b=5.0, c=3.0, d=2.0).pairs for seed in range(200)]
    assert {len(found) for found in pairs} == {1}
    rejected = [found[0].rejected_id for found in pairs]
    assert set(rejected) == {"c", "d"}
    assert rejected.count("c") == pytest.approx(100, abs=40)


def test_a_margin_narrows_the_draw():
    pairs = [built(BestVsLowerRandom(seed=seed, min_margin=2.0), a=5.0, b=3.0, c=2.5).pairs[0] for seed in range(20)]
    assert {pair.rejected_id for pair in pairs} == {"c"}


@pytest.mark.parametrize(
    ("scores", "margin", "dropped"),
    [
        pytest.param({"a": 5.0, "b": 5.0}, 0.0, {"tie": 1}, id="all-equal"),
        pytest.param({"a": 5.0, "b": 4.8}, 0.5, {"small_margin": 1}, id="all-near"),
        pytest.param({"a": 5.0, "b": None}, 0.0, {}, id="one-rated"),
    ],
)
def test_a_prompt_without_a_lower_score_makes_no_pair(scores, margin, dropped):
    assert dict(built(BestVsLowerRandom(min_margin=margin), **scores).funnel.dropped) == dropped
