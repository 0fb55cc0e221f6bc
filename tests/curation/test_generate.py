from collections import Counter

from curation.generate import Generation, assignments, responses
from schemas.calls import Call, Sampling
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


def _call(text, finish_reason="stop", call_id="c"):
    return Call(
        call_id=call_id, attempt=0, purpose="generate", engine="e", model="a", model_revision="r", template_hash=None,
        request="{}", raw_text=text, finish_reason=finish_reason, prompt_tokens=1, completion_tokens=1, latency_ms=None,
        cost_usd=None, run_id=None,
    )  # fmt: skip


def test_every_call_is_a_response_or_a_drop_with_a_reason():
    asked = list(assignments(some_prompts(1), Generation(models=("a",), responses_per_prompt=4), seed=0))
    calls = [_call("yes", call_id="1"), _call("yes", call_id="2"), _call(" ", call_id="3"), _call("", "too_long", "4")]
    kept, drops = responses(asked, calls, "run")
    assert [response.text for response in kept] == ["yes"]
    assert {(drop.row_id, drop.reason) for drop in drops} == {
        ("2", "duplicate_response"), ("3", "empty_response"), ("4", "prompt_too_long"),
    }  # fmt: skip
