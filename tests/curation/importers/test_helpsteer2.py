import pytest

from curation.importers.helpsteer2 import ATTRIBUTES, HelpSteer2, dialogue
from curation.records import BadRow

VOTE = {"prompt": "Hi", "response_1": "one", "response_2": "two", "preference_statement": "So.",
        "preference_elaboration": "Because."}  # fmt: skip


@pytest.mark.parametrize(
    ("signed", "winner", "strength"), [(-3, "one", 3.0), (-1, "one", 1.0), (0, None, 0.0), (2, "two", 2.0)]
)
def test_a_negative_strength_means_response_one(signed, winner, strength):
    _, one, two, vote = HelpSteer2().translate(VOTE | {"preference_strength": signed})
    won = {"a": vote.response_a, "b": vote.response_b, "tie": None}[vote.verdict]
    assert {one.response_id: "one", two.response_id: "two", None: None}[won] == winner
    assert (vote.strength, vote.justification, vote.annotator_kind) == (strength, "So.\nBecause.", "human")


def test_swapped_and_negated_is_the_same_preference():
    swapped = VOTE | {"response_1": "two", "response_2": "one", "preference_strength": 2}
    first, second = (list(HelpSteer2().translate(r))[-1] for r in (VOTE | {"preference_strength": -2}, swapped))
    assert (first.verdict, first.response_a, first.strength) == (second.verdict, second.response_a, second.strength)


@pytest.mark.parametrize(
    ("strength", "reason"), [(-100, "neither_answer_valid"), (4, "unknown_strength"), (None, "unknown_strength")]
)
def test_a_strength_that_is_none_is_a_drop(strength, reason):
    with pytest.raises(BadRow, match=reason):
        list(HelpSteer2().translate(VOTE | {"preference_strength": strength}))


def test_five_attributes_are_five_scores():
    record = {"prompt": "Hi", "response": "Hello!"} | {name: place for place, name in enumerate(ATTRIBUTES)}
    _, _, *scores = HelpSteer2().translate(record)
    assert {score.aspect: score.value for score in scores} == {name: place for place, name in enumerate(ATTRIBUTES)}
    assert {(score.scale_lo, score.scale_hi) for score in scores} == {(0.0, 4.0)}
    with pytest.raises(ValueError, match="outside"):
        list(HelpSteer2().translate(record | {"verbosity": 5}))


def test_later_turns_of_a_prompt_are_read():
    text = "c#<extra_id_1>Assistant\nA language.\n<extra_id_1>User\nWhy?"
    assert [(turn["role"], turn["content"]) for turn in dialogue(text)] == [
        ("user", "c#"),
        ("assistant", "A language."),
        ("user", "Why?"),
    ]
