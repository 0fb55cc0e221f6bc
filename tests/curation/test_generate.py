from collections import Counter

from curation.generate import Generation, assignments, responses
from schemas.calls import Answered, Sampling
from schemas.drops import Drop
from schemas.responses import Response
from tests.rows import some_prompts

POOL = ("a", "b", "c", "d", "e", "f")


def test_a_prompt_is_answered_by_distinct_models():
    for n in (1, 4, 6):
        asked = list(assignments(some_prompts(20), Generation(models=POOL, responses_per_prompt=n), seed=0))
        by_prompt = Counter((wanted.prompt.prompt_id, wanted.model) for wanted in asked)
        assert len(asked) == 20 * n
        assert set(by_prompt.values()) == {1}


def test_every_model_gets_its_share():
    """Four of six models for each of 600 prompts: 400 answers each, within three standard errors."""
    asked = assignments(some_prompts(600), Generation(models=POOL, responses_per_prompt=4), seed=0)
    counts = Counter(wanted.model for wanted in asked)
    assert all(abs(count - 400) < 3 * (600 * 4 / 6 * 2 / 6) ** 0.5 for count in counts.values())


def test_a_small_pool_answers_again_with_another_seed():
    asked = list(assignments(some_prompts(1), Generation(models=("a",), responses_per_prompt=4), seed=0))
    assert [wanted.sample for wanted in asked] == [0, 1, 2, 3]
    assert len({wanted.request(Sampling(), 0).seed for wanted in asked}) == 4


def test_more_prompts_leave_the_others_as_they_were():
    few, more = some_prompts(5), some_prompts(9)
    drawn = [list(assignments(prompts, Generation(models=POOL), seed=3)) for prompts in (few, more)]
    assert drawn[1][: len(drawn[0])] == drawn[0]


def _answered(call_id, status, text=""):
    return Answered(call_id, status, text, "stop", None, 1, None)


def test_every_call_is_a_response_or_a_drop_with_a_reason():
    asked = list(assignments(some_prompts(1), Generation(models=("a",), responses_per_prompt=7), seed=0))
    answered = [
        _answered("1", "ok", "yes"), _answered("2", "ok", "yes"), _answered("3", "invalid"),
        _answered("4", "quarantined"), _answered("5", "timeout"), _answered("6", "refused"),
        _answered("7", "truncated", "yes and"),
    ]  # fmt: skip
    rows = list(responses(asked, answered, "run"))
    assert [row.text for row in rows if isinstance(row, Response)] == ["yes", "yes and"]
    assert {(row.row_id, row.reason) for row in rows if isinstance(row, Drop)} == {
        ("2", "duplicate_response"), ("3", "empty_response"), ("4", "quarantined"), ("5", "timeout"), ("6", "refused"),
    }  # fmt: skip
