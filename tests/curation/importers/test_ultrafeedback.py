import json

import pyarrow as pa
import pytest

from curation.importers.ultrafeedback import ASPECT_SCALE, OVERALL_SCALE, UltraFeedback, read_rating
from curation.importing import import_paths
from curation.records import BadRow
from schemas.responses import Response
from schemas.scores import SCORES, Score
from warehouse import query


def completion(overall, *ratings, model="m"):
    aspects = ("instruction_following", "honesty", "truthfulness", "helpfulness")
    found = {aspect: {"Rating": str(r), "Rationale": "so"} for aspect, r in zip(aspects, ratings, strict=False)}
    answer = {"model": model, "response": f"answer of {model}", "annotations": found}
    return answer | {"overall_score": overall, "critique": "hm"}


def scores(*completions):
    rows = UltraFeedback().translate({"instruction": "Hi", "completions": list(completions)})
    return {row.aspect: row for row in rows if isinstance(row, Score)}


@pytest.mark.parametrize(
    ("raw", "value"),
    [("1", 1), ("10", 10), ("8/10", 8), ("1/10", 1), ("8.5", 8.5), (7, 7), (8.0, 8), (" 8 ", 8), (1, 1)],
)
def test_a_rating_is_what_is_written(raw, value):
    assert read_rating(raw, OVERALL_SCALE) == (value, None)


@pytest.mark.parametrize("raw", ["11", "0", "good", "", None, "8 or 9", "-3", "__import__('os')", "10/100", "nan"])
def test_anything_else_is_a_failure_and_no_number(raw):
    assert read_rating(raw, OVERALL_SCALE) == (None, "unparseable")


def test_not_applicable_is_neither_value_nor_failure():
    assert read_rating("N/A", ASPECT_SCALE) == (None, None)


@pytest.mark.parametrize(
    ("ratings", "value", "failure"),
    [
        pytest.param((1, 2, 1, 2), 1.0, None, id="harsh"),
        pytest.param((2, 2, 2, 2), 1.0, None, id="exactly-two"),
        pytest.param((2, 2, 2, 3), None, "inverted_or_not", id="above-two"),
        pytest.param((4, 4, 4, 4), None, "inverted_or_not", id="exactly-four"),
        pytest.param((4, 4, 4, 5), 10.0, None, id="above-four"),
        pytest.param(("N/A",) * 4, None, "inverted_or_not", id="not-rated"),
        pytest.param((), None, "inverted_or_not", id="no-ratings"),
    ],
)
def test_an_overall_ten_is_read_beside_the_aspects(ratings, value, failure):
    overall = scores(completion(10, *ratings))["overall"]
    assert (overall.value, overall.failure, overall.rationale) == (value, failure, "hm")


def test_other_overall_scores_stay():
    assert scores(completion(9, 1, 1, 1, 1))["overall"].value == 9
    assert scores(completion("7", 1, 1, 1, 1))["overall"].value == 7
    assert "overall" not in scores(completion(None, 5))


def test_an_empty_list_of_annotations_is_a_failure():
    answer = completion(5) | {"annotations": {"honesty": [], "helpfulness": [{"Rating": "4", "Rationale": "so"}]}}
    found = scores(answer)
    assert (found["honesty"].value, found["honesty"].failure) == (None, "missing")
    assert found["helpfulness"].value == 4


def test_forty_planted_inversions_are_found_and_no_other(lake, tmp_path):
    """A parser that made 10 of every 1: 40 worst answers and 25 best ones hold a 10, 10 are in doubt."""
    planted = [(10, 1, 1, 2, 1)] * 40 + [(10, 5, 5, 5, 5)] * 25 + [(10, 3, 3, 3, 3)] * 10 + [(6, 3, 3, 3, 3)] * 25
    lines = [
        json.dumps({"instruction": f"Question {i}", "completions": [completion(*row)]}) for i, row in enumerate(planted)
    ]
    (tmp_path / "flan.jsonl").write_text("\n".join(lines))
    done = import_paths(lake, UltraFeedback(), [tmp_path / "flan.jsonl"])
    notes = {note.kind: note.rows for note in done.notes}
    assert notes["overall 10 repaired to 1"] == 40
    assert notes["overall 10 is in doubt; it needs a judge"] == 10
    assert lake.read(SCORES).schema.field("value").type == pa.float64()
    overall = [row["value"] for row in lake.read(SCORES).to_pylist() if row["aspect"] == "overall"]
    assert [overall.count(value) for value in (1.0, 10.0, 6.0, None)] == [40, 25, 25, 10]


def test_the_audit_finds_inversions_that_were_not_repaired_and_none_after_repair(lake, tmp_path):
    """`methods/data.md` 1(g)2: a judge whose every 1 was stored as 10, beside the same scores as they are imported."""
    planted = [(10, 1, 1, 2, 1)] * 40 + [(10, 5, 5, 5, 5)] * 25 + [(6, 1, 1, 1, 1)] * 25
    lines = [
        json.dumps({"instruction": f"Question {i}", "completions": [completion(*row)]}) for i, row in enumerate(planted)
    ]
    (tmp_path / "flan.jsonl").write_text("\n".join(lines))
    import_paths(lake, UltraFeedback(), [tmp_path / "flan.jsonl"])
    rows = [row for row in lake.read(SCORES).to_pylist() if row["aspect"] == "overall"]
    worst = {row["response_id"] for row in rows if row["value"] == 1}
    raw = [row | {"value": 10.0 if row["value"] == 1 else row["value"]} for row in rows]
    lake.append(
        (SCORES, SCORES.rows(Score(**row | {"judge": "raw", "call_id": row["call_id"] + " raw"}) for row in raw))
    )
    flagged = query(lake.folder, "select judge, response_id from overall_audit where audit_flag").to_pylist()
    assert {row["judge"] for row in flagged} == {"raw"}
    assert len(worst) == len(flagged) == 40
    assert {row["response_id"] for row in flagged} == worst


def test_each_completion_is_a_response_of_its_model():
    record = {"instruction": "Hi", "completions": [completion(5, 3, model=name) for name in "abcd"]}
    rows = list(UltraFeedback().translate(record))
    assert [row.model for row in rows if isinstance(row, Response)] == list("abcd")
    assert len({row.call_id for row in rows if isinstance(row, Score)}) == 1


def test_known_answers_belong_to_the_prompt():
    """TruthfulQA has lists, FLAN a reference, and the other sources the word None."""
    record = {"instruction": "Hi", "completions": [completion(5, 3)]}
    known = {"correct_answers": ["Right.", "Yes."], "incorrect_answers": ["Wrong."]}
    prompt, *_ = UltraFeedback().translate(record | known)
    assert (prompt.correct_answers, prompt.incorrect_answers) == (("Right.", "Yes."), ("Wrong.",))
    prompt, *_ = UltraFeedback().translate(record | {"correct_answers": "Right.", "incorrect_answers": None})
    assert (prompt.correct_answers, prompt.incorrect_answers) == (("Right.",), None)
    for nothing in ({"correct_answers": ["None"], "incorrect_answers": ["None"]}, {}):
        prompt, *_ = UltraFeedback().translate(record | nothing)
        assert (prompt.correct_answers, prompt.incorrect_answers) == (None, None)
    with pytest.raises(BadRow, match="wrong_type"):
        list(UltraFeedback().translate(record | {"correct_answers": [5]}))
