"""One epoch of TRL's RewardTrainer over pairs of token ids: seconds, and the peak memory of the process."""

import argparse
import json
import resource
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import RewardConfig, RewardTrainer

MICRO_BATCH = 8
"""Its default."""


class Clock(TrainerCallback):
    def on_train_begin(self, *_, **__):
        self.started = time.perf_counter(), time.process_time()

    def on_train_end(self, *_, **__):
        self.seconds = time.perf_counter() - self.started[0]
        self.cpu_seconds = time.process_time() - self.started[1]


def measure(folder: Path, batch: int) -> dict[str, float]:
    """Seconds of training, by the clock and of the processor. In float32 on a CPU, where bfloat16 is slower."""
    gpu, clock = torch.cuda.is_available(), Clock()
    with tempfile.TemporaryDirectory() as out:
        config = RewardConfig(
            out,
            num_train_epochs=1,
            per_device_train_batch_size=MICRO_BATCH,
            gradient_accumulation_steps=batch // MICRO_BATCH,
            max_length=None,
            bf16=gpu,
            use_cpu=not gpu,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        pairs = Dataset.from_dict(json.loads((folder / "pairs.json").read_text()))
        RewardTrainer(str(folder / "model"), config, train_dataset=pairs, callbacks=[clock]).train()
    return {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=32)
    settings = parser.parse_args()
    with redirect_stdout(sys.stderr):
        found = measure(settings.folder, settings.batch)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if torch.cuda.is_available():
        mib = torch.cuda.max_memory_allocated() / 2**20
    sys.stdout.write(json.dumps({**found, "mib": mib}) + "\n")
