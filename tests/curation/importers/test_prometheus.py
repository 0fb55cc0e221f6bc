import pytest

from curation.importers.prometheus import Prometheus
from curation.importing import import_paths
from curation.records import BadRow
from schemas.scores import SCORES

PLAIN = {
    "instruction": "Hi",
    "response": "Hello!",
    "rubric": "[Is it polite?]\nScore 1: no",
    "score": 4,
    "feedback": "Yes",
}
PACKED = (
    "###Task Description:\nScore.\n\n###The instruction to evaluate:\nHi\n\n###Response to evaluate:\nHello!\n\n"
    "###Reference Answer (Score 5):\nWelcome!\n\n###Score Rubrics:\n[Is it polite?]\nScore 1: no\n\n###Feedback: "
)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(PLAIN, id="plain"),
        pytest.param({"orig_instruction": "Hi", "orig_response": "Hello!", "orig_criteria": "Is it polite?",
                      "orig_score": "4", "orig_feedback": "Yes"}, id="feedback-collection"),
        pytest.param({"instruction": PACKED, "gpt4_score": [4], "gpt4_feedback": ["Yes"]}, id="packed"),
    ],
)  # fmt: skip
def test_all_shapes_are_one_score(record):
    prompt, response, score = Prometheus().translate(record)
    assert (prompt.messages[0]["content"], response.text) == ("Hi", "Hello!")
    assert (score.aspect, score.value, score.rationale) == ("Is it polite?", 4.0, "Yes")


@pytest.mark.parametrize("raw", [0, 6, None])
def test_a_score_off_the_scale_is_a_failure(raw):
    *_, score = Prometheus().translate(PLAIN | {"score": raw})
    assert (score.value, score.failure) == (None, "unparseable")


def test_a_heading_inside_an_answer_is_no_heading_to_guess_about():
    twice = PACKED.replace("Hello!", "Hello!\n###Response to evaluate:\nmore")
    with pytest.raises(BadRow, match="ambiguous_sections"):
        list(Prometheus().translate({"instruction": twice, "gpt4_score": [4]}))


def test_every_real_score_is_accounted_for(lake, real_data):
    done = import_paths(lake, Prometheus(), [real_data / "prometheus"])
    assert (done.funnel.read, done.funnel.kept) == (320, 320)
    assert lake.read(SCORES).num_rows == 960
    assert lake.con.execute("select count(*) from scores where failure is not null").fetchone() == (0,)
