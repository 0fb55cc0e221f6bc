"""Online iterations: each version's pairs are answers of the policy that the version before it made."""

import shutil
from pathlib import Path

import pytest

from flows.iterate import iterations
from flows.models import located
from flows.recipe import load
from flows.retrain import model_folder
from flows.sandbox import prompts, ready_sandbox, write_prompts
from schemas.errors import ConfigError, UnknownVersion
from training.checkpoint import load_policy, load_reward, save
from warehouse.lake import Lake
from warehouse.versions import find_version, versions
from warehouse.views import create_views

RECIPE = Path("flows/recipes/online.yaml")
TIMES = 2


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    """The recipe on forty prompts, by a reward model that has learned nothing."""
    folder = tmp_path_factory.mktemp("online")
    reward = str(save(folder / "reward", load_reward(ready_sandbox() / "pool" / "base", seed=1)))
    texts = write_prompts(folder / "texts.jsonl", prompts(600, 40))
    return {
        "imports": [{"format": {"name": "prompts", "source": "texts"}, "paths": [str(texts)]}],
        "prompts.sources": ["texts"],
        "engine": {"name": "transformers", "dtype": "float32", "max_model_len": 256},
        "engines": {reward: {"name": "reward_model"}},
        "judges": [{"name": "reward_model", "model": reward}],
        "generate.responses_per_prompt": 3,
        "generate.sampling.max_tokens": 12,
        "train.0.settings.fit.epochs": 1,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory, changes):
    """A warehouse after two iterations."""
    place = tmp_path_factory.mktemp("iterated") / "w"
    with Lake.create(place) as lake:
        assert list(iterations(lake, load(RECIPE, changes), TIMES)) == ["online@1", "online@2"]
    return place


@pytest.fixture
def stored(folder):
    with Lake.open(folder) as lake:
        yield lake


def test_each_policy_answers_the_next_prompts(stored):
    models = stored.con.sql(
        "select dataset || '@' || version as label, base from models order by created_at"
    ).fetchall()
    assert models == [("online@1", "sandbox/base"), ("online@2", "online@1/dpo")]
    answered = stored.con.sql("select distinct model from responses order by model").fetchall()
    assert answered == [("online@1/dpo",), ("sandbox/base",)]
    create_views(stored.con)
    ages = stored.con.sql("select version, model, age from policy_age").fetchall()
    assert ages == [(1, "sandbox/base", 0), (2, "online@1/dpo", 0)], "every version is on its policy"
    shared = """
        select count(distinct prompt_id) from responses group by prompt_id having count(distinct model) > 1
    """
    assert stored.con.sql(shared).fetchall() == [], "no prompt is asked twice"
    asked = stored.con.sql("select model, count(distinct prompt_id) from responses group by model").fetchall()
    assert sum(count for _, count in asked) == 40
    assert min(count for _, count in asked) > 8


def test_a_name_finds_the_last_model_of_a_version(stored):
    found = Path(located(stored, "online@2/dpo"))
    assert (found / "training.json").is_file()
    assert found.parent.name == "online@2"
    with pytest.raises(ConfigError, match="online@2 has no model of the objective 'ipo'"):
        located(stored, "online@2/ipo")
    with pytest.raises(UnknownVersion):
        located(stored, "online@9/dpo")
    assert located(stored, "owner/name") == "owner/name"


def test_a_model_is_another_one_where_what_it_names_is(stored, changes, tmp_path):
    version, reference = find_version(stored, "online@1"), tmp_path / "reference"
    recipe = load(RECIPE, changes | {"train.0.settings.reference": str(reference)})
    base = load_policy(ready_sandbox() / "pool" / "base")
    found = []
    for _ in range(2):
        save(reference, base)
        found.append(model_folder(stored, recipe, recipe.train[0], version))
        next(base.model.parameters()).data.mul_(1.5)
        shutil.rmtree(reference)
    assert len(set(found)) == 2


def test_what_is_done_is_not_done_again(folder, changes):
    with Lake.open(folder) as lake:
        before = lake.con.sql("select count(*) from calls").fetchone()
        assert list(iterations(lake, load(RECIPE, changes), TIMES)) == ["online@1", "online@2"]
        assert lake.con.sql("select count(*) from calls").fetchone() == before
        assert len(versions(lake)) == TIMES
        assert find_version(lake, "online@2").version == TIMES


@pytest.mark.parametrize(
    "change",
    [
        {"generate.models": ["sandbox/base", "sandbox/weak"]},
        {"generate.models": ["sandbox/weak"]},
        {"train": []},
        {"pair": None, "publish": None},
    ],
)
def test_another_recipe_says_what_to_do(tmp_path, changes, change):
    with Lake.create(tmp_path / "w") as lake, pytest.raises(ConfigError, match="to iterate, train one policy"):
        list(iterations(lake, load(RECIPE, changes | change), 1))


def test_parts_share_nothing_and_leave_nothing_out():
    whole = load(RECIPE, {"prompts.part": [1, 1]}).prompts
    parts = [load(RECIPE, {"prompts.part": [k, 3]}).prompts for k in (1, 2, 3)]
    for n in range(300):
        assert whole.takes(str(n))
        assert sum(part.takes(str(n)) for part in parts) == 1
    assert min(sum(part.takes(str(n)) for n in range(300)) for part in parts) > 60
    with pytest.raises(ConfigError, match="the k-th of n parts"):
        load(RECIPE, {"prompts.part": [4, 3]})
