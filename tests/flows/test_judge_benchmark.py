"""Judges on benchmarks, against servers that play a judge who knows and one who always takes the first answer."""

import json
from urllib.request import urlopen

import pytest

from flows.judge_benchmark import judges_figures, measure_judges
from flows.measure import records_of
from flows.recipe import load
from schemas.calls import CALLS
from schemas.errors import ConfigError, LimitReached, UpstreamError
from schemas.models import EVALUATIONS
from schemas.votes import VOTES
from tests.flows.conftest import Here
from tests.servers.start import server
from training.evaluate.benchmarks import BENCHMARKS

RIGHT, FIRST = "right one;", ";"
"""After LABEL: the answer that is right, or the one shown first."""
PAIRS = 10


def verdict(which: str) -> str:
    return json.dumps({"rationale": "So it is.", "verdict": f"LABEL:{which}"})


def judgebench(n: int) -> dict:
    right_first = n % 2 == 0
    texts = ("the right one", "the wrong one") if right_first else ("the wrong one", "the right one")
    sides = {"response_A": texts[0], "response_B": texts[1]}
    return {"pair_id": n, "question": f"q{n}", "label": "A>B" if right_first else "B>A", "source": "s", **sides}


RECORDS = {
    "judgebench": [judgebench(n) for n in range(PAIRS)],
    "rewardbench": [
        {"prompt": f"p{n}", "chosen": "the right one", "rejected": "the wrong one", "subset": "donotanswer"}
        for n in range(PAIRS)
    ],
    "rewardmath": [
        {"problem_id": n // 10, "problem": f"{n // 10} + 1", "eval_solution": [f"way {n}", "wrong" if n % 10 else ""]}
        | {"solution_type": "rejected" if n % 10 else "chosen"}
        for n in range(20)
    ],
    "rm_bench": [
        {"id": n, "prompt": f"p{n}", "domain": "chat"}
        | {f: [f"the {w} one in style {k}" for k in "abc"] for f, w in (("chosen", "right"), ("rejected", "wrong"))}
        for n in range(2)
    ],
}
for record in RECORDS["rewardmath"]:
    record["eval_solution"].append("the right one" if record["solution_type"] == "chosen" else "the wrong one")


@pytest.fixture
def played(tmp_path, prefect_api):
    """A recipe whose judge is played by a server with these rules, and the server's address."""
    started = []

    def play(rules, judge="{name: pairwise, model: judge}", *lines):
        script = tmp_path / "script.json"
        script.write_text(json.dumps(rules))
        context = server("scripted.py", script)
        url = context.__enter__()
        started.append(context)
        recipe = tmp_path / "judges.yaml"
        recipe.write_text(
            f"name: judges\nprompts: {{sources: [none]}}\nengine: {{name: openai, base_urls: [{url}]}}\n"
            f"judges: [{judge}]\n" + "".join(f"{line}\n" for line in lines)
        )
        return recipe, url

    yield play
    for context in started:
        context.__exit__(None, None, None)


@pytest.fixture
def file(tmp_path):
    def write(name):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS[name]))
        return path

    return write


def figures_of(lake, recipe, name):
    (found,) = judges_figures(lake, load(recipe), BENCHMARKS.build(name), RECORDS[name])
    return {metric: one.value for metric, one in found.items()}


def made(url: str) -> int:
    with urlopen(url.replace("/v1", "/total")) as reply:
        return json.load(reply)


@pytest.mark.parametrize(
    ("name", "right", "first"),
    [
        ("judgebench", {"accuracy": 1, "accuracy, s": 1}, {"accuracy": 0, "accuracy, s": 0}),
        ("rewardbench", {"accuracy, donotanswer": 1, "section Safety": 1}, {"accuracy, donotanswer": 0}),
        ("rewardmath", {"accuracy": 1, "mean reciprocal rank": 1}, {"accuracy": 0, "mean reciprocal rank": 0.1}),
        ("rm_bench", {"chat": 1, "chat, hard": 1, "chat, easy": 1}, {"chat": 0, "chat, hard": 0, "chat, easy": 0}),
    ],
)
def test_one_who_knows_and_one_who_takes_the_first(lake, played, name, right, first):
    for which, expected, contradicted in ((RIGHT, right, 0), (FIRST, first, 1)):
        recipe, _ = played([{"about": [], "reply": verdict(which)}], f"{{name: pairwise, model: judge{contradicted}}}")
        found = figures_of(lake, recipe, name)
        assert {metric: found[metric] for metric in expected} == expected
        assert found["inconsistency"] == contradicted
        assert found["pairs"] == 1 - contradicted
        assert (found["unread"], found["unreadable"]) == (0, 0)


