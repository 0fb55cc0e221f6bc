"""One epoch of reward or DPO training by TRL over pairs of token ids: seconds, and the peak memory of the process."""

import argparse
import json
import resource
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

MICRO_BATCH = 8
"""Its default."""


class Clock(TrainerCallback):
    def on_train_begin(self, *_, **__):
        self.started = time.perf_counter(), time.process_time()

    def on_train_end(self, *_, **__):
        self.seconds = time.perf_counter() - self.started[0]
        self.cpu_seconds = time.process_time() - self.started[1]


class Tokenised(DPOTrainer):
    """A DPOTrainer whose data are token ids already."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def measure(folder: Path, trainer: str, batch: int) -> dict[str, float]:
    """Seconds of training, by the clock and of the processor. In float32 on a CPU, where bfloat16 is slower."""
    gpu, clock = torch.cuda.is_available(), Clock()
    reward = trainer == "reward"
    extra = {} if reward else {"precompute_ref_log_probs": trainer == "dpo_cached"}
    with tempfile.TemporaryDirectory() as out:
        config = (RewardConfig if reward else DPOConfig)(
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
            **extra,
        )
        pairs = json.loads((folder / "pairs.json").read_text())
        if reward:
            prompts = pairs.pop("prompt_ids")
            pairs = {
                side: [start + rest for start, rest in zip(prompts, ids, strict=True)] for side, ids in pairs.items()
            }
        made = RewardTrainer if reward else Tokenised
        made(str(folder / "model"), args=config, train_dataset=Dataset.from_dict(pairs), callbacks=[clock]).train()
    return {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("trainer", choices=["reward", "dpo", "dpo_cached"])
    parser.add_argument("--batch", type=int, default=32)
    settings = parser.parse_args()
    with redirect_stdout(sys.stderr):
        found = measure(settings.folder, settings.trainer, settings.batch)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if torch.cuda.is_available():
        mib = torch.cuda.max_memory_allocated() / 2**20
    sys.stdout.write(json.dumps({**found, "mib": mib}) + "\n")
