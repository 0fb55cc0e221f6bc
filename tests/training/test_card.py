from __future__ import annotations

import json
from pathlib import Path

import yaml

from training.checkpoint import read_record
from training.train import train

FAST = {"fit.batch_size": 8, "max_length": 64}


def test_a_trained_model_has_a_card(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((version_folder / "manifest.json").read_text())
    (version_folder / "manifest.json").write_text(json.dumps({**manifest, "recipe": '{"name": "nightly"}'}))
    trained = train(
        "dpo", version_folder, model_folder, tmp_path / "out", FAST, draw=lambda steps: f"<svg>{len(steps)}"
    )
    card = (trained.path / "README.md").read_text()
    _, front, text = card.split("---\n", 2)
    assert yaml.safe_load(front) == {"library_name": "transformers", "tags": ["prefinery", "policy", "dpo"]}
    assert "# Policy of tiny@3" in text
    assert f"| fingerprint | `{trained.record.fingerprint}` |" in text
    assert f"| test_accuracy | {trained.metrics['test_accuracy']:.4g} |" in text
    assert "| train_total_steps | 4 |" in text
    assert '"name": "nightly"' in text
    assert "AutoModelForCausalLM.from_pretrained" in text
    assert "![Learning curves](learning_curves.svg)" in text
    assert (trained.path / "learning_curves.svg").read_text() == "<svg>4"
    assert read_record(trained.path).recipe == '{"name": "nightly"}'


def test_a_card_names_no_picture_that_is_not_there(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    trained = train("reward", version_folder, model_folder, tmp_path / "out", FAST)
    assert "learning_curves" not in (trained.path / "README.md").read_text()
