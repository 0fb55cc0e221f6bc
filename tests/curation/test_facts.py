import json

import pytest

from curation.facts import constraint, constraints_of
from curation.importers import IMPORTERS
from curation.importing import import_paths
from curation.records import BadRow
from schemas.prompt_facts import PROMPT_FACTS
from schemas.prompts import PROMPTS
from warehouse.readonly import query

KIND = "prompt known with other facts"


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


def known(lake, *facts):
    """What the lake knows of each prompt, by its text."""
    rows = query(lake.folder, "from known_prompts(null)").to_pylist()
    return {row["messages"][0]["content"]: tuple(row[fact] for fact in facts) for row in rows}


def test_facts_reach_a_prompt_that_is_stored_without_them(bring, lake):
    assert bring({"prompt": "What is 2+3?"}, {"prompt": "Hi", "task_type": "chat"}) == {}
    assert KIND not in bring({"prompt": "What is 2+3?", "correct_answers": ["5"]}, {"prompt": "And 3+3?"})
    assert KIND not in bring({"prompt": "What is 2+3?", "task_type": "sum", "correct_answers": ["5"]}, {"prompt": "Hi"})
    assert known(lake, "correct_answers", "task_type") == {
        "What is 2+3?": (["5"], "sum"), "And 3+3?": (None, None), "Hi": (None, "chat"),
    }  # fmt: skip
    stored = lake.read(PROMPT_FACTS).to_pylist()
    said = {(str(row["correct_answers"]), row["task_type"], row["source"]) for row in stored}
    assert said == {("['5']", None, "prompts"), ("None", "sum", "prompts")}
    bare = {row["messages"][0]["content"]: row["correct_answers"] for row in lake.read(PROMPTS).to_pylist()}
    assert bare == {"What is 2+3?": None, "And 3+3?": None, "Hi": None}, "rows of `prompts` stay as they are"


def test_the_same_facts_again_are_no_row(bring, lake):
    for _ in range(2):
        bring({"prompt": "Hi"}, {"prompt": "Hi", "task_type": "chat"}, {"prompt": "Hi", "task_type": "chat"})
    assert lake.read(PROMPT_FACTS).num_rows == 1


def test_a_contradiction_is_told_and_what_was_said_first_stays(bring, lake):
    bring({"prompt": "What is 2+3?"})
    note = bring(*({"prompt": "What is 2+3?", "correct_answers": [one]} for one in "56"))[KIND]
    assert (note.rows, note.detail) == (1, "'What is 2+3?'; what was said first stays")
    note = bring({"prompt": "What is 2+3?", "correct_answers": ["7"], "task_type": "sum"})[KIND]
    assert note.rows == 1
    assert known(lake, "correct_answers", "task_type") == {"What is 2+3?": (["5"], "sum")}
    assert [row["correct_answers"] for row in lake.read(PROMPT_FACTS).to_pylist() if row["correct_answers"]] == [["5"]]


def test_facts_that_are_stored_are_not_told(bring):
    known = {"prompt": "What is 2+3?", "constraints": [{"rule": "length", "at_most": 9}], "correct_answers": ["5"]}
    assert bring(known) == {}
    assert KIND not in bring(known | {"correct_answers": None})
    assert KIND not in bring(known, {"prompt": "What is 2+3?"})


@pytest.mark.parametrize(
    "other",
    [{"correct_answers": ["6"]}, {"incorrect_answers": ["7"]}, {"task_type": "sum"}, {"constraints": [{"rule": "x"}]}],
    ids=lambda other: next(iter(other)),
)
def test_other_facts_are_told_also_within_one_file(bring, other):
    facts = {"correct_answers": ["5"], "incorrect_answers": ["6"], "task_type": "maths", "constraints": [{"rule": "y"}]}
    first = {"prompt": "What is 2+3?", **facts}
    assert bring(first, first | other)[KIND].rows == 1
