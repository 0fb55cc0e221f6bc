import pytest

from curation.importers.helpsteer2 import ATTRIBUTES, HelpSteer2, dialogue
from curation.provenance import Note
from curation.records import BadRow
from schemas.votes import Vote

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


def everyone(*strengths, **change):
    """A record with what each annotator said; the aggregate contradicts them."""
    said = [{"strength": one, "statement": f"It is {one}.", "elaboration": "See."} for one in strengths]
    return VOTE | {"preference_strength": 3, "all_preferences_unprocessed": said} | change


def test_each_annotator_has_a_vote_and_the_aggregate_none():
    _, one, two, *found = HelpSteer2().translate(everyone(-2, -2, 0, 1))
    ids = [one.response_id, two.response_id]
    assert [(vote.annotator, vote.strength, vote.justification) for vote in found] == [
        (f"helpsteer2/annotator_{place}", abs(strength), f"It is {strength}.\nSee.")
        for place, strength in enumerate((-2, -2, 0, 1), start=1)
    ]
    assert [vote.verdict for vote in found] == [{-1: "a", 0: "tie", 1: "b"}[sign if ids == sorted(ids) else -sign]
                                                for sign in (-1, -1, 0, 1)]  # fmt: skip
    assert len({vote.vote_id for vote in found}) == 4


@pytest.mark.parametrize("nothing", [None, []], ids=repr)
def test_the_aggregate_counts_where_there_is_no_more(nothing):
    *_, vote = HelpSteer2().translate(everyone(all_preferences_unprocessed=nothing))
    assert (vote.annotator, vote.strength, vote.justification) == ("helpsteer2/annotators", 3.0, "So.\nBecause.")


def test_who_found_neither_valid_is_told_and_has_no_vote():
    *_, first, told, last = HelpSteer2().translate(everyone(-1, -100, -2))
    assert (first.strength, last.strength, last.annotator) == (1.0, 2.0, "helpsteer2/annotator_3")
    assert told == Note(kind="neither answer valid", detail="annotator_2")
    with pytest.raises(BadRow, match="neither_answer_valid"):
        list(HelpSteer2().translate(everyone(-100, -100)))


def test_an_annotator_counts_without_an_aggregate():
    record = {key: value for key, value in everyone(1).items() if key != "preference_strength"}
    assert sum(isinstance(row, Vote) for row in HelpSteer2().translate(record)) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("none", "wrong_type"),
        ([-1], "wrong_type"),
        ([{"statement": "?"}], "unknown_strength"),
        ([{"strength": 4}], "unknown"),
    ],
    ids=str,
)
def test_annotators_of_another_shape_are_bad(said, reason):
    with pytest.raises(BadRow, match=reason):
        list(HelpSteer2().translate(everyone(all_preferences_unprocessed=said)))


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
