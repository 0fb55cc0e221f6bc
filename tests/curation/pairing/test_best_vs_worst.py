from curation.labels.evidence import Evidence
from curation.pairing import build_pairs
from curation.pairing.best_vs_worst import BestVsWorst


def test_one_pair_with_the_largest_margin():
    found = Evidence(prompt_id="p", scores={"a": 2.0, "b": 5.0, "c": 1.5, "d": None})
    (pair,) = build_pairs(BestVsWorst(), [found]).pairs
    assert (pair.chosen_id, pair.rejected_id) == ("b", "c")


def test_one_rated_response_is_no_comparison():
    assert build_pairs(BestVsWorst(), [Evidence(prompt_id="p", scores={"a": 2.0, "b": None})]).funnel.read == 0
