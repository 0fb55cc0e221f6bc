import pytest

from curation.asking import Group
from curation.judges.binary_principle import BinaryPrinciple
from curation.principles.questions import Verdict, members_of, questioned
from schemas.datasets import TREATMENT
from schemas.ids import split_of
from tests.rows import some_prompts, two_responses


@pytest.fixture
def judge():
    return BinaryPrinciple(model="m", principles=("cites sources",))


def pair_of(judge, prompt, response, label="yes"):
    verdict = Verdict(prompt=prompt, response=response, principle="cites sources", label=label)
    return questioned(judge, verdict, "embedder>0.8", seed=3, run_id="r")


@pytest.mark.parametrize(("label", "right", "wrong"), [("yes", "Yes", "No"), ("no", "No", "Yes")])
def test_a_pair_is_the_judge_s_question_and_its_two_words(judge, prompt, response, label, right, wrong):
    found = pair_of(judge, prompt, response, label)
    (question,) = judge.questions(Group(prompt=prompt, responses=(response,)), 3)
    assert found.prompt.messages == question.request.messages
    texts = {side.response_id: side.text for side in found.responses}
    assert (texts[found.pair.chosen_id], texts[found.pair.rejected_id]) == (right, wrong)
    assert found.pair.prompt_id == found.pair.rejected_prompt_id == found.prompt.prompt_id
    assert (found.prompt.parent_id, found.prompt.op, found.prompt.source) == (
        prompt.prompt_id,
        "principle",
        "hand/principles",
    )


def test_a_question_lies_in_the_split_of_the_prompt_that_was_answered(judge):
    found = [(prompt, pair_of(judge, prompt, two_responses(prompt)[0])) for prompt in some_prompts(100)]
    assert {one.member.split for _, one in found} == {"train", "test"}
    assert all(one.member.split == split_of(prompt.prompt_id) for prompt, one in found)
    assert members_of([one for _, one in found]).column_names == list(TREATMENT)


def test_partially_has_no_word(judge, prompt, response):
    with pytest.raises(ValueError, match="partially"):
        pair_of(judge, prompt, response, "partially")
