"""Facts about prompts, from the files of IFEval and GSM8K to what rules say of stored answers. No model is asked."""

import json
from itertools import islice

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import Recipe, load
from flows.rewarding import rewarding
from flows.run import Run
from schemas.errors import InputError
from schemas.prompts import PROMPTS, user
from training.jobs import settings_of
from warehouse import query
from warehouse.collect import compact
from warehouse.export import export_to
from warehouse.exporters import EXPORTERS

RULES = "name: facts\nprompts: {sources: [ifeval, gsm8k, alpaca_eval_outputs]}\nrules: [ifeval, math_answer]\n"

ASKED = "Why does it rain? Use no commas."
TEXTS = {
    "plain": "It falls.",
    "after a greeting": "Sure, here:\nIt falls.",
    "commas": "It falls, and falls, and falls.",
}


@pytest.fixture
def bring(lake, tmp_path):
    def bring(kind, *records):
        file = tmp_path / f"{kind}.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return import_paths(lake, IMPORTERS.build(kind), [file])

    return bring


@pytest.fixture(params=["facts first", "answers first"])
def instructed(bring, request):
    """A prompt of IFEval with three answers. Facts reach a prompt that is stored already."""
    kwargs = [{}, {"relation": "less than", "num_words": 9}]
    names = ["punctuation:no_comma", "length_constraints:number_words"]
    facts = {"key": 1, "prompt": ASKED, "instruction_id_list": names, "kwargs": kwargs}
    told = [{"instruction": ASKED, "generator": kind, "output": text} for kind, text in TEXTS.items()]
    files = [("ifeval", [facts]), ("alpaca_eval_outputs", told)]
    for kind, records in files if request.param == "facts first" else files[::-1]:
        bring(kind, *records)


@pytest.fixture
def recorded(bring, real_data):
    """Thirty questions of GSM8K with four recorded solutions each."""
    with (real_data / "gsm8k" / "example_model_solutions_first600.jsonl").open() as lines:
        found = [json.loads(line) for line in islice(lines, 30)]
    bring("gsm8k", *found)
    return found


def run(lake, tmp_path, *lines):
    path = tmp_path / "facts.yaml"
    path.write_text(RULES + "\n".join(lines) + "\n")
    return curate_into(lake, load(path))


def test_rules_judge_by_the_facts_that_the_files_bring(lake, tmp_path, instructed):
    run(lake, tmp_path)
    rows = query(
        lake.folder,
        "select model, judge, aspect, value, failure from scores join responses using (response_id) "
        "join prompts as p using (prompt_id)",
    ).to_pylist()
    said = {(row["model"], row["aspect"]): row["value"] for row in rows}
    aspects = ["punctuation:no_comma", "length_constraints:number_words", "ifeval/prompt"]
    for kind, strict, loose in (("plain", 1, 1), ("after a greeting", 0, 1), ("commas", 0, 0)):
        assert [said[kind, aspect] for aspect in aspects] == [strict, 1, strict]
        assert [said[kind, aspect + "/loose"] for aspect in aspects] == [loose, 1, loose]
        assert said[kind, "correct"] is None
    assert len(rows) == 3 * 7
    assert {row["failure"] for row in rows} == {None}


def test_recorded_solutions_are_judged_as_they_were(lake, tmp_path, recorded):
    run(lake, tmp_path)
    rows = query(
        lake.folder,
        "select p.messages[1].content as asked, model, value from scores join responses using (response_id) "
        "join prompts as p using (prompt_id) where p.source = 'gsm8k' and judge = 'math_answer' and aspect = 'correct'",
    ).to_pylist()
    correct = {
        (record["question"], f"gsm8k/{model}"): float(found["is_correct"])
        for record in recorded
        for model, found in record.items()
        if isinstance(found, dict)
    }
    assert {(row["asked"], row["model"]): row["value"] or 0.0 for row in rows} == correct
    assert 0 < sum(correct.values()) < len(correct) == 120


