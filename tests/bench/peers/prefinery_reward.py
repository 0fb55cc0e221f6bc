"""One epoch of reward training over pairs of token ids: seconds, and the peak memory of the process."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import torch

from training.attention import choose_attention
from training.batches import PairExamples, Sequences
from training.checkpoint import load_reward
from training.loop import FitSettings, fit
from training.objectives.reward.bradley_terry import BradleyTerry
from training.score import RewardScorer
from training.tokens import Encoded


def measure(folder: Path, batch: int) -> dict[str, float]:
    """Seconds of training, by the clock and of the processor."""
    model = load_reward(folder / "model").model
    if torch.cuda.is_available():
        model.cuda()
    choose_attention(model, model.config.max_position_embeddings)
    sides = json.loads((folder / "pairs.json").read_text())
    encoded = [Encoded(ids, 1) for side in ("chosen_ids", "rejected_ids") for ids in sides[side]]
    ones = torch.ones(len(encoded) // 2)
    examples = PairExamples(Sequences.of(encoded, 0), margin=ones * 0, weight=ones, soft_label=ones)
    settings = FitSettings(batch_size=batch, precision="bf16" if torch.cuda.is_available() else "no")
    started, cpu_started = time.perf_counter(), time.process_time()
    for _ in fit(RewardScorer(model), examples, BradleyTerry().loss_of, settings):
        pass
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_started}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=32)
    settings = parser.parse_args()
    found = measure(settings.folder, settings.batch)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if torch.cuda.is_available():
        mib = torch.cuda.max_memory_allocated() / 2**20
    sys.stdout.write(json.dumps({**found, "mib": mib}) + "\n")
