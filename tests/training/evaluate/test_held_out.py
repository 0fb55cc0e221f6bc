from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import InputError
from tests.training.conftest import pair_row, pair_table, write_version
from training.checkpoint import load_reward, save
from training.data import read_version
from training.evaluate.accuracy import pair_accuracy
from training.evaluate.held_out import evaluate_reward, reward_report, strengths_of
from training.evaluate.rewards import rewards_of

MARGINS = [None, 1.0, 2.0, 1.0]


def four(**other: object) -> pa.Table:
    texts = [("good", "bad"), ("good it w1 w1 w1", "bad"), ("w1 good it it", "w1 bad it it"), ("it", "bad good w1 w2")]
    rows = [pair_row(n, *sides, margin=MARGINS[n], source="ab"[n % 2]) for n, sides in enumerate(texts)]
    return pair_table([row | other for row in rows])


def test_slices_are_the_pairs_of_each_kind() -> None:
    report = reward_report(four(), np.array([[1.0, 2, 0, 0], [0.0, 0, 0, 3]]))
    found = {name: (one.n, one.accuracy.value, one.ties) for name, one in report.slices.items()}
    assert found == {
        "all": (4, 0.5, 1),
        "strength 1": (2, 0.5, 0),
        "strength 2": (1, 0.0, 1),
        "strength unknown": (1, 1.0, 0),
        "source a": (2, 0.5, 1),
        "source b": (2, 0.5, 0),
        "length less than half as long": (1, 0.0, 0),
        "length alike": (1, 0.0, 1),
        "length longer": (1, 1.0, 0),
        "length more than twice as long": (1, 1.0, 0),
    }
    assert report.slices["all"].half_tie.value == 0.625


def test_a_label_below_a_half_names_the_rejected_side_and_a_half_names_none() -> None:
    rewards = np.array([[1.0, 2, 1, 3], [0.0, 0, 0, 0]])
    assert reward_report(four(), rewards).slices["all"].accuracy.value == 1
    assert reward_report(four(soft_label=0.2), rewards).slices["all"].accuracy.value == 0
    tied = reward_report(four(soft_label=0.5), rewards)
    assert (tied.slices["all"].n, tied.whole["labelled ties"].value) == (0, 4)


def test_a_pair_that_was_not_read_is_counted_and_has_no_figure() -> None:
    report = reward_report(four(), np.array([[1.0, np.nan, 0, 0], [0.0, 0, 0, 3]]))
    assert (report.slices["all"].n, report.whole["too long"].value, report.whole["too long"].n) == (3, 1, 4)


def test_rewards_have_a_level_and_a_spread() -> None:
    """Of chosen (1, 2, 0, 0) and rejected (0, 0, 0, 3); a label below a half turns the differences, not the rewards."""
    rewards = np.array([[1.0, 2, 0, 0], [0.0, 0, 0, 3]])
    for label, difference in ((1.0, 0.0), (0.2, 0.0)):
        whole = reward_report(four(soft_label=label), rewards).whole
        assert whole["mean difference"].value == difference
        assert (whole["mean reward"].value, whole["mean reward"].n) == (0.75, 4)
        assert whole["deviation of rewards"].value == pytest.approx(np.std(rewards))
    turned = reward_report(four(soft_label=0.2), rewards[:, ::-1] + [[1.0], [0.0]]).whole
    assert turned["mean difference"].value == -1


def test_many_margins_are_quartered() -> None:
    names, codes = strengths_of(pa.chunked_array([[float(n) for n in range(100)], [None]]))
    assert list(names) == ["up to 24.75", "24.75 to 49.5", "49.5 to 74.25", "above 74.25", "unknown"]
    assert np.bincount(codes).tolist() == [25, 25, 25, 25, 1]


def test_a_reward_that_is_the_length_correlates_fully_with_it() -> None:
    pairs = four()
    lengths = np.array([[len(text) for text in pairs.column(side).to_pylist()] for side in ("chosen", "rejected")])
    report = reward_report(pairs, lengths.astype(float))
    assert report.whole["correlation of reward and length"].value == pytest.approx(1)
    assert report.whole["rank correlation of reward and length"].value == pytest.approx(1)
    assert report.slices["length less than half as long"].accuracy.value == 0


def test_the_temperature_is_fitted_on_one_half_and_reported_on_the_other() -> None:
    """Rewards ten times too sure: the temperature is about ten, and the other half's calibration is mended."""
    chance = np.random.default_rng(0)
    gaps = chance.normal(scale=2, size=2000)
    oriented = 10 * np.where(chance.random(2000) < 1 / (1 + np.exp(-gaps)), gaps, -gaps)
    pairs = pair_table([pair_row(n, "good", "bad") for n in range(2000)])
    whole = reward_report(pairs, np.stack([oriented, np.zeros(2000)])).whole
    assert whole["temperature, fitted on half of the prompts"].value == pytest.approx(10, rel=0.15)
    assert whole["temperature, fitted on half of the prompts"].n == whole["nll of the other half"].n == 1000
    assert whole["nll of the other half at the temperature"].value < 0.3 * whole["nll of the other half"].value
    assert whole["ece of the other half at the temperature"].high < whole["ece of the other half"].low


def test_a_stored_model_on_a_version(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "reward", load_reward(model_folder))
    version = read_version(version_folder)
    report = evaluate_reward(folder, version)
    held_out = version.split("test").to_pylist()
    gaps = [
        np.subtract(*rewards_of(folder, [(row["prompt"], row["chosen"]), (row["rejected_prompt"], row["rejected"])]))
        for row in held_out
    ]
    assert report.slices["all"].n == len(held_out) == 8
    expected = pair_accuracy(gaps, [row["prompt_id"] for row in held_out])
    assert report.slices["all"].accuracy == expected.accuracy
    assert report.slices["all"].nll.value == pytest.approx(expected.nll.value, abs=1e-5)
    assert {row.slice for row in report.rows()} == set(report.slices)
    assert {"accuracy", "ties", "ece", "too long"} <= {row.metric for row in report.rows() if row.slice == "all"}


def test_a_version_without_held_out_pairs_is_refused(model_folder: Path, tmp_path: Path) -> None:
    pairs = pair_table([pair_row(0, "good", "bad")])
    version = read_version(write_version(tmp_path / "v", pairs))
    with pytest.raises(InputError, match="no pair in the split 'test'"):
        evaluate_reward(model_folder, version)
