from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.batches import PairExamples, Sequences
from training.objectives.pairwise.apo import APO
from training.objectives.pairwise.kto import KTO, MismatchedBatch, MismatchedExamples, TwoScores, mismatched
from training.tokens import Encoded
from training.train import train

CHOSEN, REJECTED = 0.482507142, 0.480010660
"""1 - s(0.1 * (1 - 0.3)) and 1 - s(0.1 * (0.3 + 0.5))"""


def batch_of(matched: list[float], others: list[float]) -> tuple[TwoScores, MismatchedBatch]:
    """Pairs of one token a side; the reference gives all 0, so that scores are log-ratios. All chosen first."""
    count = len(matched) // 2
    one = torch.ones(count)
    encoded = [Encoded([1, 2, place], 2) for place in range(3, 3 + len(matched))]
    pairs = PairExamples(Sequences.of(encoded, pad=0), margin=one, weight=one, soft_label=one)
    scores = TwoScores(torch.tensor(matched)[:, None], torch.tensor(others)[:, None])
    return scores, MismatchedExamples(pairs).batch(torch.arange(count))


@pytest.mark.parametrize(
    ("weights", "loss"), [((1.0, 1.0), (CHOSEN + REJECTED) / 2), ((2.0, 0.0), CHOSEN), ((0.0, 2.0), REJECTED)]
)
def test_worked_numbers(weights: tuple[float, float], loss: float) -> None:
    """Log-ratios 1 and -0.5, and a mean of 0.3 over mismatched ones."""
    objective = KTO(desirable=weights[0], undesirable=weights[1])
    step = objective.loss_of(*batch_of([1.0, -0.5], [0.8, -0.2]))
    assert step.loss.item() == pytest.approx(loss, abs=1e-6)
    assert step.metrics["kl"].item() == pytest.approx(0.3)


def test_a_policy_that_went_nowhere_costs_one_half() -> None:
    assert KTO().loss_of(*batch_of([0.0, 0.0], [0.0, 0.0])).loss.item() == pytest.approx(0.5)


def test_a_distance_below_zero_counts_as_zero() -> None:
    """Then the loss is half of APO's, which counts from the reference."""
    found = KTO().loss_of(*batch_of([1.0, -0.5], [-3.0, -2.0]))
    assert found.metrics["kl"] == 0
    assert found.loss.item() == pytest.approx(APO()(of(*GOLDEN)).loss.item() / 2, abs=1e-6)


def test_a_prompt_is_followed_by_the_response_before_its_own() -> None:
    """On each side by itself, and cut to the longest sequence that the model is to read."""
    sides = [[[1, 2], [3]], [[1], [4, 5, 6]], [[1, 2], [7, 8]], [[1], [9]]]
    found = mismatched(Sequences.of([Encoded(prompt + response, len(prompt)) for prompt, response in sides], pad=0))
    rows = [ids.tolist() for ids in found.of_rows(torch.arange(4))]
    assert rows == [[1, 2, 4, 5], [1, 3], [1, 2, 9], [1, 7, 8]]
    assert found.cuts.tolist() == [2, 1, 2, 1]


def test_a_run_starts_at_its_reference_and_learns(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    """Mismatched pairs have a reference of their own, or the first distance would be hundreds of nats."""
    changes = {"epochs": 6, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64, "beta": 0.5}
    trained = train("kto", version_folder, model_folder, tmp_path / "out", changes)
    first = json.loads((trained.path / "history.jsonl").read_text().splitlines()[0])
    assert first["loss"] == pytest.approx(0.5, abs=1e-5)
    assert first["kl"] == pytest.approx(0, abs=1e-5)
    assert trained.metrics["test_accuracy"] == 1.0
