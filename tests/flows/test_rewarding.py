"""Policies that rules and judges of a recipe reward, through the flow that trains them."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from flows.recipe import Recipe
from flows.retrain import model_folder, train_on, train_one
from flows.rewarding import rewarding
from flows.run import Run
from schemas.errors import ConfigError, InputError, LimitReached
from schemas.pairs import Pair, pair_id_of
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.runs import RUNS
from tests.rows import draft
from tests.servers.start import server
from training.jobs import settings_of
from training.resume import HISTORY
from training.rollout.rewards import Component, Composition
from warehouse.lake import Lake
from warehouse.versions import publish

WORDS = "apple banana cherry grape melon olive peach plum quince tomato".split()
QUICK = {
    "max_length": 64, "rollout.max_tokens": 8, "rollout.prompts": 8, "fit.learning_rate": 3e-3, "fit.epochs": 2,
    "kl": 0.01,
}  # fmt: skip
FACTS = {"constraints": (json.dumps({"rule": "length", "at_most": 3}),), "correct_answers": ("17",)}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("rewarding") / "w") as opened:
        yield opened


@pytest.fixture(scope="module")
def version(lake):
    """Twenty pairs, four of them to be tested on; every other prompt says how long an answer may be."""
    prompts = [Prompt.of(user(f"Say {i}."), source="hand", **(FACTS if i % 2 else {})) for i in range(20)]
    answers = [
        [Response.of(p.prompt_id, model="m", text=f"{word} {i % 5} {end}.", source="hand") for end in ("here", "there")]
        for i, (p, word) in enumerate(zip(prompts, 2 * WORDS, strict=True))
    ]
    lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(r for two in answers for r in two)))
    pairs = [
        Pair(
            pair_id=pair_id_of(p.prompt_id, one.response_id, p.prompt_id, two.response_id), prompt_id=p.prompt_id,
            chosen_id=one.response_id, rejected_prompt_id=p.prompt_id, rejected_id=two.response_id,
        )
        for p, (one, two) in zip(prompts, answers, strict=True)
    ]  # fmt: skip
    made = draft(pairs)
    splits = pa.array(["test" if i < 4 else "train" for i in range(20)])
    members = made.members.set_column(made.members.column_names.index("split"), "split", splits)
    return publish(lake, replace(made, members=members)).version


@pytest.fixture(scope="module")
def url():
    with server("faulty.py", "--faults", 0) as started:
        yield started


def judged(url, model, source="judge:one_line", judges=None, **changes):
    """A recipe that trains with a judge behind a server."""
    settings = QUICK | {"rollout.rewards": [{"source": source}]}
    fields = {
        "prompts": {"sources": ["hand"]},
        "engine": {"name": "openai", "base_urls": [url]},
        "judges": judges or [{"name": "one_line", "model": model}],
        "train": [{"job": "rloo", "model": "scratch/1x32", "settings": settings}],
    }
    return Recipe.model_validate({"name": "judged", **fields, **changes})


def called(lake, model):
    """Status and text of the calls of a model."""
    return lake.con.sql("select status, raw_text from calls where model = $model", params={"model": model}).fetchall()


def history(folder):
    return [json.loads(line) for line in (Path(folder) / HISTORY).read_text().splitlines()]


def test_a_rule_for_all_is_learned(lake, version, tmp_path):
    """From the command line, where there is no recipe: no more than two words."""
    changes = QUICK | {"rollout.rewards": [{"source": {"rule": "length", "at_most": 2}}], "fit.epochs": 24}
    changes |= {"fit.learning_rate": 2e-2, "kl": 0}
    train_one(lake, version, "grpo", "scratch/1x32", changes, tmp_path / "out")
    rewards = [step["reward"] for step in history(tmp_path / "out")]
    assert np.mean(rewards[-6:]) > np.mean(rewards[:6]) + 0.2


def test_a_rule_reads_what_each_prompt_demands(lake, version):
    """A prompt without a demand is worth nothing known: NaN."""
    recipe = Recipe(name="rules")
    settings = settings_of(
        "grpo", QUICK | {"rollout.rewards": [{"source": "rule:length"}, {"source": "rule:math_answer"}]}
    )
    items = [(list(user(f"Say {i}.")), text) for i in (1, 2) for text in ("one two", "now \\boxed{17} is the answer")]
    ids = [Prompt.of(messages, source="hand").prompt_id for messages, _ in items]
    with rewarding(Run(lake=lake, recipe=recipe), settings, ids) as given:
        assert given["rule:length"](items).tolist() == pytest.approx([1, 0, np.nan, np.nan], nan_ok=True)
        assert given["rule:math_answer"](items).tolist() == pytest.approx([0, 1, np.nan, np.nan], nan_ok=True)


def test_a_rule_that_no_prompt_has_facts_for_is_refused(lake, version, tmp_path):
    changes = QUICK | {"rollout.rewards": [{"source": "rule:keywords"}]}
    with pytest.raises(InputError, match="no prompt of the version has constraints or correct answers for it"):
        train_one(lake, version, "grpo", "scratch/1x32", changes, tmp_path / "out")


def test_a_judge_of_the_recipe_rewards_through_the_ledger(lake, version, url):
    """The reward of the first rollout is a mean of what the stored replies say; what is trained asks nothing again."""
    recipe = judged(url, "critic")
    (folder,) = train_on(lake, recipe, version)
    calls = called(lake, "critic")
    replies = [next(iter(json.loads(text).values())) for _, text in calls]
    means = [np.mean([reply["helpfulness"], reply["correctness"]]) for reply in replies]
    assert min(means) < history(folder)[0]["reward"] < max(means)
    stage = lake.con.sql(f"select calls_made from {RUNS.name} where stage = 'train rloo'").fetchall()
    assert stage == [(len(calls),)]
    assert train_on(lake, recipe, version) == [folder]
    assert called(lake, "critic") == calls


def test_replies_are_those_of_the_ledger(lake, version, url):
    """Asked twice about the same answers, the judge says the same, and no call is made twice."""
    recipe = judged(url, "sparing", "judge:one_line:sparing")
    items = [(list(user("Say 1.")), text) for text in ("apple", "grape", "apple")]
    ids = [Prompt.of(messages, source="hand").prompt_id for messages, _ in items]
    found, books = [], []
    for _ in range(2):
        run = Run(lake=lake, recipe=recipe)
        with rewarding(run, recipe.train[0].resolved, ids) as given:
            found.append(given["judge:one_line:sparing"](items))
        books.append((run.made, run.reused))
    assert books == [(2, 0), (0, 2)]
    assert np.array_equal(*found)
    assert found[0][0] == found[0][2]


def test_a_judge_that_cannot_be_read_says_nothing(lake, version, tmp_path):
    """It is asked as often as it may be; then the answer has no number. No sample's verdict is stored as a score."""
    script = [
        {"about": ["apple"], "reply": '{"LABEL:apple;": {"helpfulness": 7, "correctness": 9}, "reason": "round"}'},
        {"about": ["grape"], "reply": "It is a fruit."},
        {"about": ["olive"], "status": 400},
    ]
    (tmp_path / "script.json").write_text(json.dumps(script))
    items = [(list(user("Say 1.")), text) for text in ("an apple", "a grape", "an olive")]
    ids = [Prompt.of(items[0][0], source="hand").prompt_id]
    with server("scripted.py", tmp_path / "script.json") as place:
        recipe = judged(place, "scripted")
        with rewarding(Run(lake=lake, recipe=recipe), recipe.train[0].resolved, ids) as given:
            found = given["judge:one_line"](items)
    assert found.tolist() == pytest.approx([8.0, np.nan, np.nan], nan_ok=True)
    asked = Counter(status for status, _ in called(lake, "scripted"))
    assert asked == {"ok": 1, "unparsable": 3, "quarantined": 1}
    assert lake.con.sql("select count(*) from scores").fetchone() == (0,)


