from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.checkpoint import Loaded, load_policy
from training.evaluate.accuracy import pair_accuracy
from training.evaluate.implicit_reward import implicit_rewards, response_logps
from training.objectives.pairwise import PairLogps
from training.objectives.pairwise.dpo import DPO
from training.objectives.reward import PairRewards
from training.objectives.reward.bradley_terry import BradleyTerry
from training.tokens import encode


def prompt(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


ITEMS = [(prompt(f"say w{n}"), f"w{n} good" + " it" * (n % 3)) for n in range(6)]
WHOLE = st.integers(-20, 20).map(float)
LOGPS = arrays(np.float32, (4, 5), elements=st.floats(-20, 0, width=16))


@pytest.fixture(scope="module")
def moved(model_folder: Path) -> Loaded:
    """A policy that has left its reference."""
    loaded = load_policy(model_folder)
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in loaded.model.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=chance))
    return loaded


def test_log_probabilities_are_those_of_the_model(policy: Loaded) -> None:
    """Summed over the response and its end token, one item at a time and without padding."""
    model, tokenizer = policy
    expected = []
    for one in encode(tokenizer, [where for where, _ in ITEMS], [text for _, text in ITEMS]):
        with torch.no_grad():
            logps = model.eval()(input_ids=torch.tensor([one.ids])).logits[0].log_softmax(-1)
        expected.append(sum(logps[at - 1, one.ids[at]].item() for at in range(one.cut, len(one.ids))))
    assert response_logps(policy, ITEMS).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_policy_that_never_left_its_reference_says_0_of_all(model_folder: Path) -> None:
    rewards = implicit_rewards(model_folder, model_folder, ITEMS)
    assert rewards.tolist() == [0.0] * len(ITEMS)
    found = pair_accuracy(rewards[::2] - rewards[1::2], ["a", "b", "c"])
    assert (found.accuracy.value, found.half_tie.value) == (0.0, 0.5)


def test_beta_scales_and_changes_no_accuracy(model_folder: Path, moved: Loaded) -> None:
    one, ten = (implicit_rewards(moved, model_folder, ITEMS, beta=beta) for beta in (1.0, 10.0))
    assert np.allclose(ten, 10 * one)
    assert len(np.unique(one)) == len(ITEMS)
    accuracies = [pair_accuracy(each[::2] - each[1::2], ["a", "b", "c"]).accuracy for each in (one, ten)]
    assert accuracies[0] == accuracies[1]


@given(arrays(np.float32, (2, 5), elements=WHOLE), arrays(np.float32, 5, elements=WHOLE))
def test_what_is_added_to_both_sides_of_a_prompt_changes_nothing(sides: np.ndarray, shift: np.ndarray) -> None:
    """Whole numbers, so that the sums are exact."""
    chosen, rejected = sides + shift
    names = [str(n) for n in range(5)]
    assert pair_accuracy(chosen - rejected, names) == pair_accuracy(sides[0] - sides[1], names)


@given(LOGPS, st.floats(0.05, 2))
def test_dpo_is_bradley_terry_on_implicit_rewards(logps: np.ndarray, beta: float) -> None:
    sides = [torch.tensor(row) for row in logps]
    ones = torch.ones(5)
    chosen, rejected = beta * (sides[0] - sides[2]), beta * (sides[1] - sides[3])
    explicit = BradleyTerry()(PairRewards(chosen, rejected, 0 * ones, ones, ones)).loss
    implicit = DPO(beta=beta)(PairLogps(*sides, ones, ones, 0 * ones, ones, ones)).loss
    assert implicit.item() == pytest.approx(explicit.item(), rel=1e-5, abs=1e-6)
