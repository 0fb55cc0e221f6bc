from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.checkpoint import load_policy, load_reward
from training.lora import adapt, merge
from training.settings import Lora
from training.train import train

FAST = {"fit.batch_size": 8, "fit.learning_rate": 2e-2, "max_length": 64, "lora.rank": 4}


@pytest.mark.parametrize(("job", "load"), [("reward", load_reward), ("dpo", load_policy)])
def test_adapters_learn_and_leave_a_model_like_any_other(
    job: str, load: type, version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    trained = train(job, version_folder, model_folder, tmp_path / "out", FAST | {"fit.epochs": 12})
    assert trained.metrics["test_accuracy"] == 1.0
    assert trained.record.settings["lora"] == {"rank": 4, "alpha": 32.0}
    before, after = (dict(load(path).model.named_parameters()) for path in (model_folder, trained.path))
    assert before.keys() == after.keys()
    changed = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert any("q_proj" in name for name in changed)
    assert not any("embed" in name or "norm" in name for name in changed)
    assert ("score.weight" in changed) == (job == "reward")


def test_fresh_adapters_change_nothing(model_folder: Path) -> None:
    plain, adapted = load_policy(model_folder).model.eval(), load_policy(model_folder).model.eval()
    tuner = adapt(adapted, Lora(), seed=0)
    ids = torch.arange(5, 15)[None]
    assert torch.equal(plain(ids).logits, adapted(ids).logits)
    learned = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert learned
    assert all("lora_" in name for name in learned)
    merge(tuner)
    assert {name for name, _ in adapted.named_parameters()} == {name for name, _ in plain.named_parameters()}


def test_a_merged_adapter_is_its_low_rank_change(model_folder: Path) -> None:
    model = load_policy(model_folder).model.eval()
    before = model.model.layers[0].self_attn.q_proj.weight.detach().clone()
    tuner = adapt(model, Lora(rank=2, alpha=6), seed=0)
    layer = model.model.layers[0].self_attn.q_proj
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    torch.nn.init.normal_(up)
    expected = before + 3 * (up @ down).detach()
    merge(tuner)
    assert torch.allclose(model.model.layers[0].self_attn.q_proj.weight, expected, atol=1e-6)