def test_what_keeps_to_the_facts_is_chosen(lake, tmp_path, instructed, recorded):
    run(lake, tmp_path, "pair: best_vs_worst", "publish: {dataset: right}", "aspects: [correct, ifeval/prompt]")
    pairs = query(
        lake.folder,
        "select p.messages[1].content as asked, c.model as chosen, r.model as rejected, margin from members "
        "join pairs using (pair_id) join prompts as p using (prompt_id) "
        "join responses as c on c.response_id = chosen_id join responses as r on r.response_id = rejected_id",
    ).to_pylist()
    right = {
        record["question"]: {
            f"gsm8k/{model}": found["is_correct"] for model, found in record.items() if isinstance(found, dict)
        }
        for record in recorded
    }
    of_gsm8k = [row for row in pairs if row["asked"] in right]
    assert all(right[row["asked"]][row["chosen"]] and not right[row["asked"]][row["rejected"]] for row in of_gsm8k)
    assert len(of_gsm8k) >= 10
    assert [row["chosen"] for row in pairs if row["asked"] == ASKED] == ["plain"]
    assert {row["margin"] for row in pairs} == {1.0}


ANSWERED = {"prompt": "What is 2+3?", "chosen": "5", "rejected": "6"}
KNOWN = {"prompt": "What is 2+3?", "correct_answers": ["5"]}


def published(lake, tmp_path):
    path = tmp_path / "votes.yaml"
    path.write_text("name: v\nprompts: {sources: [trl]}\npair: {name: majority}\npublish: {dataset: v}\n")
    return curate_into(lake, load(path)).version


def exported(lake, version, tmp_path):
    """The right answers that an export of a version carries, by prompt."""
    place = tmp_path / f"export {len(list(tmp_path.glob('export*')))}"
    export_to(lake, version, str(place), EXPORTERS.build("prompts"))
    rows = [json.loads(line) for file in place.glob("t*.jsonl") for line in file.read_text().splitlines()]
    return {row["prompt"][0]["content"]: row.get("correct_answers") for row in rows}


def test_a_version_knows_what_was_known_when_it_was_published(lake, tmp_path, bring):
    bring("trl", ANSWERED)
    first = published(lake, tmp_path)
    assert exported(lake, first, tmp_path) == {"What is 2+3?": None}
    bring("prompts", KNOWN)
    bring("trl", ANSWERED | {"prompt": "And 3+3?", "chosen": "six"})
    second = published(lake, tmp_path)
    assert second.label == "v@2"
    compact(lake)
    assert exported(lake, first, tmp_path) == {"What is 2+3?": None}
    assert exported(lake, second, tmp_path) == {"What is 2+3?": ["5"], "And 3+3?": None}
    known = "select correct_answers from known_prompts(null) where messages[1].content = 'What is 2+3?'"
    found = [query(lake.folder, known, at=at).to_pylist() for at in ("v@1", "v@2", None)]
    assert [row["correct_answers"] for (row,) in found] == [None, ["5"], ["5"]]


def test_rewards_of_a_version_see_what_was_known_then(lake, tmp_path, bring):
    bring("trl", ANSWERED)
    first = published(lake, tmp_path)
    bring("prompts", KNOWN)
    recipe = Recipe(name="r")
    wanted = settings_of("grpo", {"rollout.rewards": [{"source": "rule:math_answer"}]})
    ids = lake.read(PROMPTS).column("prompt_id").to_pylist()
    with rewarding(Run(lake=lake, recipe=recipe), wanted, ids) as given:
        assert given["rule:math_answer"]([(user("What is 2+3?"), "#### 5")]).tolist() == [1.0]
    with (
        pytest.raises(InputError, match="finds nothing to check"),
        rewarding(Run(lake=lake, recipe=recipe), wanted, ids, first.snapshot),
    ):
        pass
