"""Judges and rules of a recipe, from their rows to the pairs, against a real server."""

import json
import random

import pytest

from tests.servers.start import server

PROMPTS = 60
WORDS = "apple banana cherry grape melon olive peach plum quince tomato".split()


@pytest.fixture(scope="module")
def url():
    with server("faulty.py", "--faults", 0) as started:
        yield started


@pytest.fixture
def run(here, tmp_path, url):
    """Run a recipe on stored answers of two writers with these lines, and return its drops by reason."""
    rng = random.Random(0)
    answers = [
        {"instruction": f"Name {i} fruits.", "generator": model, "output": " ".join(rng.choices(WORDS, k=length))}
        for i in range(PROMPTS)
        for model, length in (("one", rng.randint(2, 9)), ("two", rng.randint(4, 12)))
    ]
    stored = tmp_path / "answers.jsonl"
    stored.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    here("import", "alpaca_eval_outputs", stored, "--source", "own")
    recipe = tmp_path / "judged.yaml"

    def run(*lines, sources="own"):
        recipe.write_text(
            f"name: judged\nprompts: {{sources: [{sources}]}}\n"
            f"engine: {{name: openai, base_urls: [{url}]}}\n"
            "publish: {dataset: judged}\n" + "\n".join(lines) + "\n"
        )
        assert here("run", recipe).stdout.startswith("judged@")
        drops = here.rows("select reason, count(*) as n from drops where stage = 'pair' group by reason")
        return {row["reason"]: row["n"] for row in drops}

    return run


BY_RULE = "rules: [{name: regex_form, every: [{pattern: '^[a-m]'}]}]"
PAIRS = "pair: {name: all_distinct}"


def test_rules_judge_without_a_call_and_make_pairs(run, here):
    run(BY_RULE, PAIRS)
    texts = here.rows(
        "select c.text as chosen, r.text as rejected from pairs join responses as c on c.response_id = chosen_id "
        "join responses as r on r.response_id = rejected_id"
    )
    assert texts
    assert all(row["chosen"][0] <= "m" < row["rejected"][0] for row in texts)
    assert here.rows("select count(*) as n from calls") == [{"n": 0}]
    assert here.rows("select distinct label_source as who from members") == [{"who": "regex_form"}]


def test_an_overall_score_counts_where_there_is_no_other_or_where_it_is_named(run, here):
    """Scales of 1 to 5 and of 1 to 10 are not averaged together."""
    judges = "judges: [{name: critique, model: critic}, {name: aspects, model: critic}]"
    largest = "select max(margin) as most from members where version = (select max(version) from datasets)"
    run(judges, PAIRS)
    assert 0 < here.rows(largest)[0]["most"] <= 4
    run(judges, PAIRS, "aspects: [helpfulness]")
    assert here.rows(largest)[0]["most"] in (1, 2, 3, 4)


TWO = """
judges:
  - {name: pairwise, model: critic}
  - {name: pairwise, model: strict}
adaptive: {prices: {"pairwise:critic": 1, "pairwise:strict": 4}, least_probability: 0.7, probed: 0.1}
"""


def test_an_adaptive_recipe_asks_only_where_it_is_open(run, here):
    """Every comparison is asked about, few of them everything; the same run again asks nothing."""
    run(TWO, "pair: {name: dawid_skene}")
    asked = "select count(*) as n from calls where purpose = 'judge:pairwise'"
    couples = "select count(distinct (prompt_id, response_a, response_b)) as n from votes"
    made = here.rows(asked)[0]["n"]
    assert here.rows(couples) == [{"n": PROMPTS}]
    assert PROMPTS <= made < 4 * PROMPTS
    run(TWO, "pair: {name: dawid_skene}")
    assert here.rows(asked)[0]["n"] == made


def test_a_panel_must_be_the_recipe_s_judges(here, tmp_path):
    recipe = tmp_path / "panel.yaml"
    recipe.write_text("name: x\nengine: {name: vllm}\nprompts: {sources: [own]}\n" + TWO.replace("strict", "other", 1))
    assert (
        "give a price to each comparing judge: pairwise:critic, pairwise:other" in here("run", recipe, fails=2).stderr
    )


