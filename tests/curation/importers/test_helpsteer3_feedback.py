import pytest

from curation.importers.helpsteer3_feedback import HelpSteer3Feedback
from curation.provenance import Note
from curation.records import BadRow
from schemas.scores import SCORES, Score

RECORD = {
    "domain": "general",
    "language": "english",
    "context": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "Name a river."},
    ],
    "response1": "The Po.",
    "response2": "A lake.",
    "feedback1": ["Correct and short.", "It answers."],
    "feedback2": ["A lake is no river."],
}


def rows(**changed):
    return list(HelpSteer3Feedback().translate(RECORD | changed))


def test_every_text_is_a_score_without_a_value_of_its_own_annotator():
    prompt, one, *rest = rows()
    assert [turn["content"] for turn in prompt.messages] == ["Hi", "Hello!", "Name a river."]
    scores = [row for row in rest if isinstance(row, Score)]
    (other,) = (row for row in rest if not isinstance(row, Score))
    assert [(score.response_id, score.judge, score.rationale) for score in scores] == [
        (one.response_id, "helpsteer3/annotator_1", "Correct and short."),
        (one.response_id, "helpsteer3/annotator_2", "It answers."),
        (other.response_id, "helpsteer3/annotator_1", "A lake is no river."),
    ]
    assert {(score.aspect, score.value, score.failure) for score in scores} == {("feedback", None, None)}


def test_no_two_texts_share_a_key():
    """Also where both responses are one text, and where two annotators say the same."""
    found = [row for row in rows(response2="The Po.", feedback2=["Correct and short."] * 2) if isinstance(row, Score)]
    assert len({tuple(getattr(score, name) for name in SCORES.key) for score in found}) == len(found) == 4


def test_a_context_may_be_one_text():
    assert [dict(turn) for turn in rows(context="Hi")[0].messages] == [{"role": "user", "content": "Hi"}]


def test_blank_feedback_is_left_out_and_told():
    found = rows(feedback1=["", "It answers."], feedback2=[])
    assert [row.rationale for row in found if isinstance(row, Score)] == ["It answers."]
    assert [row.judge for row in found if isinstance(row, Score)] == ["helpsteer3/annotator_2"]
    assert [(row.kind, row.detail) for row in found if isinstance(row, Note)] == [
        ("blank feedback left out", "feedback1, annotator 1")
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"feedback1": "Correct."}, "wrong_type", id="a-text-for-a-list"),
        pytest.param({"feedback2": [None]}, "wrong_type", id="a-text-that-is-none"),
        pytest.param({"response1": None}, "wrong_type", id="no-response"),
        pytest.param({"context": [{"role": "user"}]}, "wrong_type", id="a-turn-without-content"),
    ],
)
def test_a_record_of_another_kind_is_dropped(changed, reason):
    with pytest.raises(BadRow, match=reason):
        rows(**changed)


@pytest.mark.parametrize("column", ["context", "response1", "response2", "feedback1", "feedback2"])
def test_a_missing_column_is_named(column):
    with pytest.raises(BadRow, match=f"missing_column: {column}"):
        list(HelpSteer3Feedback().translate({name: value for name, value in RECORD.items() if name != column}))
