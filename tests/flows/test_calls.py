"""Limits, plans and new parsers, as a user meets them: `prefinery` against a real server."""

import json
from dataclasses import replace
from urllib.request import urlopen

import pytest

from curation.judges.aspects import Aspects
from flows.recipe import load
from flows.reparse import reparse
from tests.servers.start import server
from warehouse.lake import Lake

PROMPTS = 6
CALLS_PER_PROMPT = 2 + 4 + 2  # two answers, four aspects, one pair in both orders


@pytest.fixture(scope="module")
def url():
    with server("faulty.py", "--faults", 0) as started:
        yield started


@pytest.fixture
def recipe(tmp_path, url):
    """Two models write and two judge, each behind an engine of its own name."""
    path = tmp_path / "served.yaml"
    path.write_text(
        "name: served\n"
        "prompts: {sources: [prompts]}\n"
        f"engine: {{name: openai, base_urls: [{url}], completion_usd: 1000}}\n"
        "engines:\n"
        f"  critic: {{name: openai, base_urls: [{url}], concurrency: 4, least_concurrency: 2}}\n"
        "generate: {models: [one, two], responses_per_prompt: 2, sampling: {max_tokens: 20}}\n"
        "judges:\n"
        "  - {name: aspects, model: critic}\n"
        "  - {name: pairwise, model: critic}\n"
        "pair: {name: all_distinct}\n"
        "publish: {dataset: served, message: by servers}\n"
    )
    return path


@pytest.fixture
def shell(prefinery, tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"Name {i} fruits."}) + "\n" for i in range(PROMPTS)))
    prefinery("import", "prompts", prompts, "--source", "prompts")
    return prefinery


@pytest.fixture
def served(url):
    """How many calls the server has served since the test began."""

    def total():
        with urlopen(url.replace("/v1", "/total")) as reply:
            return json.load(reply)

    before = total()
    return lambda: total() - before


def calls_in(shell):
    return shell.rows("select count(*) as n, count(distinct call_id) as distinct_n from calls")[0]


def test_a_plan_counts_and_makes_no_call(shell, recipe, served):
    said = shell("run", recipe, "--plan")
    assert f"0 calls in the ledger, {PROMPTS} to make" in said.stderr
    assert "error" not in said.stderr
    assert served() == 0


def test_a_limit_stops_cleanly_and_the_same_command_goes_on(shell, recipe, served):
    first = shell("run", recipe, "--max-calls", "5", fails=1).stderr
    assert "Stopped at max_calls 5" in first
    assert "run it again to go on" in first
    assert calls_in(shell) == {"n": 5, "distinct_n": 5}
    shell("run", recipe, "--max-minutes", "0", fails=1)
    assert served() == 5

    assert shell("run", recipe).stdout.split() == ["served@1"]
    whole = PROMPTS * CALLS_PER_PROMPT
    assert calls_in(shell) == {"n": whole, "distinct_n": whole}
    assert served() == whole

    again = shell("run", recipe, "--plan")
    assert "Every call is in the ledger" in again.stderr
    assert shell.rows("select count(*) as n from datasets") == [{"n": 1}]
    assert served() == whole


def test_costs_stay_below_their_limit(shell, recipe):
    """A reply is reckoned at its 20 tokens, of a thousandth of a dollar each, while it is under way."""
    shell("run", recipe, "--max-cost", "0.1", fails=1)
    spent = shell.rows("select count(*) as n, sum(cost_usd) as usd from calls")[0]
    assert 0 < spent["usd"] <= 0.1
    assert 5 <= spent["n"] < 2 * PROMPTS


def test_a_new_parser_reads_history_without_a_call(shell, recipe, served):
    """Two versions of a parser stand side by side, and what changed is shown."""
    shell("run", recipe)
    made = served()
    same = {row["change"] for row in json.loads(shell("reparse", recipe, "--format", "json").stdout)}
    assert same == {"same"}

    class Lenient(Aspects):
        """Gives no answer less than 2."""

        version = "5"

        def verdicts(self, subject, answered):
            return [replace(one, value=one.value and max(one.value, 2)) for one in super().verdicts(subject, answered)]

    with Lake.open(shell.warehouse) as lake:
        changed = reparse(lake, load(recipe).model_copy(update={"judges": (Lenient(model="critic"),)})).to_pylist()
    ones = shell.rows("select count(*) as n from scores where judge_version = '4' and value = 1")[0]["n"]
    assert ones > 0
    rated = PROMPTS * 2 * 4
    assert [(row["version"], row["change"], row["verdicts"]) for row in changed] == [
        ("5", "1 -> 2", ones),
        ("5", "same", rated - ones),
    ]
    assert shell.rows("select judge_version as v, count(*) as n from scores group by v order by v") == [
        {"v": "4", "n": rated},
        {"v": "5", "n": rated},
    ]
    assert served() == made
