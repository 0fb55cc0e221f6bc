"""Pairs from what rules, imported ratings and imported votes say of stored answers. No model is asked."""

import json
from collections import Counter

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import load
from flows.sandbox import RECIPE
from schemas.drops import DROPS
from schemas.errors import ConfigError, InputError
from warehouse import query


@pytest.fixture
def bring(lake, tmp_path):
    """Import records; one file for each call."""

    def bring(kind, *records, **settings):
        file = tmp_path / f"{kind}-{len(list(tmp_path.glob('*.jsonl')))}.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return import_paths(lake, IMPORTERS.build({"name": kind, "source": "own", **settings}), [file])

    return bring


@pytest.fixture
def run(lake, tmp_path):
    """Run a recipe with these lines, or a shipped one; return the texts of the pairs that it publishes."""

    def run(*lines, shipped=None):
        path = tmp_path / "rated.yaml"
        path.write_text("\n".join(["name: rated", "prompts: {sources: [own]}", "publish: {dataset: d}", *lines]) + "\n")
        curate_into(lake, load(shipped, {"prompts.sources": ["own"]}) if shipped else load(path))
        rows = query(
            lake.folder,
            "select p.messages[1].content as asked, c.text as chosen, r.text as rejected, "
            "margin, weight, soft_label, label_source "
            "from members join pairs using (pair_id) join prompts as p using (prompt_id) "
            "join responses as c on c.response_id = chosen_id join responses as r on r.response_id = rejected_id "
            "where version = (select max(version) from datasets) order by all",
        )
        return rows.to_pylist()

    return run


def answers(asked, *texts):
    return [{"instruction": asked, "generator": f"m{place}", "output": text} for place, text in enumerate(texts)]


def pair_drops(lake):
    return [row["reason"] for row in lake.read(DROPS).to_pylist() if row["stage"] == "pair"]


def test_a_rule_that_does_not_apply_was_not_asked(bring, run, lake):
    """Of four aspects one applies to a prompt without facts; the answers that it tells apart are a pair."""
    bring("alpaca_eval_outputs", *answers("Name a fruit.", "apple", "42"))
    found = run("rules: [ifeval, math_answer, {name: regex_form, every: [{pattern: '[a-z]+'}]}]", "pair: all_distinct")
    assert [(row["chosen"], row["rejected"], row["margin"]) for row in found] == [("apple", "42", 1.0)]
    assert found[0]["label_source"] == "regex_form"
    assert pair_drops(lake) == []


FOUR = {"A": ((5, 5, 5, 5), 6), "B": ((4, 4, 4, 4), 9), "C": ((3, 4, 5, 4), 3), "D": ((2, 2, "N/A", 2), 1)}
TWO_BEST = {"A": ((5, 5, 5, 5), 7), "B": ((5, 5, 5, 5), 7), "C": ((1, 1, 1, 1), 7), "D": ((1, 1, 1, 1), 7)}
ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")
GPT4 = "ratings: [ultrafeedback/gpt-4]"


def rated(asked, answers):
    """A record of UltraFeedback's files, the answers by what they say: four aspect ratings, and one overall."""
    completions = [
        {
            "model": f"model {said}", "response": said, "overall_score": float(overall), "critique": "Hm.",
            "annotations": {
                aspect: {"Rating": str(one), "Rationale": "So."} for aspect, one in zip(ASPECTS, values, strict=True)
            },
        }
        for said, (values, overall) in answers.items()
    ]  # fmt: skip
    return {"source": "flan", "instruction": asked, "models": list(answers), "completions": completions}


@pytest.fixture
def ultrafeedback(bring):
    """Thirty prompts with the answers FOUR, and ten with TWO_BEST."""
    bring(
        "ultrafeedback",
        *[rated(f"four {i}", FOUR) for i in range(30)],
        *[rated(f"two {i}", TWO_BEST) for i in range(10)],
    )


def told(rows, kind):
    """How often which answer was chosen over which, with which margin."""
    return Counter((r["chosen"], r["rejected"], r["margin"]) for r in rows if r["asked"].startswith(kind))


