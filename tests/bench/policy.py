"""DPO beside TRL's DPOTrainer, which reads the reference in every step, or has read it before."""

from tests.bench.beside_trl import DEVICE, compare
from tests.bench.figures import Bars

OURS, THEIRS, CACHED = ("prefinery", "dpo"), ("trl", "dpo"), ("trl", "dpo_cached")


def main() -> None:
    found = compare(OURS, THEIRS, CACHED)
    seconds = {side: one["seconds"] / found[OURS]["seconds"] for side, one in found.items()}
    bars = Bars()
    gpu = DEVICE == "cuda"
    bars.add("DPO pairs/s beside TRL", seconds[THEIRS], 2 if gpu else 4, most=False, unit=" x")
    bars.add("DPO pairs/s beside TRL, reference cached", seconds[CACHED], 2 if gpu else 3, most=False, unit=" x")
    bars.add("DPO peak memory beside TRL", found[OURS]["mib"] / found[THEIRS]["mib"], 0.5, unit=" x")
    bars.end()


if __name__ == "__main__":
    main()
