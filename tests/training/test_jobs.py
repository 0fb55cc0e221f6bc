from __future__ import annotations

import pytest

from schemas.errors import ConfigError, UnknownPlugin
from training.jobs import TrainSettings, objective_of, settings_of, words
from training.objectives.pairwise.dpo import DPO
from training.objectives.reward.bradley_terry import BradleyTerry


@pytest.mark.parametrize(
    ("word", "name"),
    [("reward", "bradley_terry"), ("bradley_terry",) * 2, ("dpo", "dpo"), ("pairwise", "dpo"), ("sft", "sft")],
)  # fmt: skip
def test_a_word_names_an_objective(word: str, name: str) -> None:
    assert objective_of(word).name == name


def test_an_unknown_word_gets_the_nearest() -> None:
    with pytest.raises(UnknownPlugin, match="Did you mean 'reward'"):
        settings_of("rewards")


def test_no_word_is_said_twice() -> None:
    assert {"likelihood", "pairwise", "reward", "sft", "dpo", "bradley_terry"} <= words().keys()


def test_changes_find_their_place() -> None:
    changes = {"beta": 0.3, "fit.learning_rate": 1e-4, "epochs": 2, "max_length": 64, "fit": {"seed": 5}}
    settings = settings_of("dpo", changes)
    assert settings.objective == DPO(beta=0.3)
    assert (settings.fit.learning_rate, settings.fit.epochs, settings.fit.seed) == (1e-4, 2, 5)
    assert settings.max_length == 64


def test_a_family_name_takes_the_fields_of_its_default() -> None:
    assert settings_of("reward", {"use_margin": True}).objective == BradleyTerry(use_margin=True)


@pytest.mark.parametrize("changes", [{"betta": 1}, {"fit.rate": 1}, {"beta": -1}, {"max_length": 0}])
def test_a_wrong_change_is_a_config_error(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        settings_of("dpo", changes)


def test_settings_survive_json() -> None:
    settings = settings_of("dpo", {"beta": 0.3})
    assert TrainSettings.model_validate_json(settings.model_dump_json()) == settings
