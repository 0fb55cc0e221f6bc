"""`prefinery evaluate policy`: what it prints, keeps and draws of runs made here, and what it says when it cannot."""

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.compare import wins_by_judge
from flows.curate import curate_into
from flows.diagnose import GOLD, Wanted, diagnose
from flows.models import located
from flows.policy_plots import way_plot, ways
from flows.recipe import load
from flows.retrain import train_one
from flows.sandbox import prompts
from schemas.errors import ConfigError, PrefineryError
from schemas.prompts import Prompt, user
from tests.flows.conftest import Here, write_comparisons, write_recipe
from tests.flows.pages import check_whole, labels_of, plots_of
from tests.servers.start import server
from tests.training.conftest import pair_row, pair_table, write_version
from training.checkpoint import load_reward, save
from training.data import read_version
from training.evaluate.overoptimization import Fitted
from training.scratch import Shape, from_scratch
from training.train import train
from warehouse import query
from warehouse.lake import Lake
from warehouse.versions import find_version

REWARD = {"max_length": 64, "fit.learning_rate": 3e-3, "fit.batch_size": 16}
ONLINE = REWARD | {"fit.epochs": 4, "rollout.max_tokens": 12, "rollout.prompts": 16, "rollout.passes": 2, "kl": 0.01}


@dataclass(frozen=True)
class Ground:
    """A warehouse with votes@1, reward models, and policies that learned from it: votes@1/ppo and votes@1/dpo.

    The model that watches says the opposite of the one that rewards: whatever is learned is a hack to it.
    """

    warehouse: Path
    folder: Path

    def rows(self, text):
        return query(self.warehouse, text).to_pylist()


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    place = tmp_path_factory.mktemp("diagnosed")
    file = write_comparisons(place / "comparisons.jsonl")
    with Lake.create(place / "warehouse") as lake:
        import_paths(lake, IMPORTERS.build("hh_rlhf"), [file])
        curate_into(lake, load(write_recipe(place / "votes.yaml"), {"train": []}))
        version = find_version(lake, "votes@1")
        for seed, name in enumerate(("rewarding", "judging")):
            train_one(lake, version, "reward", "scratch/2x32", REWARD | {"fit.seed": seed}, place / name)
        against = load_reward(place / "rewarding")
        against.model.score.weight.data.neg_()
        save(place / "watching", against)
        rewards = [{"source": str(place / "rewarding")}, {"source": str(place / "watching"), "weight": 0.0}]
        train_one(lake, version, "ppo", "scratch/2x32", ONLINE | {"rollout.rewards": rewards}, place / "ppo")
        train_one(lake, version, "dpo", "scratch/2x32", REWARD, place / "dpo")
    return Ground(place / "warehouse", place)


def test_the_page_of_an_online_run(ground, tmp_path):
    """By the command itself: what is printed is what is kept, and the page shows it."""
    page = tmp_path / "ppo.html"
    judge = ground.folder / "judging"
    done = Here(ground.warehouse)(
        "evaluate", "policy", "votes@1/ppo", "--judge", judge, "-o", page, "--samples", 2, "--format", "json"
    )
    rows = {row["metric"]: row for row in json.loads(done.stdout)}
    for judge in ("the trained reward", "watching", "judging"):
        row = rows[f"reward by {judge}"]
        assert row["gain"] == pytest.approx(row["value"] - row["reference"])
        assert row["gain_low"] <= row["gain"] <= row["gain_high"]
        assert 0 <= rows[f"win rate by {judge} at equal length"]["value"] <= 1
    assert rows["KL, k3"]["value"] > 0
    kept = ground.rows("from evaluations where data like 'votes@1 test, % prompts of 2 samples'")
    assert {row["metric"]: row["value"] for row in kept}["KL, k3"] == rows["KL, k3"]["value"]
    assert {row["metric"]: row["value"] for row in kept}["entropy, gain"] == rows["entropy"]["gain"]
    alarms = [line for line in done.stderr.splitlines() if line.startswith("alarm: ")]
    assert {row["metric"]: row["value"] for row in kept}["alarms"] == len(alarms)

    text = page.read_text()
    check_whole(text)
    fingerprint = ground.rows("select distinct fingerprint as it from models")[0]["it"]
    for part in ("votes@1/ppo", fingerprint, "at equal length", "EAD across inputs", "the law's peak", "say "):
        assert part in text
    assert "responses are cut off" in text, "an untrained model does not know how to end"
    assert any("responses are cut off" in line for line in alarms)
    assert rows["reward by watching"]["gain"] == pytest.approx(-rows["reward by the trained reward"]["gain"], abs=1e-5)
    hacks = [line for line in alarms if "reward hacking" in line]
    assert any("watching falls" in line for line in hacks)
    assert not any("judging" in line for line in hacks)
    way, curves = map(labels_of, plots_of(text))
    assert {"the trained reward", "watching", "sqrt(KL) from the start, sqrt(nats)"} <= {*way}
    assert {"k1", "k2", "k3", "reward", "share of clipped ratios", "variance that the critic explains"} <= {*curves}
    assert {"entropy, nats per token", "tokens per response"} <= {*curves}


