"""Two processes on one CPU train the model that one process trains: with copies of it (DDP), and in parts (FSDP)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from training.train import train

ROOT = Path(__file__).parents[2]
CHANGES = {
    "fit.batch_size": 8, "fit.learning_rate": 3e-3, "fit.epochs": 2, "max_length": 64,
    "fit.checkpoint_minutes": 0, "fit.patience": 9, "fit.measure_steps": 2, "held_out": 0.2,
}  # fmt: skip
# accelerate reaches for FSDP where it sees GPUs; it runs on CPUs as well.
SCRIPT = """
import json, sys, time
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedType
state = PartialState(cpu=True)
state._shared_state["distributed_type"] = DistributedType[sys.argv[6]]
assert state.num_processes == 2
if not state.is_main_process:  # late to read what the first may remove at the end
    load_state = Accelerator.load_state
    Accelerator.load_state = lambda *work: (time.sleep(2), load_state(*work))[1]
from training.train import train
train(*sys.argv[1:5], json.loads(sys.argv[5]))
"""
FSDP = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer", "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
}  # fmt: skip


@pytest.mark.parametrize(
    ("job", "kind", "environment"),
    [("reward", "MULTI_CPU", {}), ("reward", "MULTI_GPU", FSDP), ("dpo", "MULTI_GPU", FSDP)],
    ids=["reward-ddp", "reward-fsdp", "dpo-fsdp"],
)
def test_two_processes_train_the_same_model(
    job: str, kind: str, environment: dict[str, str], version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    one = train(job, version_folder, model_folder, tmp_path / "one", CHANGES)
    (tmp_path / "two.py").write_text(SCRIPT)
    run = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", tmp_path / "two.py"]
    work = [job, version_folder, model_folder, tmp_path / "two", json.dumps(CHANGES), kind]
    done = subprocess.run(
        [sys.executable, "-m", *map(str, run + work)],
        env=os.environ | environment | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        assert theirs[name].shape == weight.shape
        assert float((theirs[name] - weight).abs().max()) < 1e-5, name
    metrics = json.loads((tmp_path / "two" / "training.json").read_text())["metrics"]
    assert metrics == pytest.approx(dict(one.metrics), rel=1e-3, abs=1e-5)
