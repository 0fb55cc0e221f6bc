"""Reference log-probabilities are computed once for the same tokens, model, precision and device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.conftest import pair_row, pair_table, write_version
from training.batches import Sequences
from training.checkpoint import load_policy, save, write_tensors
from training.reference import LOGPS, key, read
from training.tokens import Encoded
from training.train import Trained, train

FAST = {"fit.batch_size": 8, "max_length": 64}


def passes(job: str, data: Path, model: Path, out: Path, **more: object) -> tuple[Trained, int]:
    """The trained model, and how many pairs the reference read for it."""
    seen: list[int] = []

    def note(stage: str, done: int, total: int, metrics: object = None) -> None:
        if stage == "reference" and done == total:
            seen.append(total)

    cache = out.parent / "cache"
    return train(job, data, model, out, FAST | more, report=note, cache=cache), sum(seen)


def test_the_second_run_reads_what_the_first_found(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    first, computed = passes("dpo", version_folder, model_folder, tmp_path / "first")
    again, read_again = passes("dpo", version_folder, model_folder, tmp_path / "again")
    other, shared = passes("ipo", version_folder, model_folder, tmp_path / "other")
    alone = train("dpo", version_folder, model_folder, tmp_path / "alone", FAST)
    assert (computed, read_again, shared) == (first.metrics["train_kept"] + first.metrics["test_kept"], 0, 0)
    weights = {(one.path / "model.safetensors").read_bytes() for one in (first, again, alone)}
    assert len(weights) == 1
    assert (other.path / "model.safetensors").read_bytes() not in weights


def test_mismatched_pairs_are_kept_beside_the_others(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    """KTO's other pairs are not DPO's, and the rest is."""
    first, computed = passes("dpo", version_folder, model_folder, tmp_path / "first")
    _, more = passes("kto", version_folder, model_folder, tmp_path / "second")
    assert 0 < more == first.metrics["train_kept"] < computed


@pytest.mark.parametrize("change", ["weights", "a token", "precision", "max_length"])
def test_what_decides_them_changes_the_key(
    change: str, version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    passes("dpo", version_folder, model_folder, tmp_path / "first")
    more: dict[str, object] = {}
    if change == "weights":
        loaded = load_policy(model_folder)
        with torch.no_grad():
            next(loaded.model.parameters()).add_(1e-3)
        model_folder = save(tmp_path / "moved", loaded)
    elif change == "a token":
        rows = [pair_row(n, f"w{n % 40} good", f"w{n % 40} bad bad") for n in range(12)]
        version_folder = write_version(tmp_path / "data", pair_table(rows))
    elif change == "precision":
        more["fit.precision"] = "bf16"
    else:
        more["max_length"] = 10
    trained, computed = passes("dpo", version_folder, model_folder, tmp_path / "second", **more)
    assert computed == trained.metrics["train_kept"] + trained.metrics["test_kept"]


@pytest.mark.parametrize("spoil", ["cut", "size", "name", "values"])
def test_a_spoilt_file_is_made_anew(spoil: str, version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    passes("dpo", version_folder, model_folder, tmp_path / "first")
    files = sorted((tmp_path / "cache").rglob("*.safetensors"))
    whole = [file.read_bytes() for file in files]
    for file, data in zip(files, whole, strict=True):
        if spoil == "cut":
            file.write_bytes(data[: len(data) // 2])
        elif spoil == "size":
            write_tensors(file, {LOGPS: torch.zeros(2)})
        elif spoil == "values":
            write_tensors(file, {LOGPS: load_file(file)[LOGPS] + 0.1})
        else:
            file.write_bytes(data.replace(LOGPS.encode(), b"elsewhere"))
    _, computed = passes("dpo", version_folder, model_folder, tmp_path / "again")
    assert computed
    assert [file.read_bytes() for file in files] == whole


def test_the_order_of_pairs_is_part_of_the_key(tmp_path: Path) -> None:
    one, two = Encoded(ids=[1, 2, 3], cut=1), Encoded(ids=[1, 2, 4], cut=2)
    keys = {key(Sequences.of(order, 0), "no", torch.device("cpu")) for order in ((one, two), (two, one))}
    assert len(keys) == 2
    assert read(tmp_path / "absent", 2) is None