@pytest.mark.usefixtures("ultrafeedback")
class TestImportedRatings:
    """The binarisations of UltraFeedback that others published (`methods/data.md` 1(c) step 7)."""

    def test_all_distinct(self, run):
        found = run(GPT4, "pair: all_distinct")
        couples = {("A", "B", 1.0), ("A", "C", 1.0), ("A", "D", 3.0), ("B", "D", 2.0), ("C", "D", 2.0)}
        assert told(found, "four") == dict.fromkeys(couples, 30)
        assert told(found, "two") == dict.fromkeys([(one, other, 4.0) for one in "AB" for other in "CD"], 10)
        assert {row["label_source"] for row in found} == {"ultrafeedback/gpt-4"}

    def test_best_vs_worst(self, run):
        found = run(GPT4, "pair: best_vs_worst")
        assert told(found, "four") == {("A", "D", 3.0): 30}
        assert told(found, "two").keys() <= {(one, other, 4.0) for one in "AB" for other in "CD"}
        assert told(found, "two").total() == 10

    def test_best_vs_lower_random(self, run):
        found = run(GPT4, "pair: best_vs_lower_random")
        assert told(found, "four").keys() == {("A", "B", 1.0), ("A", "C", 1.0), ("A", "D", 3.0)}
        assert told(found, "four").total() == 30
        assert told(found, "two").keys() <= {(one, other, 4.0) for one in "AB" for other in "CD"}
        assert told(found, "two").total() == 10

    def test_best_vs_random(self, run, lake):
        found = run(GPT4, "pair: best_vs_random")
        assert told(found, "four").keys() == {("A", "B", 1.0), ("A", "C", 1.0), ("A", "D", 3.0)}
        assert told(found, "four").total() == 30
        assert {margin for _, _, margin in told(found, "two")} == {4.0}
        ties = pair_drops(lake)
        assert set(ties) == {"tie"}
        assert told(found, "two").total() + len(ties) == 10

    def test_zephyr(self, run, lake):
        """The recipe that comes with the command: by the overall score, and an equal one is kept."""
        found = run(shipped=RECIPE.with_name("zephyr.yaml"))
        assert told(found, "four").keys() == {("B", "A", 3.0), ("B", "C", 6.0), ("B", "D", 8.0)}
        assert told(found, "four").total() == 30
        assert {margin for _, _, margin in told(found, "two")} == {0.0}
        assert told(found, "two").total() == 10
        assert pair_drops(lake) == []

    def test_count_only_where_they_are_named(self, run):
        with pytest.raises(InputError, match="No pair is left of 0"):
            run("pair: all_distinct")
        with pytest.raises(InputError, match="No imported rating of these prompts is by 'ultrafeedback/gpt4'"):
            run("ratings: [ultrafeedback/gpt4]", "pair: all_distinct")

    def test_are_not_averaged_with_ratings_on_another_scale(self, run):
        letters = "rules: [{name: regex_form, every: [{pattern: '[AD]'}]}]"
        with pytest.raises(ConfigError) as refused:
            run(GPT4, letters, "pair: all_distinct")
        assert str(refused.value) == (
            "Ratings on several scales (0 to 1: regex_form; 1 to 5: helpfulness, honesty, instruction_following, "
            "truthfulness) have no mean; name those that count: aspects: [helpfulness, honesty, "
            "instruction_following, truthfulness]"
        )
        assert told(run(GPT4, letters, "pair: best_vs_worst", "aspects: [helpfulness]"), "four") == {
            ("A", "D", 3.0): 30
        }
        found = run(GPT4, letters, "pair: all_distinct", "aspects: [regex_form]")
        assert told(found, "four") == dict.fromkeys([(one, other, 1.0) for one in "AD" for other in "BC"], 30)

    def test_on_several_scales_do_not_hinder_pairs_from_votes(self, run, bring):
        bring("trl", {"prompt": "four 0", "chosen": "Yes.", "rejected": "No."})
        found = run(GPT4, "rules: [{name: length, every: [{at_most: 3}]}]", "pair: majority")
        assert [(row["chosen"], row["rejected"]) for row in found] == [("Yes.", "No.")]


def test_ratings_that_make_no_pair_are_a_mistake_in_the_recipe(tmp_path):
    path = tmp_path / "rated.yaml"
    path.write_text("name: rated\nprompts: {sources: [own]}\n" + GPT4 + "\n")
    with pytest.raises(ConfigError, match="ratings count in pairing; add `pair` and `publish`"):
        load(path)


ANNOTATED = {  # `methods/data.md` 6(c) and 6(g)1: strengths by annotator, above 0 for the second answer
    "one outlier": (-2, -1, -3, 1),
    "a tie": (2, 0, 1),
    "rounded up": (3, 1, 1),
    "two threes": (2, 2, 3, -1, 1),
    "neither valid": (3, -100, 2, 2),
    "far apart": (-3, 0, 3),
    "even": (-1, 0, 1),
    "rounded to nought": (1, 1, -1),
    "too few": (-100, 3, 3),
}


@pytest.fixture
def helpsteer2(bring):
    """Comparisons with what each annotator said; the aggregates contradict them."""
    bring("helpsteer2", *[
        {
            "prompt": asked, "response_1": "first", "response_2": "second",
            "preference_strength": -1, "preference_statement": "First.", "preference_elaboration": "Really.",
            "all_preferences_unprocessed": [
                {"strength": one, "statement": "So.", "elaboration": "Because."} for one in strengths
            ],
        }
        for asked, strengths in ANNOTATED.items()
    ])  # fmt: skip


@pytest.mark.usefixtures("helpsteer2")
def test_helpsteer2_s_annotators_decide_by_the_three_most_similar(run, lake):
    """The recipe that comes with the command."""
    found = {row["asked"]: row for row in run(shipped=RECIPE.with_name("helpsteer2.yaml"))}
    assert {asked: (row["chosen"], row["margin"]) for asked, row in found.items()} == {
        "one outlier": ("first", 2.0),
        "a tie": ("second", 1.0),
        "rounded up": ("second", 2.0),
        "two threes": ("second", 2.0),
        "neither valid": ("second", 2.0),
    }
    assert Counter(pair_drops(lake)) == {"votes_far_apart": 1, "tie": 2, "too_few_votes": 1}


@pytest.mark.usefixtures("helpsteer2")
def test_strengths_weigh_pairs_and_ties_are_kept_where_a_recipe_says_so(run, lake):
    """INF-ORM's weights; a pair with soft label 1/2 is what objectives take for a tie."""
    found = run("pair: {name: three_similar, keep_ties: true, weights: {1: 1, 2: 3, 3: 10}}")
    assert {row["asked"]: (row["margin"], row["weight"], row["soft_label"] == 0.5) for row in found} == {
        "one outlier": (2.0, 3.0, False),
        "a tie": (1.0, 1.0, False),
        "rounded up": (2.0, 3.0, False),
        "two threes": (2.0, 3.0, False),
        "neither valid": (2.0, 3.0, False),
        "even": (0.0, 1.0, True),
        "rounded to nought": (0.0, 1.0, True),
    }
    assert Counter(pair_drops(lake)) == {"votes_far_apart": 1, "too_few_votes": 1}
