import json

import pytest

from curation.facts import constraint, constraints_of
from curation.importers import IMPORTERS
from curation.importing import import_paths
from curation.records import BadRow
from schemas.prompts import PROMPTS

KIND = "prompt known without these facts"


@pytest.fixture
def bring(lake, tmp_path):
    """Import records of plain prompts; return the notes by kind."""

    def bring(*records):
        file = tmp_path / f"{len(list(tmp_path.glob('*.jsonl')))}.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return {note.kind: note for note in import_paths(lake, IMPORTERS.build("prompts"), [file]).notes}

    return bring


def test_a_constraint_is_the_same_text_however_it_is_written():
    """A file with columns names every setting in every row."""
    short = '{"rule": "length", "at_most": 9}'
    full = {"at_least": None, "rule": "length", "at_most": 9}
    assert (
        constraints_of({"c": [short]}, "c") == constraints_of({"c": [full]}, "c") == ('{"at_most":9,"rule":"length"}',)
    )
    assert constraint("length", {"at_most": 9, "at_least": None}) == '{"at_most":9,"rule":"length"}'


@pytest.mark.parametrize("found", [None, "", []], ids=repr)
def test_no_constraints_are_none(found):
    assert constraints_of({"c": found}, "c") is None
    assert constraints_of({}, "c") is None


@pytest.mark.parametrize(
    "found", ["length", ["length"], [["length"]], [{"at_most": 9}], [{"rule": 1}], [3], ["{}"]], ids=repr
)
def test_anything_else_is_bad(found):
    with pytest.raises(BadRow, match="wrong_type"):
        constraints_of({"c": found}, "c")


def test_a_prompt_that_is_stored_without_the_facts_is_told(bring, lake):
    bare, known = {"prompt": "What is 2+3?"}, {"prompt": "What is 2+3?", "correct_answers": ["5"]}
    assert bring(bare, {"prompt": "Hi", "task_type": "chat"}) == {}
    note = bring(known, {"prompt": "And 3+3?", "correct_answers": ["6"]}, {"prompt": "Hi", "task_type": "chat"})[KIND]
    assert (note.rows, note.detail) == (1, "'What is 2+3?'; bring facts in before anything else about a prompt")
    facts = {row["messages"][0]["content"]: row["correct_answers"] for row in lake.read(PROMPTS).to_pylist()}
    assert facts == {"What is 2+3?": None, "And 3+3?": ["6"], "Hi": None}


def test_facts_that_are_stored_are_not_told(bring):
    known = {"prompt": "What is 2+3?", "constraints": [{"rule": "length", "at_most": 9}], "correct_answers": ["5"]}
    assert bring(known) == {}
    assert KIND not in bring(known | {"correct_answers": None})
    assert KIND not in bring(known, {"prompt": "What is 2+3?"})


@pytest.mark.parametrize(
    "other",
    [{"correct_answers": ["6"]}, {"incorrect_answers": ["6"]}, {"task_type": "sum"}, {"constraints": [{"rule": "x"}]}],
    ids=lambda other: next(iter(other)),
)
def test_other_facts_are_told_also_within_one_file(bring, other):
    assert (
        bring({"prompt": "What is 2+3?", "correct_answers": ["5"]}, {"prompt": "What is 2+3?", **other})[KIND].rows == 1
    )