SECOND = """
judges:
  - {name: aspects, model: critic, aspects: [helpfulness]}
  - {name: aspects, model: strict, aspects: [helpfulness], nonce_chars: 6}
second_opinions: ["aspects:strict"]
"""


def test_a_second_opinion_is_asked_where_the_first_is_a_tie_and_breaks_it(run, here):
    drops = run(SECOND, PAIRS)
    gaps = (
        "select prompt_id, max(value) - min(value) as gap from scores join calls using (call_id) "
        "join (select response_id, prompt_id from responses) using (response_id) where model = '{}' group by prompt_id"
    )
    first, second = (
        {row["prompt_id"]: row["gap"] for row in here.rows(gaps.format(model))} for model in ("critic", "strict")
    )
    assert second.keys() == {prompt_id for prompt_id, gap in first.items() if gap == 0}
    assert 0 < len(second) < PROMPTS
    still = sum(gap == 0 for gap in second.values())
    assert drops.get("tie", 0) == still < len(second)
    margins = here.rows("select margin from members order by margin")
    assert len(margins) == PROMPTS - still
    assert sum(0 < row["margin"] < 0.001 for row in margins) == len(second) - still


def test_a_second_opinion_breaks_the_ties_of_imported_ratings(run, here, tmp_path):
    """Of four prompts two have answers that were rated alike; only about those the judge is asked."""
    said = {"annotations": {"helpfulness": {"Rating": "4", "Rationale": "So."}}}
    better = {"annotations": {"helpfulness": {"Rating": "5", "Rationale": "So."}}}
    rated = tmp_path / "rated.jsonl"
    with rated.open("w") as file:
        for i in range(4):
            sides = [{"model": "a", "response": f"plum {i}"} | (better if i < 2 else said)]
            sides.append({"model": "b", "response": f"olive grape {i}"} | said)
            file.write(json.dumps({"instruction": f"Name {i} trees.", "completions": sides}) + "\n")
    here("import", "ultrafeedback", rated, "--source", "rated")
    run(
        "judges: [{name: aspects, model: strict, aspects: [helpfulness], nonce_chars: 6}]",
        'second_opinions: ["aspects:strict"]',
        "ratings: [ultrafeedback/gpt-4]",
        PAIRS,
        sources="rated",
    )
    assert here.rows("select count(*) as n from calls") == [{"n": 2}]
    margins = [row["margin"] for row in here.rows("select margin from members order by margin")]
    assert margins[-2:] == [1.0, 1.0]
    assert all(0 < margin < 0.001 for margin in margins[:-2])


def test_second_opinions_are_those_of_other_rating_judges(here, tmp_path):
    recipe = tmp_path / "second.yaml"
    text = "name: x\nengine: {name: vllm}\nprompts: {sources: [own]}\n" + SECOND
    recipe.write_text(text.replace("model: strict", "model: other"))
    assert "aspects:strict is no rating judge" in here("run", recipe, fails=2).stderr
    recipe.write_text(text.replace('["aspects:strict"]', '["aspects:strict", "aspects:critic"]'))
    assert "leave out the judge that gives the first" in here("run", recipe, fails=2).stderr


def test_a_balanced_version_does_not_tell_the_winner_by_length(run, here):
    """Two writers, one of whom writes more; what the rule likes has nothing to do with it."""
    drops = run(BY_RULE, PAIRS, "balance: {by: [length]}")
    longer = here.rows(
        "select avg(if(length(c.text) = length(r.text), 0.5, (length(c.text) > length(r.text))::int)) as share "
        "from members join pairs using (pair_id) join responses as c on c.response_id = chosen_id "
        "join responses as r on r.response_id = rejected_id"
    )
    assert 0.45 <= longer[0]["share"] <= 0.55
    assert set(drops) <= {"tie", "balance_length"}