def test_what_cannot_be_read_is_counted_and_wrong(lake, played):
    rules = [{"about": ["q3"], "reply": "I would rather not say."}, {"about": [], "reply": verdict(RIGHT)}]
    recipe, _ = played(rules, "{name: pairwise, model: judge, tries: 2}")
    found = figures_of(lake, recipe, "judgebench")
    assert found["unread"] == 2
    assert found["accuracy"] == (PAIRS - 1) / PAIRS


def test_a_rating_judge_wins_with_the_higher_rating(lake, played):
    rules = [
        {"about": ["the right one"], "reply": json.dumps({"critique": "Good.", "LABEL:;": 9})},
        {"about": [], "reply": json.dumps({"critique": "Bad.", "LABEL:;": 2})},
    ]
    recipe, _ = played(rules, "{name: critique, model: judge}")
    found = figures_of(lake, recipe, "rewardmath")
    assert (found["accuracy"], found["mean reciprocal rank"], found["unread"], found["ties"]) == (1, 1, 0, 0)


def test_a_rating_judge_that_rates_all_alike_wins_nothing(lake, played):
    recipe, _ = played(
        [{"about": [], "reply": json.dumps({"critique": "Fine.", "LABEL:;": 5})}], "{name: critique, model: judge}"
    )
    found = figures_of(lake, recipe, "judgebench")
    assert (found["accuracy"], found["ties"]) == (0, PAIRS)


def test_a_stopped_run_goes_on_and_a_finished_one_asks_nothing(lake, played):
    rules = [{"about": [], "reply": verdict(RIGHT)}]
    recipe, url = played(rules, "{name: pairwise, model: judge}", "limits: {max_calls: 7}")
    with pytest.raises(LimitReached):
        figures_of(lake, recipe, "judgebench")
    assert lake.read(CALLS).num_rows == made(url) == 7
    text = recipe.read_text().replace("limits: {max_calls: 7}\n", "")
    recipe.write_text(text)
    assert figures_of(lake, recipe, "judgebench")["accuracy"] == 1
    assert lake.read(CALLS).num_rows == made(url) == 2 * PAIRS
    assert figures_of(lake, recipe, "judgebench")["accuracy"] == 1
    assert made(url) == 2 * PAIRS
    assert lake.read(VOTES).num_rows == 2 * PAIRS


def test_an_outage_is_no_wrong_verdict(lake, played):
    rules = [{"about": ["q3"], "status": 500}, {"about": [], "reply": verdict(RIGHT)}]
    recipe, url = played(rules)
    engine = f"{{name: openai, base_urls: [{url}], max_retries: 0}}"
    recipe.write_text(recipe.read_text().replace(f"{{name: openai, base_urls: [{url}]}}", engine))
    with pytest.raises(UpstreamError, match="2 calls got no reply"):
        figures_of(lake, recipe, "judgebench")


def test_the_command_prints_and_keeps_the_figures(lake, played, file, prefect_api):
    recipe, _ = played([{"about": [], "reply": verdict(RIGHT)}])
    prefinery = Here(lake.folder, prefect_api)
    path = file("judgebench")
    rows = json.loads(prefinery("evaluate", "judges", "judgebench", recipe, path, "--format", "json").stdout)
    by_metric = {row["metric"]: row for row in rows}
    assert {row["judge"] for row in rows} == {"pairwise:judge"}
    accuracy = by_metric["accuracy"]
    assert (accuracy["value"], accuracy["n"], by_metric["inconsistency"]["value"]) == (1, PAIRS, 0)
    assert accuracy["low"] <= 1 <= accuracy["high"]
    (kept,) = [row for row in lake.read(EVALUATIONS).to_pylist() if row["metric"] == "accuracy"]
    assert kept["subject"].startswith("pairwise:judge@")
    assert kept["data"].startswith("judgebench ")


@pytest.mark.parametrize(
    ("name", "judge", "message"),
    [
        ("consistency", "{name: pairwise, model: judge}", "consistency needs rewards"),
        ("judgebench", "{name: rubric, model: judge}", "rubric:judge judges by what a benchmark does not have"),
    ],
)
def test_what_cannot_be_measured_is_said(lake, played, file, name, judge, message):
    recipe, _ = played([], judge, "rubrics: {stored: true}")
    with pytest.raises(ConfigError, match=message):
        measure_judges(lake.folder, name, recipe, [file("judgebench")], "json")


def test_records_come_from_files(file):
    assert list(records_of([file("judgebench")])) == RECORDS["judgebench"]
