"""One epoch of the loop over pairs of token ids, a reward model or DPO: seconds, and the peak memory of the process.

DPO's reference log-probabilities are there before the clock starts, as in every run after the first one.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import torch

from training.attention import choose_attention
from training.batches import PairExamples, Sequences
from training.checkpoint import load_policy, load_reward
from training.loop import fit
from training.objectives import Objective
from training.objectives.pairwise.dpo import DPO
from training.objectives.reward.bradley_terry import BradleyTerry
from training.score import score_all
from training.settings import FitSettings
from training.tokens import Encoded


def measure(folder: Path, objective: Objective, batch: int) -> dict[str, float]:
    """Seconds of training, by the clock and of the processor."""
    load = load_reward if objective.kind == "reward" else load_policy
    model = load(folder / "model").model
    if torch.cuda.is_available():
        model.cuda()
    choose_attention(model, model.config.max_position_embeddings)
    pairs = json.loads((folder / "pairs.json").read_text())
    encoded = [
        Encoded(start + rest, len(start))
        for side in ("chosen_ids", "rejected_ids")
        for start, rest in zip(pairs["prompt_ids"], pairs[side], strict=True)
    ]
    ones = torch.ones(len(encoded) // 2)
    examples = PairExamples(Sequences.of(encoded, 0), margin=ones * 0, weight=ones, soft_label=ones)
    scorer = objective.scorer(model)
    if objective.kind == "policy":
        both = score_all(scorer, examples, lambda logps, _: torch.stack(logps.sum(1).chunk(2), dim=1))
        examples.reference = both.T.reshape(-1)
    settings = FitSettings(batch_size=batch, precision="bf16" if torch.cuda.is_available() else "no")
    started, cpu_started = time.perf_counter(), time.process_time()
    for _ in fit(scorer, examples, objective.loss_of, settings):
        pass
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_started}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("objective", choices=["reward", "dpo"])
    parser.add_argument("--batch", type=int, default=32)
    settings = parser.parse_args()
    found = measure(settings.folder, BradleyTerry() if settings.objective == "reward" else DPO(), settings.batch)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if torch.cuda.is_available():
        mib = torch.cuda.max_memory_allocated() / 2**20
    sys.stdout.write(json.dumps({**found, "mib": mib}) + "\n")
