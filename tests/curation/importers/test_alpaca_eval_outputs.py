import json

import pytest

from curation.importers.alpaca_eval_outputs import AlpacaEvalOutputs
from curation.importing import import_paths


def outputs(path, generator, count=3, text="answer {i} of {generator}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([
        {"instruction": f"Question {i}", "output": text.format(i=i, generator=generator), "generator": generator}
        for i in range(count)
    ]))  # fmt: skip
    return path


def notes(lake, *paths):
    return {note.kind: note for note in import_paths(lake, AlpacaEvalOutputs(), paths).notes}


@pytest.mark.parametrize("place", ["gpt4/model_outputs.json", "gpt4.json"])
def test_a_file_that_is_called_after_its_model_is_fine(lake, tmp_path, place):
    assert notes(lake, outputs(tmp_path / place, "gpt4")) == {}


@pytest.mark.parametrize("place", ["claude/model_outputs.json", "claude.json"])
def test_another_models_answers_under_this_name_are_told(lake, tmp_path, place):
    found = notes(lake, outputs(tmp_path / place, "gpt4"))
    assert "gpt4" in found["model is not the file's"].detail


def test_identical_files_under_two_names_are_told_and_read_once(lake, tmp_path):
    first, second = (outputs(tmp_path / name / "model_outputs.json", "gpt4") for name in ("gpt4", "gpt4-again"))
    done = import_paths(lake, AlpacaEvalOutputs(), [first, second])
    assert [note.kind for note in done.notes] == ["identical file left out"]
    assert done.funnel.read == 3
    dropped = "select reason, file from drops where stage = 'import'"
    assert lake.con.execute(dropped).fetchall() == [("identical_file", str(second))]


def test_models_with_fewer_answers_are_told(lake, tmp_path):
    found = notes(lake, outputs(tmp_path / "a.json", "a", 5), outputs(tmp_path / "b.json", "b", 3))
    assert found["models with fewer rows"].detail == "a 5, b 3"


def test_notes_are_found_by_sql_once_however_often_a_file_is_imported(lake, tmp_path):
    files = outputs(tmp_path / "a.json", "a", 5), outputs(tmp_path / "b.json", "b", 3)
    for _ in range(2):
        notes(lake, *files)
    stored = lake.con.execute("select row_kind, reason, detail from drops where stage = 'provenance'").fetchall()
    assert stored == [("note", "models with fewer rows", "1: a 5, b 3")]


def test_the_same_instruction_in_two_files_is_no_repetition(lake, tmp_path):
    for model in "ab":
        row = {"instruction_id": 1, "instruction": "Hi", "output": f"{model} says", "generator": model}
        (tmp_path / f"{model}.json").write_text(json.dumps([row]))
    assert notes(lake, tmp_path / "a.json", tmp_path / "b.json") == {}


def test_constant_and_empty_answers_are_told(lake, tmp_path):
    found = notes(lake, outputs(tmp_path / "a.json", "a", 12, "Sorry."), outputs(tmp_path / "b.json", "b", 12, " "))
    assert (found["one text, many prompts"].rows, found["one text, many prompts"].detail) == (12, "a: 'Sorry.'")
    assert found["empty response"].rows == 12
