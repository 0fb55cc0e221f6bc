from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.errors import InputError
from training.checkpoint import load_reward, save
from training.evaluate.ensemble import Ensemble, Member, ensemble_of
from training.evaluate.rewards import rewards_of

FIVE = [[1.0], [2.0], [0.5], [1.5], [2.5]]
MEMBERS = [{"model": str(n)} for n in range(5)]
MEAN, WORST, UNSURE = (Ensemble.model_validate({"members": MEMBERS, "how": how}) for how in ("mean", "wco", "uwo"))
TABLES = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.floats(-100, 100))


def test_worked_numbers() -> None:
    """Population variance 0.5."""
    assert [float(one.combined(FIVE)[0]) for one in (MEAN, WORST, UNSURE)] == [1.5, 0.5, 1.25]
    weak = UNSURE.model_copy(update={"strength": 0.1})
    assert float(weak.combined(FIVE)[0]) == pytest.approx(1.45)


@given(TABLES)
def test_one_member_or_no_pessimism_is_the_mean(rewards: np.ndarray) -> None:
    alone = rewards[:1]
    for ensemble in (MEAN, WORST, UNSURE):
        assert np.array_equal(ensemble.combined(alone), alone[0])
    calm = UNSURE.model_copy(update={"strength": 0.0})
    assert np.array_equal(calm.combined(rewards), MEAN.combined(rewards))


@given(TABLES, st.floats(-50, 50))
def test_a_shift_of_all_shifts_the_result(rewards: np.ndarray, shift: float) -> None:
    for ensemble in (MEAN, WORST, UNSURE):
        assert np.allclose(ensemble.combined(rewards + shift), ensemble.combined(rewards) + shift, atol=1e-8)


@given(TABLES, st.randoms())
def test_the_order_of_members_changes_nothing_and_the_worst_is_below_the_mean(rewards: np.ndarray, chance) -> None:
    order = list(range(len(rewards)))
    chance.shuffle(order)
    for ensemble in (MEAN, WORST, UNSURE):
        assert np.allclose(ensemble.combined(rewards[order]), ensemble.combined(rewards))
    assert (WORST.combined(rewards) <= MEAN.combined(rewards) + 1e-9).all()


@given(TABLES, st.floats(0.1, 4))
def test_pessimism_grows_with_the_square_of_the_scale(rewards: np.ndarray, scale: float) -> None:
    expected = scale * rewards.mean(0) - 0.5 * scale**2 * rewards.var(0)
    assert np.allclose(UNSURE.combined(scale * rewards), expected)


def prompt(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


ITEMS = [(prompt(f"say w{n}"), f"w{n} good") for n in range(12)]


def test_stored_models_score_on_one_scale(model_folder: Path, tmp_path: Path) -> None:
    folders = [save(tmp_path / str(seed), load_reward(model_folder, seed=seed)) for seed in (1, 2, 3)]
    large = load_reward(folders[0])
    with torch.no_grad():
        large.model.score.weight.mul_(100)
    folders[0] = save(tmp_path / "large", large)
    ensemble = ensemble_of(folders, ITEMS, how="wco")
    apart = ensemble.apart(ITEMS)
    assert np.allclose(apart.mean(1), 0, atol=1e-5)
    assert np.allclose(apart.std(1), 1, atol=1e-5)
    assert np.array_equal(ensemble.rewards_of(ITEMS), apart.min(0))
    again = Ensemble.model_validate_json(ensemble.model_dump_json())
    assert np.array_equal(again.rewards_of(ITEMS[:3]), ensemble.rewards_of(ITEMS[:3]))
    raw = rewards_of(folders[1], ITEMS[:3])
    assert np.allclose(again.apart(ITEMS[:3])[1], (raw - again.members[1].mean) / again.members[1].std)


def test_a_model_that_says_the_same_of_all_is_refused(model_folder: Path, tmp_path: Path) -> None:
    flat = save(tmp_path / "flat", load_reward(model_folder, head="zero"))
    with pytest.raises(InputError, match="gives all 12 reference responses one reward"):
        ensemble_of([flat], ITEMS)
    assert Ensemble(members=(Member(model=str(flat)),)).rewards_of(ITEMS[:2]).tolist() == [0, 0]