def test_the_page_of_a_run_on_pairs_shows_what_there_is(ground, tmp_path, capfd):
    page = tmp_path / "dpo.html"
    wanted = Wanted(samples=2, max_tokens=8)
    assert diagnose(ground.warehouse, str(ground.folder / "dpo"), wanted, "table", page)
    assert "reward by" not in capfd.readouterr().out, "nothing rewarded it"
    text = page.read_text()
    check_whole(text)
    assert "What did distance buy?" not in text
    assert "No held-out judge was named" in text
    (curves,) = map(labels_of, plots_of(text))
    assert {"margin", "accuracy", "log-probability of chosen responses, nats"} <= {*curves}


def test_a_proxy_and_a_reference_that_are_named(ground, capfdbinary):
    """A policy whose reference is itself gains nothing by any reward."""
    me = str(ground.folder / "dpo")
    wanted = Wanted(proxy=str(ground.folder / "rewarding"), reference=me, samples=2, max_tokens=8)
    assert diagnose(ground.warehouse, me, wanted, "json", None)
    rows = {row["metric"]: row for row in json.loads(capfdbinary.readouterr().out)}
    assert rows["reward by the trained reward"]["gain"] == 0
    assert rows["win rate by the trained reward"]["value"] == 0.5


def test_what_cannot_be_measured_says_why(ground, tmp_path):
    def says(model, **wanted):
        with pytest.raises(PrefineryError) as raised:
            diagnose(ground.warehouse, str(model), Wanted(**wanted), "json", None)
        return str(raised.value)

    assert "evaluate reward" in says(ground.folder / "rewarding")
    assert "is no training record" in says(ground.warehouse / "models" / "votes@1" / "scratch-2x32")
    assert "the sandbox's own prompts" in says(ground.folder / "dpo", judges=(GOLD,), max_tokens=4)
    assert "--proxy" in says(ground.folder / "dpo", proxy=str(ground.folder / "dpo"), max_tokens=4)
    moved = shutil.copytree(ground.folder / "dpo", tmp_path / "moved")
    record = json.loads((moved / "training.json").read_text())
    for changes, why in (
        ({"base": str(tmp_path / "gone")}, "name it with --reference"),
        ({"base_revision": "0" * 32}, "has changed since the training"),
        ({"fingerprint": "0" * 32}, "name its export with --data"),
    ):
        (moved / "training.json").write_text(json.dumps(record | changes))
        assert why in says(moved)


def test_a_folder_may_be_called_like_a_version(ground):
    folder = ground.warehouse / "models" / "votes@1" / "scratch-2x32"
    with Lake.open(ground.warehouse, read_only=True) as lake:
        assert located(lake, str(folder)) == str(folder.resolve())
        assert located(lake, "votes@1/dpo") == str(ground.folder / "dpo")


