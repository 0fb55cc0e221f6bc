"""Curves from files of scored responses."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from flows.overoptimization import show_best_of_n, show_checkpoints
from schemas.errors import ConfigError, InputError
from tests.flows.conftest import Shell
from tests.training.conftest import make_tokenizer
from training.checkpoint import Loaded, load_reward, save
from training.evaluate.best_of_n import expected_best, kl_of_best
from training.evaluate.ensemble import Ensemble
from training.evaluate.overoptimization import Fitted
from training.evaluate.rewards import rewards_of

PROMPTS, SAMPLES = 12, 8
CHANCE = np.random.default_rng(0)
GOLD = CHANCE.normal(size=(PROMPTS, SAMPLES))
PROXY = GOLD + CHANCE.normal(size=GOLD.shape)
ANSWERS = [
    {
        "prompt": f"say w{n}",
        "response": " ".join(["good", *[f"w{place}"] * place]),
        "gold": GOLD[n, place],
        "proxy": PROXY[n, place],
    }
    for n in range(PROMPTS)
    for place in range(SAMPLES)
]


def write(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    return write(tmp_path / "answers.jsonl", ANSWERS)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two untrained reward models."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models")
    policy = save(folder / "policy", Loaded(LlamaForCausalLM(config), tokenizer))
    return [save(folder / str(seed), load_reward(policy, seed=seed)) for seed in (1, 2)]


def test_the_command_prints_the_points_and_draws_them(tmp_path: Path, answers: Path) -> None:
    picture = tmp_path / "curve.svg"
    printed = Shell(tmp_path / "none")(
        "evaluate", "best-of-n", answers, "--n", 1, "--n", 2, "--n", 8, "--points", "-o", picture, "--format", "json"
    )
    rows = [row for row in json.loads(printed.stdout) if row["score"] == "gold"]
    assert [(row["model"], row["point"]) for row in rows] == [("proxy", 1), ("proxy", 2), ("proxy", 8)]
    best = (expected_best(PROXY, GOLD, 2).mean() - GOLD.mean()) / GOLD.std()
    assert rows[1]["value"] == pytest.approx(best)
    assert rows[2]["kl"] == pytest.approx(kl_of_best(8))
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    text = picture.read_text()
    assert text.startswith("<svg")
    assert "sqrt(KL) from the starting policy" in text
    assert "the fitted law" in text
    assert text.count(">proxy<") == 2, "the title of a panel, and the name of the curve"


def test_models_and_ensembles_choose(
    tmp_path: Path, answers: Path, models: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    ensemble = Ensemble.model_validate({"members": [{"model": str(one)} for one in models], "how": "wco"})
    stored = tmp_path / "wco.json"
    stored.write_text(ensemble.model_dump_json())
    show_best_of_n(answers, [str(models[0]), str(stored)], str(models[1]), [1, 4, 8], True, "json", None)
    rows = [row for row in json.loads(capsys.readouterr().out) if row["score"] == "gold" and row["point"] == 8]
    assert [row["model"] for row in rows] == [str(models[0]), str(stored)]
    items = [([{"role": "user", "content": row["prompt"]}], row["response"]) for row in ANSWERS]
    gold = rewards_of(models[1], items).astype(float).reshape(PROMPTS, SAMPLES)
    for row, proxy in zip(rows, (rewards_of(models[0], items), ensemble.rewards_of(items)), strict=True):
        chosen = expected_best(proxy.reshape(PROMPTS, SAMPLES), gold, 8).mean()
        assert row["value"] == pytest.approx((chosen - gold.mean()) / gold.std())


def test_the_summary_is_a_row_a_proxy(answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_best_of_n(answers, [], None, [], False, "json", None)
    (row,) = json.loads(capsys.readouterr().out)
    assert {"model", "alpha", "beta", "peak_distance", "law_peak_distance", "fall", "fall_low", "fall_high"} <= {*row}
    assert row["tied"] == 0


def test_one_n_is_enough(tmp_path: Path, answers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_best_of_n(answers, [], None, [4], False, "json", tmp_path / "curve.svg")
    (row,) = json.loads(capsys.readouterr().out)
    assert row["peak_gold"] == pytest.approx((expected_best(PROXY, GOLD, 4).mean() - GOLD.mean()) / GOLD.std())
    assert "alpha" not in row
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")


def test_checkpoints_follow_the_law_of_rl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    law = Fitted(law="rl", alpha=1.0, beta=0.6)
    start = [-1.0, 1.0]
    rows = [
        {"step": 10 * place, "prompt": f"p{n}", "kl": kl, "proxy": base + kl, "gold": base + law.at(math.sqrt(kl))}
        for place, kl in enumerate([0.0, 0.5, 1.0, 2.0, 4.0, 9.0])
        for n, base in enumerate(start)
    ]
    show_checkpoints(write(tmp_path / "run.jsonl", rows[::-1]), False, "json", None)
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["model"], found["alpha"], found["beta"]) == ("run", pytest.approx(1.0), pytest.approx(0.6))
    assert found["peak_distance"] == pytest.approx(2.0)
    with pytest.raises(InputError, match="measured on different prompts"):
        show_checkpoints(write(tmp_path / "gap.jsonl", rows[:-1]), False, "json", None)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param(ANSWERS[:-1], "prompts have 7 to 8 responses", id="uneven"),
        pytest.param([*ANSWERS, {"prompt": "say w1"}], "record 97: it needs prompt and response", id="no-response"),
        pytest.param([{"prompt": "a", "response": "b", "proxy": 1.0}], "no number 'gold'", id="no-gold"),
        pytest.param([], "has no records", id="empty"),
        pytest.param(ANSWERS[::SAMPLES], "every prompt has one response", id="one-response"),
    ],
)
def test_a_file_that_does_not_do_says_why(tmp_path: Path, rows: list, says: str) -> None:
    with pytest.raises(InputError, match=says):
        show_best_of_n(write(tmp_path / "bad.jsonl", rows), [], None, [], False, "json", None)


def test_an_ensemble_that_is_none_says_why(tmp_path: Path, answers: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"members": []}')
    with pytest.raises(ConfigError, match="holds no ensemble: members"):
        show_best_of_n(answers, [str(bad)], None, [], False, "json", None)


def test_a_sample_that_a_model_cannot_read_says_so(tmp_path: Path, models: list[Path]) -> None:
    """The models read 64 tokens."""
    rows = [{"prompt": "say w1", "response": text, "gold": 0.0} for text in ("w1", "w2 " * 60)]
    with pytest.raises(InputError, match="1 of 2 samples are longer than"):
        show_best_of_n(write(tmp_path / "long.jsonl", rows), [str(models[0])], None, [], False, "json", None)
