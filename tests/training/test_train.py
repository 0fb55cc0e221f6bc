from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import Result
from typer.testing import CliRunner

from schemas.errors import ConfigError, InputError, ModelError
from training.__main__ import app
from training.checkpoint import load_policy, load_reward, read_record, revision_of, save
from training.jobs import settings_of
from training.train import train

from .conftest import pair_row, pair_table, write_version

FAST = {"fit.batch_size": 8, "fit.learning_rate": 3e-3, "max_length": 64}


@pytest.mark.parametrize("job", ["reward", "dpo", "sft"])
def test_three_steps_twice_give_the_same_bytes(
    job: str, version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    changes = FAST | {"fit.epochs": 0.75}
    first, second = (train(job, version_folder, model_folder, tmp_path / name, changes).path for name in "ab")
    for file in ("model.safetensors", "training.json", "config.json"):
        assert (first / file).read_bytes() == (second / file).read_bytes()
    assert revision_of(first) == revision_of(second) != revision_of(model_folder)


def test_bradley_terry_learns_separable_pairs(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    changes = FAST | {"fit.epochs": 12}
    trained = train("reward", version_folder, model_folder, tmp_path / "out", changes)
    assert trained.metrics["train_accuracy"] == 1.0
    assert trained.metrics["test_accuracy"] == trained.metrics["test_accuracy_low"] == 1.0
    assert trained.metrics["test_nll"] < 0.3
    assert (trained.metrics["train_kept"], trained.metrics["test_n"]) == (32, 8)
    assert load_reward(trained.path).model.config.num_labels == 1


def test_dpo_learns_separable_pairs(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    trained = train("dpo", version_folder, model_folder, tmp_path / "out", FAST | {"fit.epochs": 6, "beta": 0.5})
    assert trained.metrics["test_accuracy"] == 1.0
    assert load_policy(trained.path)


def test_dpo_starts_at_its_reference(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    seen: list[dict[str, float]] = []

    def report(stage: str, done: int, total: int, metrics: object = None) -> None:
        if stage == "train" and isinstance(metrics, dict):
            seen.append(metrics)

    train("dpo", version_folder, model_folder, tmp_path / "out", FAST, report=report)
    assert seen[0]["loss"] == pytest.approx(0.693147, abs=1e-5)
    assert seen[0]["margin"] == pytest.approx(0, abs=1e-5)
    assert [step["step"] for step in seen] == [1, 2, 3, 4]


def test_log_ratios_are_taken_to_the_reference_that_is_named(
    version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    first = train("dpo", version_folder, model_folder, tmp_path / "first", FAST)
    again = train("dpo", version_folder, model_folder, tmp_path / "again", FAST | {"reference": str(model_folder)})
    assert (first.path / "model.safetensors").read_bytes() == (again.path / "model.safetensors").read_bytes()
    margins = []
    for name, more in (("own", {}), ("initial", {"reference": str(model_folder)})):
        trained = train("dpo", version_folder, first.path, tmp_path / name, FAST | more, cache=tmp_path / "cache")
        margins.append(json.loads((trained.path / "history.jsonl").read_text().splitlines()[0])["margin"])
    assert margins[0] == pytest.approx(0, abs=1e-5)
    assert margins[1] > 0.01, "the first run had moved the pairs apart"
    revisions = {revision_of(first.path), revision_of(model_folder)}
    assert {folder.name for folder in (tmp_path / "cache").iterdir()} == revisions


def test_a_reference_reads_the_same_tokens(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    other = load_policy(model_folder)
    other.tokenizer.add_tokens(["another"])
    reference = str(save(tmp_path / "other", other))
    with pytest.raises(ModelError, match="has another vocabulary than the model that learns; name another"):
        train("dpo", version_folder, model_folder, tmp_path / "out", FAST | {"reference": reference})
    with pytest.raises(ConfigError, match="simpo looks at no policy but its start; leave it out"):
        settings_of("simpo", {"reference": reference})


def test_sft_raises_the_likelihood_of_chosen_responses(
    version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    before = train("sft", version_folder, model_folder, tmp_path / "a", FAST | {"fit.epochs": 0.1})
    after = train("sft", version_folder, model_folder, tmp_path / "b", FAST | {"fit.epochs": 4})
    assert after.metrics["test_nll"] < before.metrics["test_nll"] - 0.5


def test_the_record_says_what_made_the_model(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    trained = train("dpo", version_folder, model_folder, tmp_path / "out", FAST | {"beta": 0.3})
    record = read_record(trained.path)
    assert record == trained.record
    assert (record.kind, record.data, record.base, record.base_revision) == (
        "policy", "tiny@3", str(model_folder), revision_of(model_folder),
    )  # fmt: skip
    assert record.objective == {
        "name": "dpo", "version": "1", "beta": 0.3, "label_smoothing": 0.0, "gamma": 0.0, "length_penalty": 0.0,
        "keep_chosen": 0.0, "nll": 0.0, "divergence": "reverse_kl", "alpha": 0.5, "per_token": False,
    }  # fmt: skip
    assert record.settings["fit"]["learning_rate"] == 3e-3
    assert record.fingerprint == json.loads((version_folder / "manifest.json").read_text())["fingerprint"]


def test_a_version_without_training_pairs_is_refused(pairs: pa.Table, model_folder: Path, tmp_path: Path) -> None:
    held_out = pair_table([pair_row(4, "good", "bad")])
    with pytest.raises(InputError, match="no pair of the train split"):
        train("reward", write_version(tmp_path / "data", held_out), model_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_version_without_held_out_pairs_has_no_test_figures(model_folder: Path, tmp_path: Path) -> None:
    folder = write_version(tmp_path / "data", pair_table([pair_row(0, "good", "bad"), pair_row(1, "good", "bad")]))
    metrics = train("reward", folder, model_folder, tmp_path / "out", FAST).metrics
    assert metrics["test_kept"] == 0
    assert "test_accuracy" not in metrics


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_trains(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    done = command(
        "dpo", "--data", version_folder, "--model", model_folder, "--out", tmp_path / "out",
        "--set", "beta=0.3", "--set", "fit.batch_size=16",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(tmp_path / "out")
    assert done.stderr == ""
    assert read_record(tmp_path / "out").objective["beta"] == 0.3


@pytest.mark.parametrize(
    ("job", "change", "message"),
    [
        ("dpoo", "beta=0.3", "training.objectives has no 'dpoo'. Did you mean 'dpo'?"),
        ("dpo", "beta", "--set beta: write key=value."),
        ("dpo", "beta=much", "training.objectives.pairwise.dpo: beta: "),
    ],
)
def test_wrong_usage_is_exit_code_two(
    version_folder: Path, model_folder: Path, tmp_path: Path, job: str, change: str, message: str
) -> None:  # fmt: skip
    done = command(
        job, "--data", version_folder, "--model", model_folder, "--out", tmp_path / "out", "--set", change
    )  # fmt: skip
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {message}")


def test_help_answers_without_loading_torch() -> None:
    code = "import sys, training.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0
