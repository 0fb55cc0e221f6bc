import pytest

from flows.recipe import Recipe, load
from flows.sandbox import RECIPE
from schemas.errors import ConfigError
from schemas.prompts import Prompt, user

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


UF = RECIPE.with_name("ultrafeedback.yaml")


def test_the_recipe_of_ultrafeedback_is_the_paper_s():
    """`methods/data.md` 1(c): 63,967 prompts, four of 17 models for each, the README's table of principles."""
    recipe = load(UF)
    sources, drawn = recipe.prompts.sources, recipe.generate
    assert sum(sources.values()) == 63_967
    assert (len(drawn.pool), drawn.responses_per_prompt) == (17, 4)
    assert (drawn.sampling.temperature, drawn.sampling.top_p, drawn.sampling.max_tokens) == (1.0, 1.0, 1024)
    assert drawn.principles.keys() == sources.keys()
    assert {sum(shares.values()) for shares in drawn.principles.values()} == {100}
    assert drawn.principles["sharegpt"] == {"helpful": 60, "truthful": 20, "honesty": 18, "verbalized_calibration": 2}
    assert {name: len(said) for name, said in drawn.wordings.items()} == {
        "helpful": 11, "truthful": 11, "honesty": 11, "verbalized_calibration": 1
    }  # fmt: skip
    aspects, critique = recipe.judges
    assert (aspects.sampling.temperature, aspects.sampling.top_p, aspects.tries) == (0.0, 0.6, 10)
    assert (critique.sampling.temperature, critique.sampling.top_p, critique.sampling.max_tokens) == (0.0, 0.6, 1024)


def test_where_the_paper_and_its_code_disagree_a_setting_decides():
    """The code draws honesty and truthfulness half and half for false_qa, where the README's table says truthful."""
    code = load(UF, {"generate.principles.false_qa": {"honesty": 50, "truthful": 50}})
    prompts = [Prompt.of(user(f"Why {i}?"), source="false_qa") for i in range(400)]
    for recipe, share in ((load(UF), 0.0), (code, 0.5)):
        drawn = [recipe.generate.principle_for(prompt)[0] for prompt in prompts]
        assert drawn.count("honesty") / 400 == pytest.approx(share, abs=3 * (0.25 / 400) ** 0.5)


def test_no_prompt_of_an_evaluation_set_is_trained_on():
    prompt = Prompt.of(user("What happens if you eat watermelon seeds?"), source="truthful_qa")
    assert [one.fault(prompt).reason for one in load(UF).filters] == ["evaluation_source"]
