from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.errors import ConfigError, ModelError
from training.checkpoint import load_reward, save
from training.evaluate.ensemble import Ensemble, Member
from training.evaluate.implicit_reward import Implicit
from training.evaluate.rewards import rewards_of
from training.evaluate.subject import opened, read_subject, rewards_that_fit, subject_revision

ITEMS = [([{"role": "user", "content": "say w1"}], text) for text in ("w1", "w2 " * 60, "w3 good")]


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    return save(tmp_path / "reward", load_reward(model_folder))


def test_what_is_longer_than_the_models_context_has_no_reward(folder: Path) -> None:
    """The model reads 64 tokens."""
    found = rewards_that_fit(folder, ITEMS)
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[[0, 2]].tolist() == rewards_of(folder, [ITEMS[0], ITEMS[2]]).tolist()
    assert np.array_equal(opened(folder)(ITEMS), found.astype(np.float32), equal_nan=True)
    assert np.isnan(rewards_that_fit(folder, ITEMS, max_length=4)).all()
    assert not np.isnan(rewards_that_fit(folder, ITEMS, max_length=200)).any()


def test_an_ensemble_is_read_from_its_settings(folder: Path, tmp_path: Path) -> None:
    ensemble = Ensemble(members=(Member(model=str(folder), mean=0.5, std=2.0),) * 2, how="wco")
    (tmp_path / "ensemble.json").write_text(ensemble.model_dump_json())
    read = read_subject(str(tmp_path / "ensemble.json"))
    assert read == ensemble
    found = rewards_that_fit(read, ITEMS)
    assert np.isnan(found).tolist() == [False, True, False]
    assert found[0] == pytest.approx((rewards_of(folder, ITEMS[:1])[0] - 0.5) / 2)
    assert np.array_equal(opened(read)(ITEMS), found, equal_nan=True)


def test_a_revision_names_what_decides_the_rewards(folder: Path, tmp_path: Path) -> None:
    copy = save(tmp_path / "copy", load_reward(folder))
    mean, worst = (Ensemble(members=(Member(model=str(folder)),), how=how) for how in ("mean", "wco"))
    assert subject_revision(folder) == subject_revision(copy)
    assert subject_revision(mean) != subject_revision(worst)


@pytest.mark.parametrize(
    ("text", "sentence"), [(None, "cannot be read"), ("{}", "holds no ensemble"), ("nonsense", "holds no ensemble")]
)
def test_a_file_that_is_no_ensemble(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / "x.json").write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_subject(str(tmp_path / "x.json"))


def test_a_model_without_a_head_is_refused(model_folder: Path) -> None:
    with pytest.raises(ModelError, match="has no reward head"):
        rewards_that_fit(model_folder, ITEMS)


def test_a_policy_with_its_reference_is_a_reward_model(model_folder: Path, folder: Path) -> None:
    found = rewards_that_fit(Implicit(policy=str(model_folder), reference=str(model_folder)), ITEMS)
    assert np.array_equal(found, [0.0, np.nan, 0.0], equal_nan=True)
    kept = opened(Implicit(policy=str(model_folder), reference=str(model_folder)))
    assert np.array_equal(kept(ITEMS), found, equal_nan=True)
    one, ten = (Implicit(policy=str(model_folder), reference=str(model_folder), beta=beta) for beta in (0.1, 1.0))
    assert subject_revision(one) != subject_revision(ten)
    with pytest.raises(ModelError, match="is a reward model; leave out its reference"):
        rewards_that_fit(Implicit(policy=str(folder), reference=str(model_folder)), ITEMS)
