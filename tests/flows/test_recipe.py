import pytest

from flows.recipe import Recipe, load
from flows.sandbox import RECIPE
from schemas.errors import ConfigError

RECIPES = sorted(RECIPE.parent.rglob("*.yaml"))


def test_there_are_recipes():
    assert len(RECIPES) >= 3


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_a_shipped_recipe_loads_and_round_trips(path):
    recipe = load(path)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert path.read_text().startswith("#")


def test_overrides_reach_nested_keys():
    recipe = load(
        RECIPE, {"seed": 11, "generate.models": ["a", "b"], "judges.1.model": "c", "train.0.settings.max_length": 9}
    )
    assert (recipe.seed, recipe.judges[1].model, recipe.train[0].resolved.max_length) == (11, "c", 9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"sed": 1}, "sed: unknown key", id="unknown-key"),
        pytest.param({"pair.name": "al_distinct"}, "Did you mean 'all_distinct'", id="unknown-plugin"),
        pytest.param({"pair.min_margn": 1}, "min_margn: unknown key", id="unknown-plugin-field"),
        pytest.param({"seed": "many"}, "seed: ", id="wrong-type"),
        pytest.param({"engine": None}, "sandbox/base has no engine", id="no-engine"),
        pytest.param({"publish": None}, "pair and publish belong together", id="no-publish"),
        pytest.param({"train.0.job": "dpoo"}, "Did you mean 'dpo'", id="unknown-job"),
        pytest.param({"train.1.settings.beat": 1}, "beat: unknown key", id="unknown-objective-field"),
        pytest.param({"judges.9.model": "x"}, "no such place", id="no-such-place"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_sentence(change, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(RECIPE, change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("", "is empty or no mapping", id="empty"),
        pytest.param("- a\n- b\n", "is empty or no mapping", id="a-list"),
        pytest.param("a: [", "is no YAML", id="broken"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, text, sentence):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        load(tmp_path / "r.yaml")
