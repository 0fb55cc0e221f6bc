from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from transformers import GenerationConfig

from training.attention import FLEX
from training.checkpoint import Loaded
from training.rollout.samplers import SAMPLERS, Engine, Sampling
from training.score import TokenScorer

PROMPTS = [[1, 8, 9], [1, 10], [1, 11, 12, 13, 14], [1, 8, 9], [1, 15, 16]]
SEEDS = [5, 6, 7, 8, 9]


@pytest.fixture(params=["alone", "scored", "flex"])
def engine(request: pytest.FixtureRequest, policy: Loaded):
    """An engine of a policy, also of one that a scorer has taken to read packed rows, here and on a GPU."""
    if request.param == "scored":
        TokenScorer(policy.model)
    flex = request.param == "flex"
    if flex:
        policy.model.set_attn_implementation(FLEX)
    # FlexAttention in its plain form: on a CPU its compiled one takes a minute to build, and errs on some.
    with (
        torch.compiler.set_stance("force_eager") if flex else nullcontext(),
        SAMPLERS.build("transformers").start(policy, "") as started,
    ):
        yield started


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_a_response_depends_on_its_own_prompt_and_seed(engine: Engine, temperature: float) -> None:
    sampling = Sampling(temperature=temperature, max_tokens=12)
    together = engine.sample(PROMPTS, SEEDS, sampling)
    alone = [engine.sample([prompt], [seed], sampling)[0] for prompt, seed in zip(PROMPTS, SEEDS, strict=True)]
    assert [one.ids for one in together] == [one.ids for one in alone]
    assert (together[0].ids == together[3].ids) == (temperature == 0), "one prompt under two seeds"


def test_a_scorer_on_the_model_changes_no_response(engine: Engine, policy: Loaded) -> None:
    sampling = Sampling(temperature=1.0, max_tokens=12)
    before = engine.sample(PROMPTS, SEEDS, sampling)
    TokenScorer(policy.model)
    assert engine.sample(PROMPTS, SEEDS, sampling) == before


def test_greedy_is_what_transformers_generates(engine: Engine, policy: Loaded) -> None:
    found = engine.sample(PROMPTS[:1], [0], Sampling(temperature=0, max_tokens=12))[0]
    config = GenerationConfig(max_new_tokens=12, do_sample=False, eos_token_id=2, pad_token_id=0)
    model: Any = policy.model
    whole = model.generate(torch.tensor(PROMPTS[:1]), generation_config=config)
    assert found.ids == whole[0, 3:].tolist()


@torch.no_grad()
def test_tokens_have_the_log_probabilities_that_the_model_gives_them(engine: Engine, policy: Loaded) -> None:
    for prompt, said in zip(
        PROMPTS, engine.sample(PROMPTS, SEEDS, Sampling(temperature=0.7, max_tokens=12)), strict=True
    ):
        ids = torch.tensor([prompt + said.ids])
        logps = (policy.model(ids).logits[0, len(prompt) - 1 : -1] / 0.7).log_softmax(1)
        expected = logps.gather(1, torch.tensor(said.ids)[:, None]).squeeze(1)
        assert torch.allclose(torch.tensor(said.logps), expected, rtol=0, atol=1e-5)


def test_ends_are_told_from_cuts(engine: Engine, policy: Loaded) -> None:
    for most in (1, 3, 30):
        for sampled in engine.sample(PROMPTS * 8, list(range(40)), Sampling(max_tokens=most)):
            assert sampled.stopped == (sampled.ids[-1] == policy.tokenizer.eos_token_id)
            assert 2 not in sampled.ids[:-1]
            assert sampled.stopped or len(sampled.ids) == most


def test_tokens_come_as_often_as_they_are_likely(engine: Engine, policy: Loaded) -> None:
    with torch.no_grad():
        chances = (policy.model(torch.tensor(PROMPTS[:1])).logits[0, -1] / 0.7).softmax(0)
    drawn = engine.sample(PROMPTS[:1] * 2000, list(range(2000)), Sampling(temperature=0.7, max_tokens=1))
    counts = torch.bincount(torch.tensor([one.ids[0] for one in drawn]), minlength=len(chances))
    expected = 2000 * chances
    seen = expected >= 5
    squares = ((counts - expected) ** 2 / expected)[seen].sum()
    assert squares < 2 * int(seen.sum()), "a chi-square far beyond its mean"


def test_a_sampler_leaves_the_model_as_it_was(engine: Engine, policy: Loaded) -> None:
    policy.model.train()
    before = torch.random.get_rng_state()
    engine.sample(PROMPTS, SEEDS, Sampling(max_tokens=2))
    assert policy.model.training
    assert torch.equal(before, torch.random.get_rng_state())