def test_a_run_stops_at_its_limit_and_goes_on(lake, version, url):
    with pytest.raises(
        LimitReached,
        match=r"Stopped at max_calls 20: \d+ calls of 'reward by one_line:thrifty' are left; run it again to go on",
    ):
        train_on(lake, judged(url, "thrifty", limits={"max_calls": 20}), version)
    assert len(called(lake, "thrifty")) == 20
    (folder,) = train_on(lake, judged(url, "thrifty"), version)
    assert history(folder)[0]["reward"] > 0


def test_another_judge_makes_another_model(lake, version, url):
    recipes = [
        judged(url, "critic", judges=[{"name": "one_line", "model": "critic", "tries": tries}]) for tries in (1, 2, 2)
    ]
    one, other, again = (model_folder(lake, recipe, recipe.train[0], version) for recipe in recipes)
    assert one != other == again


@pytest.mark.parametrize(
    ("source", "judges", "says"),
    [
        ("judge:critique", None, "0 judges of the recipe are called so; it has one_line:critic"),
        (
            "judge:one_line",
            [{"name": "one_line", "model": name} for name in ("critic", "strict")],
            "2 judges of the recipe are called so; it has one_line:critic, one_line:strict",
        ),
        ("judge:pairwise", [{"name": "pairwise", "model": "critic"}], "name a judge that rates each"),
        ("rule:lenght", None, "length"),
    ],
)
def test_a_recipe_whose_rewards_cannot_be_is_refused_before_it_starts(source, judges, says):
    with pytest.raises(ConfigError, match=says):
        judged("http://127.0.0.1:9/v1", "critic", source, judges)


def test_without_a_flow_a_rule_is_refused():
    with pytest.raises(ConfigError, match="rewards where the warehouse is; train with `prefinery`"):
        Composition([Component(source="rule:json_form")], {})
    assert Component.model_validate({"source": {"rule": "length", "at_most": 3}}).source.startswith("rule:{")