def test_gold_judges_in_the_sandbox_without_a_warehouse(tmp_path, capfdbinary):
    rows = [
        pair_row(n, "the sky is blue .", "what ?") | {key: [*user(text)] for key in ("prompt", "rejected_prompt")}
        for n, text in enumerate(prompts(0, 40))
    ]
    data = write_version(tmp_path / "data", pair_table(rows))
    start = from_scratch(read_version(data), Shape(layers=2, width=32), tmp_path / "start")
    trained = train("dpo", data, start, tmp_path / "dpo", REWARD | {"max_length": 128, "fit.epochs": 1})
    wanted = Wanted(judges=(GOLD,), data=str(data), samples=2, max_tokens=8)
    assert not diagnose(tmp_path / "none", str(trained.path), wanted, "json", None), "there is nothing to keep it in"
    rows = {row["metric"]: row for row in json.loads(capfdbinary.readouterr().out)}
    assert 0 <= rows["reward by gold"]["value"] < 0.5, "it never learned to speak"


PAIRS = [
    ("good x", "bad x"),
    ("bad x", "good x"),
    ("x same", "x same"),
    ("x even", "x odd"),
    ("mute", "x mute"),
    ("a x", "x b"),
]
"""Our answer, and the other: the scripted judge prefers the good one, whatever the order, and is not sure of the odd
one. It says nothing of what is mute, and of all others likes the one shown first."""
WINS = [1.0, 0.0, 0.5, 0.5, math.nan, 0.5]


def test_pairwise_judges_are_asked_in_both_orders(lake, tmp_path):
    """Once: the same call again is not made. Equal answers are a tie that nobody is asked about."""
    script = [
        {"about": ["good"], "reply": '{"rationale": "", "verdict": "LABEL:good;"}'},
        {"about": ["odd"], "reply": '{"rationale": "", "verdict": "TIE;"}'},
        {"about": ["mute"], "reply": "I would rather not say."},
        {"about": ["x"], "reply": '{"rationale": "", "verdict": "LABEL:x;"}'},
    ]
    (tmp_path / "script.json").write_text(json.dumps(script))
    recipe = tmp_path / "judge.yaml"
    asked = [Prompt.of(user(f"say {n}"), source="held out") for n in range(len(PAIRS))]
    with server("scripted.py", tmp_path / "script.json") as url:
        recipe.write_text(
            f"name: judge\nprompts: {{sources: [x]}}\nengine: {{name: openai, base_urls: [{url}]}}\n"
            "judges: [{name: pairwise, model: scripted, both_orders: false}]\n"
        )
        found = wins_by_judge(lake, load(recipe), asked, PAIRS, ("ours", "theirs"))
        calls = lake.ask("model_list").num_rows, lake.con.sql("select count(*) from calls").fetchone()
        again = wins_by_judge(lake, load(recipe), asked, PAIRS, ("ours", "theirs"))
    assert np.array_equal(found["pairwise:scripted"], WINS, equal_nan=True)
    assert np.array_equal(again["pairwise:scripted"], WINS, equal_nan=True)
    assert (lake.ask("model_list").num_rows, lake.con.sql("select count(*) from calls").fetchone()) == calls
    assert lake.con.sql("select count(*) from votes where verdict is not null").fetchone() == (8,)


def test_a_recipe_without_a_comparing_judge(lake, tmp_path):
    (tmp_path / "none.yaml").write_text("name: none\n")
    with pytest.raises(ConfigError, match="no judge that compares"):
        wins_by_judge(lake, load(tmp_path / "none.yaml"), [], [], ("a", "b"))


def run_along(law, rollouts=40):
    """A history without noise: KL grows with the square of the rollout."""
    return [
        {"step": n + 1, "kl_k3": (n / 5) ** 2, "reward": 3 + law.at(n / 5), "length": 1.0, "entropy": n}
        for n in range(rollouts)
    ]


def test_the_law_of_a_run_is_found_again():
    law = Fitted(law="rl", alpha=1.0, beta=0.6)
    (way,) = ways(run_along(law), {"reward": "proxy", "reward_1": "absent"})
    assert way.name == "proxy"
    assert (way.law.alpha, way.law.beta) == pytest.approx((1.0, 0.6))
    assert "proxy" in labels_of(way_plot([way]))


def test_few_rollouts_have_no_law_and_a_run_without_kl_no_way():
    (way,) = ways(run_along(Fitted(law="rl", alpha=1.0, beta=0.6), rollouts=5), {"reward": "proxy"})
    assert way.law is None
    assert way_plot([way]).startswith("<svg")
    assert way_plot(ways([{"step": 1, "loss": 0.5}], {"reward": "proxy"})) == ""
