from collections import Counter

import pytest
from pydantic import ValidationError

from curation.generate import Generation, assignments, responses
from schemas.calls import Answered, Sampling
from schemas.drops import Drop
from schemas.prompts import Prompt, user
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


def test_four_of_seventeen_models_each_get_their_share():
    """UltraFeedback's pool in bands: every model answers 4/17 of the prompts, within three standard errors."""
    sizes = {"strong": 3, "good": 4, "fair": 3, "weak": 3, "other": 4}
    bands = {band: tuple(f"{band}-{i}" for i in range(size)) for band, size in sizes.items()}
    generation = Generation(bands=bands)
    asked = list(assignments(some_prompts(2_000), generation, seed=0))
    counts = Counter(wanted.model for wanted in asked)
    share, n = 4 / 17, 2_000
    assert len(generation.pool) == len(counts) == 17
    assert all(abs(count - n * share) < 3 * (n * share * (1 - share)) ** 0.5 for count in counts.values())
    assert set(Counter((wanted.prompt.prompt_id, wanted.model) for wanted in asked).values()) == {1}


MIX = {"hand": {"helpful": 60, "truthful": 20, "honesty": 18, "verbalized_calibration": 2}}


def test_principles_are_drawn_by_their_shares_for_every_response():
    asked = list(assignments(some_prompts(1_000), Generation(models=POOL, principles=MIX), seed=0))
    counts = Counter(wanted.principle for wanted in asked)
    for principle, percent in MIX["hand"].items():
        share, n = percent / 100, len(asked)
        assert abs(counts[principle] - n * share) < 3 * (n * share * (1 - share)) ** 0.5
    assert len({wanted.principle_text for wanted in asked if wanted.principle == "helpful"}) == 11
    by_prompt = {}
    for wanted in asked:
        by_prompt.setdefault(wanted.prompt.prompt_id, set()).add(wanted.principle)
    assert sum(len(drawn) > 1 for drawn in by_prompt.values()) > 500


def test_a_source_without_principles_is_asked_plainly():
    generation = Generation(models=("a",), responses_per_prompt=1, principles={"other": {"helpful": 1}})
    (wanted,) = assignments(some_prompts(1), generation, 0)
    assert (wanted.messages, wanted.principle, wanted.system_prompt) == (wanted.prompt.messages, None, None)


@pytest.mark.parametrize("told_by_user", [(), ("a",)], ids=["system-turn", "user-turn"])
@pytest.mark.parametrize("own", [{}, {"a": "You are A."}], ids=["plain", "own-system-prompt"])
@pytest.mark.parametrize("system", [None, "Be short."], ids=["one-turn", "prompt-with-system-turn"])
def test_what_is_stored_as_principle_was_sent(told_by_user, own, system):
    """Every model whose row names a principle has it in the prompt that it really got."""
    turns = [*([{"role": "system", "content": system}] if system else []), *user("Why?")]
    generation = Generation(models=("a",), responses_per_prompt=4, principles={"*": {"helpful": 1}},
                            told_by_user=told_by_user, system_prompts=own)  # fmt: skip
    for wanted in assignments([Prompt.of(turns, source="s")], generation, seed=0):
        sent = [turn["content"] for turn in wanted.request(Sampling(), 0).messages]
        (row,) = responses([wanted], [_answered("1", "ok", "text")], "run")
        assert isinstance(row, Response)
        assert (row.principle, row.principle_text in str(row.system_prompt)) == ("helpful", True)
        for told in (row.principle_text, *own.values(), *([system] if system else [])):
            assert told in "\n\n".join(sent[:-1])
            assert told in row.system_prompt
        assert sent[-1] == "Why?"


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        pytest.param({}, "pool needs models", id="no-models"),
        pytest.param({"models": ("a",), "bands": {"x": ("a",)}}, "named once", id="a-model-twice"),
        pytest.param({"models": ("a",), "principles": {"s": {"kind": 1}}}, "no wording of kind", id="no-wording"),
        pytest.param({"models": ("a",), "principles": {"s": {"helpful": 0}}}, "above 0", id="no-share"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(settings, match):
    with pytest.raises(ValidationError, match=match):
        Generation(**settings)
