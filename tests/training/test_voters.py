"""Voters: out of fold, each its own, in one batched training or one after the other."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from schemas.errors import InputError
from training.data import Version
from training.lora import Lora
from training.settings import FitSettings, VoterSettings
from training.voters import drawn, folds_of, vote

from .conftest import WORDS, pair_row, pair_table

QUICK = FitSettings(epochs=2, batch_size=8, learning_rate=1e-2)
PROMPTS = [f"p{n % 30}" for n in range(60)]


@pytest.fixture(scope="module")
def version():
    """60 pairs of the train split: the chosen response says `good`, but in every sixth pair `bad`."""
    sides = [("good", "bad") if n % 6 else ("bad", "good") for n in range(60)]
    rows = [pair_row(n, f"w{n % 40} {a}", f"w{n % 40} {b}", split="train") for n, (a, b) in enumerate(sides)]
    return Version(dataset="tiny", version=1, fingerprint="f", pairs=pair_table(rows))


def settings(**changes):
    return VoterSettings(**{"count": 3, "folds": 3, "max_length": 64, "fit": QUICK, **changes})


def test_a_prompt_is_in_one_fold_whatever_else_there_is():
    wanted = settings(folds=4)
    folds = folds_of(PROMPTS, wanted)
    assert len({(prompt, fold) for prompt, fold in zip(PROMPTS, folds.tolist(), strict=True)}) == 30
    assert torch.equal(folds_of(PROMPTS[::-1], wanted), folds.flip(0))
    with pytest.raises(InputError, match="2 prompts do not fill 3 folds"):
        folds_of(["a", "b"], settings())


@pytest.mark.parametrize("bootstrap", [True, False])
def test_no_voter_is_trained_on_what_it_votes_on(bootstrap):
    wanted = settings(bootstrap=bootstrap)
    folds = folds_of(PROMPTS, wanted)
    for fold in range(3):
        rows = drawn(folds, fold, 0, wanted)
        assert not (folds[rows] == fold).any()
        assert len(rows) == 40
        assert torch.equal(rows, drawn(folds, fold, 0, wanted.model_copy(update={"count": 9})))
        assert not torch.equal(rows, drawn(folds, fold, 1, wanted))
    everything = drawn(folds, 0, 0, settings(folds=1, bootstrap=False))
    assert sorted(everything.tolist()) == list(range(60))


ADAPTERS = {"lora": Lora(rank=8), "fit": QUICK.model_copy(update={"learning_rate": 5e-2, "epochs": 4})}


@pytest.mark.parametrize(
    "changes",
    [{"mode": "shared"}, {"mode": "shared", "tune": True}, {"mode": "full"}, {"mode": "full", **ADAPTERS}],
    ids=["shared", "tuned", "full", "adapters"],
)
def test_voters_see_which_labels_are_wrong(version, model_folder, changes):
    """The rule is in 50 pairs, and every voter votes against most of the other ten, which it has not learned from."""
    found = vote(version, model_folder, settings(count=2, **changes))
    assert found.rewards.shape == (2, 120)
    assert found.pair_ids == tuple(version.pairs.column("pair_id").to_pylist())
    assert len(set(found.voters)) == 2
    chosen, rejected = np.split(found.rewards, 2, axis=1)
    wrong = np.arange(60) % 6 == 0
    against = (chosen - rejected) < 0
    assert against[:, wrong].mean() >= 0.8
    assert against[:, ~wrong].mean() <= 0.2
    assert not np.allclose(found.rewards[0], found.rewards[1])
    assert np.array_equal(found.rewards, vote(version, model_folder, settings(count=2, **changes)).rewards)


def test_a_shared_voter_is_what_it_is_alone(version, model_folder):
    """Ten heads in one batched operation: the first is the one that one head alone would be."""
    alone = vote(version, model_folder, settings(count=1)).rewards
    among = vote(version, model_folder, settings(count=10)).rewards
    assert np.allclose(alone[0], among[0], rtol=1e-4, atol=1e-5)
    assert np.abs(among[1] - among[0]).max() > 1e-2


def test_a_voter_that_has_seen_a_pair_agrees_with_its_label(model_folder):
    """Labels tossed by a coin, fewer pairs than a head has weights: with one fold each is agreed with, else by half."""
    chance = random.Random(0)
    texts = [" ".join(chance.choices(WORDS, k=6)) for _ in range(60)]
    rows = [pair_row(n, texts[n], texts[n + 30], split="train") for n in range(30)]
    made = Version(dataset="tiny", version=1, fingerprint="f", pairs=pair_table(rows))
    long = FitSettings(epochs=200, batch_size=8, learning_rate=3e-2)
    agreed = {}
    for folds in (1, 3):
        rewards = vote(made, model_folder, settings(folds=folds, bootstrap=False, heads=long)).rewards
        agreed[folds] = (np.subtract(*np.split(rewards, 2, axis=1)) > 0).mean()
    assert agreed[1] == 1
    assert agreed[3] < 0.75


def test_pairs_that_are_too_long_are_counted_and_not_voted_on(version, model_folder):
    long = version.pairs.slice(0, 59)
    rows = [*long.to_pylist(), pair_row(59, "w1 " * 70, "bad", split="train")]
    found = vote(Version(dataset="t", version=1, fingerprint="f", pairs=pair_table(rows)), model_folder, settings())
    assert (found.funnel.read, found.funnel.kept, dict(found.funnel.dropped)) == (60, 59, {"too_long": 1})
    assert found.rewards.shape[1] == 2 * 59


def test_the_test_split_is_not_voted_on(version, model_folder):
    rows = [row | {"split": "test" if n < 10 else "train"} for n, row in enumerate(version.pairs.to_pylist())]
    found = vote(Version(dataset="t", version=1, fingerprint="f", pairs=pair_table(rows)), model_folder, settings())
    assert found.pair_ids == tuple(f"pair{n}" for n in range(10, 60))
