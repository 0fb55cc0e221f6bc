"""The same loss and gradient as TRL's RewardTrainer on the same batch, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from training.batches import PairExamples, Sequences
from training.checkpoint import load_reward
from training.loop import accumulate, micro_batches, silence_dropout
from training.objectives.reward.bradley_terry import BradleyTerry
from training.score import RewardScorer
from training.tokens import Encoded

trl = pytest.importorskip("trl", reason="TRL is not installed; the extra [dev] has it")
datasets = pytest.importorskip("datasets")


def examples() -> PairExamples:
    """Eight pairs with prompts in common and margins."""
    chance = torch.Generator().manual_seed(0)

    def ids(most: int) -> list[int]:
        return torch.randint(7, 50, (int(torch.randint(1, most, (1,), generator=chance)),), generator=chance).tolist()

    prompts = [[1, 4, *ids(20)] for _ in range(8)]
    encoded = [Encoded([*prompt, *ids(12), 2], len(prompt)) for _ in range(2) for prompt in prompts]
    ones = torch.ones(8)
    return PairExamples(Sequences.of(encoded, pad=0), margin=torch.arange(8) / 4, weight=ones, soft_label=ones)


def gradient(model: nn.Module) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


def theirs(folder: Path, out: Path, pairs: PairExamples, *, margin: bool, center: float | None) -> tuple[float, Tensor]:
    """Loss and gradient of one batch in TRL's own trainer, collator and model."""
    chosen, rejected = (pairs.sequences.of_rows(rows) for rows in torch.arange(2 * len(pairs)).chunk(2))
    rows: dict[str, list[Any]] = {
        "chosen_ids": [ids.tolist() for ids in chosen],
        "rejected_ids": [ids.tolist() for ids in rejected],
    }
    if margin:
        rows["margin"] = pairs.margin.tolist()
    config = trl.RewardConfig(
        str(out), bf16=False, use_cpu=True, gradient_checkpointing=False, report_to="none", disable_tqdm=True,
        center_rewards_coefficient=center,
    )  # fmt: skip
    trainer = trl.RewardTrainer(
        load_reward(folder).model, config, train_dataset=datasets.Dataset.from_dict(rows),
        processing_class=load_reward(folder).tokenizer,
    )  # fmt: skip
    silence_dropout(trainer.model)  # TRL leaves on what attention reads from the config
    batch = trainer.data_collator([trainer.train_dataset[place] for place in range(len(pairs))])
    loss = trainer.compute_loss(trainer.model.train(), batch)
    loss.backward()
    return loss.item(), gradient(trainer.model)


def ours(folder: Path, pairs: PairExamples, objective: BradleyTerry) -> tuple[float, Tensor]:
    """Loss and gradient of one step of the loop, in several passes."""
    model = load_reward(folder).model
    silence_dropout(scorer := RewardScorer(model).train())
    accelerator = Accelerator(cpu=True)
    parts = micro_batches(accelerator, pairs, torch.arange(len(pairs)), 100)
    assert len(parts) > 1
    metrics = accumulate(accelerator, scorer, parts, objective.loss_of, "no")
    return float(metrics["loss"]), gradient(model)


@pytest.mark.parametrize(
    ("objective", "margin", "center"),
    [
        pytest.param(BradleyTerry(), False, None, id="plain"),
        pytest.param(BradleyTerry(use_margin=True), True, None, id="margin"),
        pytest.param(BradleyTerry(center=0.01), False, 0.01, id="centred"),
    ],
)
def test_loss_and_gradient_are_those_of_trl(
    model_folder: Path, tmp_path: Path, objective: BradleyTerry, margin: bool, center: float | None
) -> None:
    pairs = examples()
    expected, slope = theirs(model_folder, tmp_path, pairs, margin=margin, center=center)
    found, own_slope = ours(model_folder, pairs, objective)
    assert found == pytest.approx(expected, abs=1e-5)
    assert slope.abs().max() > 1e-3
    assert torch.allclose(own_slope, slope, rtol=0, atol=1e-5)
