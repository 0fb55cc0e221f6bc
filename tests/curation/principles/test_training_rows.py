import pytest

from curation.asking import Group
from curation.judges.binary_principle import BinaryPrinciple
from curation.principles.training_rows import training_row


@pytest.fixture
def judge():
    return BinaryPrinciple(model="m", principles=("cites sources",))


@pytest.mark.parametrize(("label", "word"), [("yes", "Yes"), ("no", "No")])
def test_a_row_is_the_judges_question_and_its_one_word(judge, prompt, response, label, word):
    row = training_row(judge, prompt, response, "cites sources", label, seed=3)
    (question,) = judge.questions(Group(prompt=prompt, responses=(response,)), 3)
    assert row == {
        "prompt": list(question.request.messages),
        "completion": [{"role": "assistant", "content": word}],
    }


def test_partially_has_no_word(judge, prompt, response):
    with pytest.raises(ValueError, match="partially"):
        training_row(judge, prompt, response, "cites sources", "partially", seed=0)
