from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator
from pydantic import ValidationError
from torch import Tensor

from schemas.errors import ConfigError
from tests.training.conftest import FIGURES_OF_A_STEP
from training.batches import Examples, PairExamples, SequenceBatch, SequenceExamples, Sequences
from training.checkpoint import Loaded
from training.loop import accumulate, fit, learning_rate, micro_batches, silence_dropout
from training.objectives import Objective, Step
from training.objectives.likelihood.sft import SFT
from training.objectives.pairwise.dpo import DPO
from training.score import TokenScorer
from training.settings import FitSettings
from training.tokens import Encoded


def encoded(count: int, seed: int) -> list[Encoded]:
    chance = torch.Generator().manual_seed(seed)
    ends = torch.randint(2, 9, (count,), generator=chance).tolist()
    return [Encoded([1, 4, *torch.randint(7, 50, (end,), generator=chance).tolist(), 2], 3) for end in ends]


def pairs() -> PairExamples:
    treatment = {"margin": torch.zeros(10), "weight": torch.linspace(0.5, 2, 10), "soft_label": torch.ones(10)}
    return PairExamples(Sequences.of(encoded(20, 0), pad=0), **treatment)


def sequences() -> SequenceExamples:
    return SequenceExamples(Sequences.of(encoded(10, 1), pad=0))


@pytest.mark.parametrize(("objective", "examples"), [(DPO(), pairs()), (SFT(), sequences())], ids=["pairs", "tokens"])
@pytest.mark.parametrize("tokens", [1, 20, 40, 70])
def test_gradient_does_not_depend_on_the_micro_batch(
    policy: Loaded, objective: Objective, examples: Examples, tokens: int
) -> None:
    scorer = TokenScorer(policy.model)
    silence_dropout(scorer.train())
    accelerator = Accelerator()
    rows = torch.randperm(10, generator=torch.Generator().manual_seed(0))

    def gradient(tokens: int) -> tuple[Tensor, dict[str, float]]:
        scorer.zero_grad()
        parts = micro_batches(accelerator, examples, rows, tokens)
        metrics = accumulate(accelerator, scorer, parts, objective.loss_of, "no")
        whole = torch.cat([weight.grad.flatten() for weight in scorer.parameters() if weight.grad is not None])
        return whole, {name: float(value) for name, value in metrics.items()}

    (whole, metrics), (cut, cut_metrics) = gradient(10**6), gradient(tokens)
    assert torch.allclose(whole, cut, rtol=1e-4, atol=1e-6 * float(whole.abs().max()))
    assert metrics == pytest.approx(cut_metrics, rel=1e-5)


def test_every_step_reports(policy: Loaded) -> None:
    settings = FitSettings(batch_size=4, epochs=2, learning_rate=1e-3, micro_batch_tokens=30)
    steps = list(fit(TokenScorer(policy.model), sequences(), SFT().loss_of, settings))
    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[0].keys() == {"nll"} | FIGURES_OF_A_STEP - {"held_out_loss", "seconds"}
    assert steps[-1]["loss"] < steps[0]["loss"]


@pytest.mark.parametrize(("tokens", "passes"), [("all", 1), (None, 1), (1, 10)])
def test_a_step_takes_as_many_passes_as_its_tokens_need(policy: Loaded, tokens: object, passes: int) -> None:
    seen: list[int] = []

    def loss_of(scores: Tensor, batch: SequenceBatch) -> Step:
        seen.append(len(batch.weight))
        return SFT().loss_of(scores, batch)

    settings = FitSettings.model_validate({"batch_size": 10, "micro_batch_tokens": tokens})
    assert len(list(fit(TokenScorer(policy.model), sequences(), loss_of, settings))) == 1
    assert (len(seen), sum(seen)) == (passes, 10)


def test_half_an_epoch_stops_half_way(policy: Loaded) -> None:
    settings = FitSettings(batch_size=2, epochs=0.6)
    assert len(list(fit(TokenScorer(policy.model), sequences(), SFT().loss_of, settings))) == 3


def test_a_learning_policy_with_bfloat16_keeps_float32_weights(policy: Loaded) -> None:
    settings = FitSettings(batch_size=5, precision="bf16", learning_rate=1e-2, epochs=4)
    steps = list(fit(TokenScorer(policy.model), sequences(), SFT().loss_of, settings))
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert {weight.dtype for weight in policy.model.parameters()} == {torch.float32}


def test_nothing_to_learn_from_is_a_config_error(policy: Loaded) -> None:
    empty = SequenceExamples(Sequences.of([], pad=0))
    with pytest.raises(ConfigError, match="no example is left"):
        next(fit(TokenScorer(policy.model), empty, SFT().loss_of, FitSettings()))


def test_dropout_is_silenced_wherever_it_is_kept(policy: Loaded) -> None:
    silence_dropout(policy.model.train())
    ids = torch.arange(5, 15)[None]
    assert policy.model(ids).logits.equal(policy.model(ids).logits)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [("constant", [0.5, 1, 1, 1, 1]), ("linear", [0.5, 1, 0.7, 0.4, 0.1]), ("cosine", [0.5, 1, 0.775, 0.325, 0.1])],
)
def test_the_rate_climbs_then_follows_its_schedule(schedule: str, rates: list[float]) -> None:
    settings = FitSettings.model_validate({"learning_rate": 1.0, "warmup": 0.4, "schedule": schedule})
    assert [learning_rate(step, 5, settings) for step in range(1, 6)] == pytest.approx(rates)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="epoch"):
        FitSettings.model_validate({"epoch": 1})
