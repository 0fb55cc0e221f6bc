"""Facts about prompts, from the files of IFEval and GSM8K to what rules say of stored answers. No model is asked."""

import json
from itertools import islice

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import load
from warehouse import query

RULES = "name: facts\nprompts: {sources: [ifeval, gsm8k]}\nrules: [ifeval, math_answer]\n"

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


@pytest.fixture
def instructed(bring):
    """A prompt of IFEval with three answers."""
    kwargs = [{}, {"relation": "less than", "num_words": 9}]
    names = ["punctuation:no_comma", "length_constraints:number_words"]
    bring("ifeval", {"key": 1, "prompt": ASKED, "instruction_id_list": names, "kwargs": kwargs})
    told = [{"instruction": ASKED, "generator": kind, "output": text} for kind, text in TEXTS.items()]
    bring("alpaca_eval_outputs", *told)


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
        "join prompts as p using (prompt_id) where p.source = 'ifeval'",
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
