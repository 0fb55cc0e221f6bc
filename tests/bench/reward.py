"""Reward training beside TRL's RewardTrainer."""

from tests.bench.beside_trl import DEVICE, compare
from tests.bench.figures import Bars

OURS, THEIRS = ("prefinery", "reward"), ("trl", "reward")


def main() -> None:
    found = compare(OURS, THEIRS)
    bars = Bars()
    least = 1.8 if DEVICE == "cuda" else 3.5
    bars.add("pairs/s beside TRL", found[THEIRS]["seconds"] / found[OURS]["seconds"], least, most=False, unit=" x")
    bars.add("peak memory beside TRL", found[OURS]["mib"] / found[THEIRS]["mib"], 0.6, unit=" x")
    bars.end()


if __name__ == "__main__":
    main()
