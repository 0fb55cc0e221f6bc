import pytest

from curation.labels.evidence import Evidence
from curation.pairing import build_pairs
from curation.pairing.dawid_skene import DawidSkene
from curation.pairing.majority import Majority
from tests.curation.pairing.planted import accuracy, crowd, vote

ANNOTATORS = {
    **{f"good {i}": (0.95, 0.0) for i in range(3)},
    **{f"poor {i}": (0.55, 0.0) for i in range(4)},
    **{f"drawn to the first place {i}": (0.9, 0.6) for i in range(3)},
}


@pytest.fixture(scope="module")
def planted():
    return crowd(1500, ANNOTATORS, votes=5)


def test_known_annotators_beat_a_majority_of_unknown_ones(planted, record_property):
    found, plain = (accuracy(builder, *planted) for builder in (DawidSkene(), Majority()))
    record_property("Dawid-Skene beside majority, 10 planted annotators", f"{found[1]:.3f} beside {plain[1]:.3f}")
    assert found[1] > plain[1] + 0.08
    assert found[1] > 0.93


def test_soft_labels_are_the_share_that_is_right(planted):
    evidence, truths = planted
    built = build_pairs(DawidSkene(), evidence)
    right = [truths[pair.prompt_id] == pair.chosen_id for pair in built.pairs]
    labels = built.members.column("soft_label").to_pylist()
    assert sum(labels) / len(labels) == pytest.approx(sum(right) / len(right), abs=0.02)
    doubtful = [hit for hit, label in zip(right, labels, strict=True) if label < 0.9]
    assert sum(doubtful) / len(doubtful) < sum(right) / len(right) - 0.1


def test_what_is_unsure_is_dropped_and_what_is_left_is_better(planted):
    shares = [accuracy(DawidSkene(least_probability=least), *planted) for least in (0.5, 0.8, 0.95, 0.99)]
    kept, right = zip(*shares, strict=True)
    assert list(kept) == sorted(kept, reverse=True)
    assert list(right) == sorted(right)
    built = build_pairs(DawidSkene(least_probability=0.95), planted[0])
    assert set(built.funnel.dropped) == {"unsure"}


def test_a_verdict_for_the_favoured_place_weighs_less():
    """One annotator on each couple: of those drawn to a place, the verdict against it is the better evidence."""
    evidence, _ = crowd(600, ANNOTATORS, votes=5, seed=1)
    name = "drawn to the first place 0"
    asked = [
        Evidence(prompt_id=f"q{first}", ballots=[vote("a", name, first)])
        for first in "ab"  # for the first place, and against it
    ]
    built = build_pairs(DawidSkene(), [*evidence, *asked])
    by_prompt = dict(
        zip([pair.prompt_id for pair in built.pairs], built.members.column("soft_label").to_pylist(), strict=True)
    )
    assert by_prompt["qb"] > by_prompt["qa"] + 0.1


def test_ties_are_a_verdict_of_their_own():
    said = [[vote(verdict, who, "a") for who in "xyz"] for verdict in ("a", "b", "tie") * 5]
    evidence = [Evidence(prompt_id=f"p{i}", ballots=ballots) for i, ballots in enumerate(said)]
    assert dict(build_pairs(DawidSkene(), evidence).funnel.dropped) == {"tie": 5}
    assert dict(build_pairs(DawidSkene(heed_ties=False), evidence).funnel.dropped) == {"tie": 5}
