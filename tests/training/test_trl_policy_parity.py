"""The same loss and gradient as TRL's DPOTrainer and KTOTrainer on the same batch, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import PreTrainedModel

from tests.training.test_trl_parity import examples, gradient
from training.batches import PairExamples
from training.checkpoint import load_policy
from training.jobs import settings_of
from training.loop import accumulate, micro_batches, silence_dropout
from training.objectives.pairwise import PAIRWISE, Pairwise
from training.prepare import PreparedPairs
from training.progress import silent
from training.reference import store_reference

trl = pytest.importorskip("trl", reason="TRL is not installed; the extra [dev] has it")
datasets = pytest.importorskip("datasets")

QUIET = {
    "bf16": False, "use_cpu": True, "gradient_checkpointing": False, "report_to": "none", "disable_tqdm": True,
    "per_device_train_batch_size": 16,
}  # fmt: skip


def models(kind: str, folder: Path) -> tuple[PreTrainedModel, PreTrainedModel]:
    """Policy and reference. Noise makes responses less likely: KTO's distance is above 0 from a noisy reference."""
    plain, noisy = load_policy(folder).model, moved(folder)
    return (plain, noisy) if kind == "KTO" else (noisy, plain)


def moved(folder: Path) -> PreTrainedModel:
    """The model of a folder after some training: log-ratios to it are not 0."""
    chance = torch.Generator().manual_seed(1)
    model = load_policy(folder).model
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=chance), alpha=0.05)
    return model


def ids_of(pairs: PairExamples) -> list[dict[str, list[int]]]:
    """Prompt and response of every sequence, all chosen first."""
    sequences = pairs.sequences
    every = zip(sequences.of_rows(torch.arange(2 * len(pairs))), sequences.cuts.tolist(), strict=True)
    return [{"prompt_ids": ids[:cut].tolist(), "completion_ids": ids[cut:].tolist()} for ids, cut in every]


def theirs(kind: str, folder: Path, out: Path, rows: list[dict[str, Any]], settings: dict[str, Any]) -> Any:
    """Loss and gradient of one batch in TRL's own trainer and collator."""
    made = {"prompt": ["w1"], "chosen": ["w2"], "rejected": ["w3"]}
    trainer = getattr(trl, f"{kind}Trainer")(
        *models(kind, folder), getattr(trl, f"{kind}Config")(str(out), **QUIET, **settings),
        train_dataset=datasets.Dataset.from_dict(made), processing_class=load_policy(folder).tokenizer,
    )  # fmt: skip
    silence_dropout(trainer.model)  # TRL leaves on what attention reads from the config
    silence_dropout(trainer.ref_model)
    loss = trainer.compute_loss(trainer.model.train(), trainer.data_collator(rows))
    loss.backward()
    return loss.item(), gradient(trainer.model)


def ours(folder: Path, pairs: PairExamples, objective: Pairwise) -> tuple[float, Tensor]:
    """Loss and gradient of one step of the loop: in several passes, unless the objective compares rows."""
    settings = settings_of(objective.name)
    model, reference = models("KTO" if objective.name == "kto" else "DPO", folder)
    made = objective.examples(PreparedPairs(pairs, None, None))  # pyright: ignore[reportArgumentType]
    store_reference(objective.referenced(made), objective.scorer(reference), settings.fit.precision, silent)
    silence_dropout(scorer := objective.scorer(model).train())
    accelerator = Accelerator(cpu=True)
    parts = micro_batches(accelerator, made, torch.arange(len(pairs)), 10**9 if objective.whole_steps else 100)
    assert (len(parts) == 1) == objective.whole_steps
    metrics = accumulate(accelerator, scorer, parts, objective.loss_of, "no")
    assert metrics.get("kl", 1.0) > 0.1, f"{metrics['kl']} is no distance to test with"
    return float(metrics["loss"]), gradient(model)


def check(found: tuple[float, Tensor], expected: tuple[float, Tensor]) -> None:
    """To 1e-5, of the larger one where that is above 1."""
    assert found[0] == pytest.approx(expected[0], rel=1e-5, abs=1e-5)
    largest = float(expected[1].abs().max())
    assert largest > 1e-3
    assert (found[1] - expected[1]).abs().max() < 1e-5 * max(1.0, largest)


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        ({"name": "dpo"}, {"loss_type": ["sigmoid"]}),
        ({"name": "dpo", "per_token": True, "beta": 5.0}, {"loss_type": ["sigmoid_norm"], "beta": 5.0}),
        ({"name": "dpo", "divergence": "forward_kl"}, {"f_divergence_type": "forward_kl"}),
        ({"name": "dpo", "divergence": "js"}, {"f_divergence_type": "js_divergence"}),
        ({"name": "dpo", "divergence": "alpha"}, {"f_divergence_type": "alpha_divergence"}),
        ({"name": "ipo", "per_token": True, "beta": 2.0}, {"loss_type": ["ipo"], "beta": 2.0}),
        ({"name": "hinge"}, {"loss_type": ["hinge"]}),
        ({"name": "robust"}, {"loss_type": ["robust"], "label_smoothing": 0.1}),
        ({"name": "exo"}, {"loss_type": ["exo_pair"], "label_smoothing": 0.1}),
        ({"name": "nca"}, {"loss_type": ["nca_pair"]}),
        ({"name": "bco"}, {"loss_type": ["bco_pair"]}),
        ({"name": "sppo"}, {"loss_type": ["sppo_hard"]}),
        ({"name": "apo"}, {"loss_type": ["apo_zero"]}),
        ({"name": "apo", "anchor": "down"}, {"loss_type": ["apo_down"]}),
        ({"name": "discopop"}, {"loss_type": ["discopop"]}),
    ],
    ids=lambda one: "-".join(str(value) for value in one.values()) if "name" in one else "",
)
def test_loss_and_gradient_are_those_of_trls_dpo(
    model_folder: Path, tmp_path: Path, spec: dict[str, Any], settings: dict[str, Any]
) -> None:
    pairs = examples()
    chosen, rejected = ids_of(pairs)[:8], ids_of(pairs)[8:]
    rows = [
        {"prompt_ids": a["prompt_ids"], "chosen_ids": a["completion_ids"], "rejected_ids": b["completion_ids"]}
        for a, b in zip(chosen, rejected, strict=True)
    ]
    expected = theirs("DPO", model_folder, tmp_path, rows, settings)
    check(ours(model_folder, pairs, PAIRWISE.build(spec)), expected)


@pytest.mark.parametrize("undesirable", [1.0, 0.5])
def test_loss_and_gradient_are_those_of_trls_kto(model_folder: Path, tmp_path: Path, undesirable: float) -> None:
    """TRL takes the response of the row before, and of the last for the first: of all, the same mismatches."""
    pairs = examples()
    every = ids_of(pairs)
    rows = [
        {**row, "KL_completion_ids": every[place - 1]["completion_ids"], "label": place < 8}
        for place, row in enumerate(every)
    ]
    longest = int(pairs.sequences.lengths.max())
    settings = {"undesirable_weight": undesirable, "train_sampling_strategy": "sequential", "max_length": longest}
    expected = theirs("KTO", model_folder, tmp_path, rows, settings)
    check(ours(model_folder, pairs, PAIRWISE.build({"name": "kto", "undesirable": undesirable})), expected)
