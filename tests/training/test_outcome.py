"""A policy beside its reference, with models made here."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from schemas.errors import InputError
from tests.training.conftest import pair_row, pair_table
from training.answers import Asking, Both, answers_of_both
from training.checkpoint import Loaded, load_policy, save
from training.outcome import PROXY, policy_report

ASKING = Asking(samples=3, max_tokens=8, max_length=64)


@pytest.fixture(scope="module")
def asked() -> pa.Table:
    return pair_table([pair_row(n, f"w{n} good", f"w{n} bad") for n in range(40)])


@pytest.fixture(scope="module")
def moved(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model with other weights in its last layer's norm, and so other answers."""
    loaded = load_policy(model_folder)
    with torch.no_grad():
        loaded.model.base_model.norm.weight.mul_(1.5)
    return save(tmp_path_factory.mktemp("moved") / "policy", loaded)


@pytest.fixture(scope="module")
def both(moved: Path, model_folder: Path, asked: pa.Table) -> Both:
    return answers_of_both(moved, model_folder, asked, ASKING)


def test_a_policy_that_did_not_move_ties_with_itself(model_folder: Path, asked: pa.Table) -> None:
    same = answers_of_both(model_folder, model_folder, asked, ASKING)
    assert same.policy.texts == same.reference.texts
    rewards = np.random.default_rng(0).normal(size=len(same.policy.texts))
    report = policy_report(same, {PROXY: np.stack([rewards, rewards])}, {})
    found = {row.metric: row for row in report.rows}
    for row in found.values():
        if row.gain is not None:
            assert (row.gain.value, row.gain.low, row.gain.high) == pytest.approx((0, 0, 0), abs=1e-9), row.metric
    assert found[f"win rate by {PROXY}"].policy.value == 0.5
    assert found[f"win rate by {PROXY} at equal length"].policy.value == pytest.approx(0.5)
    assert [found[f"KL, k{n}"].policy.value for n in (1, 2, 3)] == pytest.approx([0, 0, 0], abs=1e-6)
    assert report.alarms == []


def test_kl_and_entropy_are_those_of_the_distributions(both: Both, moved: Path, model_folder: Path) -> None:
    """Against the exact sums over the vocabulary along the same responses, whose mean the estimators have."""
    ours, theirs = (load_policy(folder) for folder in (moved, model_folder))
    kl, entropy = 0.0, 0.0
    asked = [one.ids for one in both.prompts for _ in range(both.samples)]
    for ids, said in zip(asked, both.policy.sampled, strict=True):
        p, q = (_logps(loaded, [*ids, *said.ids], len(ids)) for loaded in (ours, theirs))
        kl += float((p.exp() * (p - q)).sum())
        entropy += float(-(p.exp() * p).sum())
    tokens = both.policy.tokens.sum()
    report = {row.metric: row.policy for row in policy_report(both, {}, {}).rows}
    assert report["KL, k1"].low < kl / len(both.rows) < report["KL, k1"].high
    assert report["KL, k3"].low < kl / len(both.rows) < report["KL, k3"].high
    assert report["entropy"].low < entropy / tokens < report["entropy"].high


@torch.no_grad()
def _logps(loaded: Loaded, ids: list[int], cut: int) -> torch.Tensor:
    """[C, V] before each response token."""
    logits = loaded.model.eval()(input_ids=torch.tensor([ids])).logits[0]
    return logits[cut - 1 : -1].double().log_softmax(-1)


def test_vectors_are_the_references_means(both: Both, model_folder: Path) -> None:
    still = load_policy(model_folder)
    one = both.prompts[0]
    ids = [*one.ids, *both.policy.sampled[0].ids]
    with torch.no_grad():
        hidden = still.model.eval().base_model(input_ids=torch.tensor([ids])).last_hidden_state[0]
    assert both.policy.vectors[0] == pytest.approx(hidden[len(one.ids) :].mean(0).numpy(), abs=1e-5)


def test_a_hacked_policy_is_named(both: Both) -> None:
    """The trained reward likes the policy, a held-out judge does not, and pairwise judges agree with it."""
    count = len(both.rows)
    up, down = np.stack([np.ones(count), np.zeros(count)]), np.stack([np.zeros(count), np.ones(count)])
    wins = np.zeros(len(both.prompts))
    names = [alarm.says for alarm in policy_report(both, {PROXY: up, "held out": down}, {"pairwise": wins}).alarms]
    assert any("held out falls" in says for says in names)
    assert any("pairwise falls" in says for says in names)
    assert policy_report(both, {PROXY: up, "held out": up}, {"pairwise": 1 - wins}).alarms == []


def test_what_a_judge_could_not_read_has_no_part(both: Both) -> None:
    rewards = np.stack([np.ones(len(both.rows)), np.zeros(len(both.rows))])
    rewards[0, :5] = math.nan
    wins = np.full(len(both.prompts), 1.0)
    wins[3] = math.nan
    found = {row.metric: row.policy for row in policy_report(both, {"judge": rewards}, {"pairwise": wins}).rows}
    assert found["reward by judge"].n == found["win rate by judge"].n == len(both.rows) - 5
    assert found["reward by judge"].value == 1
    assert found["win rate by pairwise"].n == len(both.prompts) - 1


def test_one_response_to_a_prompt_has_no_diversity_per_input(moved: Path, model_folder: Path, asked: pa.Table) -> None:
    one = answers_of_both(moved, model_folder, asked, ASKING.model_copy(update={"samples": 1, "prompts": 5}))
    metrics = {row.metric for row in policy_report(one, {}, {}).rows}
    assert {name for name in metrics if "per input" in name} == set()
    assert "EAD across inputs" in metrics
    assert len(one.prompts) == 5


def test_prompts_without_room_are_counted(model_folder: Path, asked: pa.Table) -> None:
    with pytest.raises(InputError, match="0 held-out prompts are short enough"):
        answers_of_both(model_folder, model_folder, asked, ASKING.model_copy(update={"max_length": 9}))
