from pathlib import Path

import pyarrow as pa

from curation.provenance import CONSTANT_PROMPTS, WATCHED_RECORDS, WATCHED_RESPONSES, Provenance, twins
from schemas.ids import content_id
from schemas.responses import Response

FILE = Path("f")


def kinds(watch, **options):
    return {note.kind: note for note in watch.close(answer_sheets=False, **options)}


def response(prompt, text="yes", model="m"):
    return Response.of(prompt, model=model, text=text, source="s")


def answers(watch, *responses, line=1):
    rows = [{"line": line, "response_id": row.response_id, "model": row.model, "text": row.text} for row in responses]
    watch.responses(FILE, pa.Table.from_pylist(rows, WATCHED_RESPONSES))


def records(watch, *named, first=0):
    """Watch records by name, or by what is in them and the id that they give themselves."""
    rows = [
        {"line": line, "record_id": content_id(of, name), "name": name}
        for line, (of, name) in enumerate((one if isinstance(one, tuple) else (one, None) for one in named), first)
    ]
    watch.records(FILE, pa.Table.from_pylist(rows, WATCHED_RECORDS))


def test_the_same_record_twice_is_told_once_a_repetition():
    watch = Provenance()
    for line in range(3):
        records(watch, "a", first=line)
    found = kinds(watch)["record repeated"]
    assert (found.rows, found.detail) == (2, "f:1")


def test_an_id_of_two_different_records_is_told():
    watch = Provenance(id_column="id")
    records(watch, ("a", "7"), ("a", "7"))
    records(watch, ("b", "7"), first=2)
    found = kinds(watch)
    assert (found["one id, several records"].rows, found["one id, several records"].detail) == (1, "id 7, f:2")
    assert found["record repeated"].rows == 1


def test_records_without_the_id_are_no_duplicates():
    watch = Provenance(id_column="id")
    records(watch, "a", "b")
    assert kinds(watch) == {}


def test_what_comes_first_in_the_file_is_the_example():
    """Not what comes first in the table: plain records and others are watched together."""
    watch = Provenance()
    rows = [{"line": line, "response_id": content_id(line), "model": f"m{line}", "text": " "} for line in (7, 9, 3, 7)]
    watch.responses(FILE, pa.Table.from_pylist(rows, WATCHED_RESPONSES))
    assert (kinds(watch)["empty response"].rows, kinds(watch)["empty response"].detail) == (3, "m3, f:3")


def test_a_text_is_constant_from_ten_prompts_of_one_model():
    for prompts, told in ((CONSTANT_PROMPTS - 1, False), (CONSTANT_PROMPTS, True)):
        watch = Provenance()
        for number in range(prompts):
            answers(watch, response(f"p{number}"))
            answers(watch, response(f"p{number}"))  # the same answer in another comparison
            answers(watch, response(f"p{number}", model=f"m{number}"))
        assert ("one text, many prompts" in kinds(watch)) == told


def test_what_is_no_longer_remembered_is_told():
    watch = Provenance(id_column="id", most=2)
    for number in range(4):
        records(watch, (number, str(number)))
        answers(watch, response(f"p{number}", text=f"t{number}"))
    records(watch, (1, "1"))
    found = kinds(watch)
    assert found["record repeated"].rows == 1
    assert {kind: found[kind].rows for kind in found if "not remembered" in kind} == {
        "records not remembered": 2,
        "ids not remembered": 2,
        "responses not remembered": 2,
    }
    assert "after the first 2 " in found["records not remembered"].detail


def test_many_at_a_time_are_told_as_one_by_one():
    ids, texts = [content_id(name) for name in "abcdb"], ["yes", " ", "no", "yes", "yes"]
    one, many = Provenance(most=3), Provenance(most=3)
    for place in range(5):
        records(one, ids[place])
        answers(one, response(ids[place], texts[place]))
    named = [response(name, text) for name, text in zip(ids, texts, strict=True)]
    for part in (slice(0, 3), slice(3, 5)):
        records(many, *ids[part])
        answers(many, *named[part])
    assert [(note.kind, note.rows) for note in many.close(answer_sheets=False)] == [
        (note.kind, note.rows) for note in one.close(answer_sheets=False)
    ]


def test_twins_are_files_of_the_same_bytes(tmp_path):
    files = [tmp_path / name for name in "abcd"]
    for file, text in zip(files, ["same", "same", "othe", "longer"], strict=True):
        file.write_text(text)
    assert twins(files) == {files[1]: files[0]}
    assert twins([files[0], files[0]]) == {}
