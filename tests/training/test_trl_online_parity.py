"""The same loss and gradient as TRL's GRPOTrainer and RLOOTrainer on the same sampled responses, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from tests.training.test_trl_parity import gradient
from tests.training.test_trl_policy_parity import QUIET, datasets, moved, trl
from training.batches import GroupExamples, SequenceExamples, Sequences
from training.checkpoint import load_policy
from training.loop import accumulate, micro_batches, silence_dropout
from training.objectives.policy import POLICY, Policy, Rollouts
from training.rollout.record import RolloutExamples
from training.score import TokenScorer, score_all
from training.tokens import Encoded

# TRL's own vLLM is not used here.
pytestmark = pytest.mark.filterwarnings("ignore:TRL currently supports vLLM")

SAMPLES = 4
LENGTHS = [3, 1, 6, 2, 5, 4, 2, 3]


def sequences() -> Sequences:
    """Two prompts of different length with four responses each."""
    chance = torch.Generator().manual_seed(0)
    words = [torch.randint(7, 40, (9,), generator=chance).tolist() for _ in LENGTHS]
    cuts = [2 if place < SAMPLES else 4 for place in range(len(LENGTHS))]
    rows = zip(words, cuts, LENGTHS, strict=True)
    prompts = [words[0][:2], words[SAMPLES][:4]]
    return Sequences.of([Encoded(prompts[cut // 4] + ids[:size], cut) for ids, cut, size in rows], pad=0)


def known(folder: Path, objective: Policy) -> tuple[RolloutExamples, Rollouts]:
    """Credit on responses that an older policy has sampled."""
    made = sequences()
    mask = made.responses(torch.arange(len(LENGTHS)))[2]
    start = score_all(TokenScorer(load_policy(folder).model), SequenceExamples(made), lambda one, _: wide(one, mask))
    now = score_all(TokenScorer(moved(folder)), SequenceExamples(made), lambda one, _: wide(one, mask))
    old = (now + 0.2 * torch.randn(mask.shape, generator=torch.Generator().manual_seed(2))).where(mask, 0)
    rewards = torch.randn(len(LENGTHS), generator=torch.Generator().manual_seed(3))
    nothing = torch.zeros(mask.shape)
    given = Rollouts(
        rewards, mask, (old - start).where(mask, 0), SAMPLES, rewards[:0], nothing, rewards[None], torch.ones(1)
    )
    parts = {
        "old": old, "reference": start, "advantage": objective.credit(given).advantage, "returns": nothing,
        "values": nothing, "learn": torch.ones(len(mask)),
    }  # fmt: skip
    return RolloutExamples(GroupExamples(made, SAMPLES), objective.units(mask), parts), given


def wide(values: Tensor, mask: Tensor) -> Tensor:
    return torch.nn.functional.pad(values, (0, mask.shape[1] - values.shape[1]))


def theirs(kind: str, folder: Path, out: Path, examples: RolloutExamples, settings: dict[str, Any]) -> Any:
    made, parts = examples.responses.sequences, examples.parts
    ids = [*made.of_rows(torch.arange(len(LENGTHS)))]
    cuts = made.cuts.tolist()
    prompts = [one[:cut] for one, cut in zip(ids, cuts, strict=True)]
    width = max(cuts)
    mask = parts["old"] != 0
    completions = [one[cut:] for one, cut in zip(ids, cuts, strict=True)]
    inputs = {
        "prompt_ids": torch.stack([torch.cat([one.new_zeros(width - len(one)), one]) for one in prompts]),
        "prompt_mask": torch.stack([torch.arange(width) >= width - cut for cut in cuts]).long(),
        "completion_ids": torch.nn.utils.rnn.pad_sequence(completions, batch_first=True),
        "completion_mask": mask.long(),
        "advantages": parts["advantage"][:, 0],
        "old_per_token_logps": parts["old"],
        "old_logps": parts["old"].sum(1),
        "ref_per_token_logps": parts["reference"],
        "num_items_in_batch": mask.sum(),
    }
    trainer = getattr(trl, f"{kind}Trainer")(
        moved(folder), [lambda completions, **_: [0.0] * len(completions)],
        getattr(trl, f"{kind}Config")(
            str(out), **QUIET | {"per_device_train_batch_size": 8}, num_generations=SAMPLES, **settings
        ),
        train_dataset=datasets.Dataset.from_dict({"prompt": ["w1"]}), processing_class=load_policy(folder).tokenizer,
    )  # fmt: skip
    trainer.current_gradient_accumulation_steps = 1
    silence_dropout(trainer.model)
    loss = trainer._compute_loss(trainer.model.train(), inputs)
    loss.backward()
    return loss.item(), gradient(trainer.model)


def ours(folder: Path, examples: RolloutExamples, objective: Policy) -> tuple[float, Tensor]:
    """Loss and gradient of one step of the loop, in several passes."""
    model = moved(folder)
    silence_dropout(scorer := objective.scorer(model).train())
    accelerator = Accelerator(cpu=True)
    parts = micro_batches(accelerator, examples, torch.arange(len(examples)), 20)
    assert len(parts) > 1
    metrics = accumulate(accelerator, scorer, parts, objective.loss_of, "no")
    return float(metrics["loss"]), gradient(model)


@pytest.mark.parametrize(
    ("kind", "mine", "settings"),
    [
        ("GRPO", {"name": "grpo", "kl": 0}, {"loss_type": "dapo"}),
        ("GRPO", {"name": "grpo", "kl": 0, "aggregate": "sequence_mean"}, {"loss_type": "grpo"}),
        (
            "GRPO", {"name": "grpo", "kl": 0, "aggregate": "constant", "longest": 7, "deviation": "none"},
            {"loss_type": "dr_grpo", "max_completion_length": 7},
        ),
        ("GRPO", {"name": "grpo", "kl": 0.3, "estimator": "ratio_k3"}, {"loss_type": "dapo", "beta": 0.3}),
        (
            "GRPO", {"name": "grpo", "kl": 0.3, "estimator": "k3"},
            {"loss_type": "dapo", "beta": 0.3, "use_bias_correction_kl": False},
        ),
        (
            "GRPO",
            {"name": "grpo", "kl": 0, "ratio": "sequence_mean", "clip_high": 0.28, "aggregate": "sequence_mean"},
            {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon_high": 0.28},
        ),
        ("RLOO", {"name": "rloo", "kl": 0.05}, {"beta": 0.05}),
    ],
)  # fmt: skip
def test_loss_and_gradient(
    kind: str, mine: dict[str, Any], settings: dict[str, Any], model_folder: Path, tmp_path: Path
) -> None:
    objective = POLICY.build(mine)
    examples, _ = known(model_folder, objective)
    loss, slope = theirs(kind, model_folder, tmp_path, examples, settings)
    found, gradients = ours(model_folder, examples, objective)
    assert found == pytest.approx(loss, abs=1e-5)
    assert slope.abs().max() > 1e-3, "a gradient to compare"
    assert (gradients - slope).abs().max() < 1e-5 * max(1.0, float(slope.abs().max()))
