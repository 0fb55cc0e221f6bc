"""Training beside TRL: one model, the same pairs, as many pairs in an optimizer step.

Each side trains in processes of its own, and they take turns; the median of the rounds counts. TRL runs in its default
micro batches of 8 pairs and keeps its activations; on a CPU in float32, which is faster there than bfloat16.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pyarrow as pa
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from curation.importers import IMPORTERS
from curation.readers import read_records
from curation.records import BadRow
from tests.bench.figures import say
from training.data import Version
from training.prepare import prepare_pairs
from training.scratch import Shape, from_scratch

SHARED = Path(os.environ.get("PREFINERY_SHARED", Path(__file__).parents[3] / "shared"))
HH = SHARED / "data" / "hh_rlhf" / "harmless_base_test_first1000.jsonl"
PEERS = Path(__file__).parent / "peers"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
MAX_TOKENS = 1024
LARGE = {
    "hidden_size": 1536,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 24,
    "num_key_value_heads": 24,
    "head_dim": 64,
}
"""The Llama on a GPU: 0.7 billion weights. On a CPU it has six layers of 256."""


def hh_pairs() -> pa.Table:
    """The pairs of the file, as a version holds them."""
    importer, rows = IMPORTERS.build({"name": "hh_rlhf"}), []
    for _, record in read_records(HH):
        try:
            prompt, chosen, rejected, _ = importer.translate(record)
        except BadRow:
            continue
        turns = [dict(message) for message in prompt.messages]
        rows.append({"prompt": turns, "chosen": chosen.text, "rejected_prompt": turns, "rejected": rejected.text})
    treatment = {"split": "train", "margin": 0.0, "weight": 1.0, "soft_label": 1.0}
    return pa.Table.from_pylist([row | treatment for row in rows])


def prepare(folder: Path, count: int) -> dict[str, int]:
    """Write an untrained model and the token ids of `count` pairs; returns the tokens that each side has to read."""
    pairs = hh_pairs()
    version = Version(dataset="hh", version=1, fingerprint="", pairs=pairs)
    model = from_scratch(version, Shape(layers=6, width=256), folder / "model")
    examples = prepare_pairs(pairs, AutoTokenizer.from_pretrained(model), MAX_TOKENS).examples
    rows = torch.arange(count)
    cuts = examples.sequences.cuts[rows].tolist()
    chosen, rejected = ([*examples.sequences.of_rows(rows + begin)] for begin in (0, len(examples)))
    ids = {
        "prompt_ids": [one[:cut].tolist() for one, cut in zip(chosen, cuts, strict=True)],
        "chosen_ids": [one[cut:].tolist() for one, cut in zip(chosen, cuts, strict=True)],
        "rejected_ids": [one[cut:].tolist() for one, cut in zip(rejected, cuts, strict=True)],
    }
    (folder / "pairs.json").write_text(json.dumps(ids))
    if DEVICE == "cuda":
        LlamaForCausalLM(LlamaConfig.from_pretrained(model, **LARGE)).save_pretrained(model)
    return {"prefinery": int(examples.lengths[rows].sum()), "trl": int(examples.tokens[rows].sum())}


def one_epoch(side: str, what: str, folder: Path, batch: int) -> dict[str, float]:
    """Seconds and peak memory of one side, in a process of its own."""
    command = [sys.executable, PEERS / f"{side}_training.py", folder, what, "--batch", str(batch)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def block_weights(folder: Path) -> int:
    """Weights that every token is multiplied with; the embeddings are only looked up."""
    return sum(weight.numel() for weight in LlamaForCausalLM.from_pretrained(folder).model.layers.parameters())


def product_rate(size: int) -> float:
    """Floating-point operations a second in one square product: the most that this machine does."""
    square = torch.randn(size, size, device=DEVICE, dtype=torch.bfloat16 if DEVICE == "cuda" else torch.float32)
    seconds: list[float] = []
    for _ in range(5):
        started = time.perf_counter()
        (square @ square).flatten()[0].item()
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def compare(*sides: tuple[str, str]) -> dict[tuple[str, str], dict[str, float]]:
    """Medians of seconds, processor seconds and MiB of each (side, what it trains), as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    settings = parser.parse_args()
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        tokens = prepare(Path(name), settings.pairs)
        weights = block_weights(Path(name) / "model")
        for _ in range(settings.rounds):
            for side in sides:
                found.setdefault(side, []).append(one_epoch(*side, Path(name), settings.batch))
    rate = product_rate(8192 if DEVICE == "cuda" else 2048)
    middle = {side: {key: median(one[key] for one in runs) for key in runs[0]} for side, runs in found.items()}
    for side, runs in found.items():
        speeds = ", ".join(f"{settings.pairs / one['seconds']:.2f}" for one in runs)
        say(f"{' '.join(side)}: {settings.pairs / middle[side]['seconds']:.2f} pairs/s ({speeds})")
        say(f"  {middle[side]['cpu_seconds']:.1f} s of the processor, at most {middle[side]['mib']:,.0f} MiB")
        mfu = 6 * weights * tokens[side[0]] / middle[side]["seconds"] / rate
        say(f"  MFU {mfu:.1%} of {rate / 1e9:,.0f} GFLOP/s, as in one large product ({tokens[side[0]]:,} tokens read)")
    return middle
