from curation.provenance import CONSTANT_PROMPTS, Provenance, twins
from curation.records import Named
from schemas.responses import Response


def kinds(watch, **options):
    return {note.kind: note for note in watch.close(answer_sheets=False, **options)}


def response(prompt, text="yes", model="m"):
    return Response.of(prompt, model=model, text=text, source="s")


def test_the_same_record_twice_is_told_once_a_repetition():
    watch = Provenance()
    for number in range(3):
        watch.record(Named(a=1), f"f:{number}")
    found = kinds(watch)["record repeated"]
    assert (found.rows, found.detail) == (2, "f:1")


def test_an_id_of_two_different_records_is_told():
    watch = Provenance(id_column="id")
    for number, text in enumerate("aab"):
        watch.record(Named(id=7, text=text), f"f:{number}")
    found = kinds(watch)
    assert found["one id, several records"].rows == 1
    assert found["record repeated"].rows == 1


def test_records_without_the_id_are_no_duplicates():
    watch = Provenance(id_column="id")
    for text in "ab":
        watch.record(Named(text=text), "f:1")
    assert kinds(watch) == {}


def test_a_text_is_constant_from_ten_prompts_of_one_model():
    for prompts, told in ((CONSTANT_PROMPTS - 1, False), (CONSTANT_PROMPTS, True)):
        watch = Provenance()
        for number in range(prompts):
            watch.response(response(f"p{number}"), "f:1")
            watch.response(response(f"p{number}"), "f:2")  # the same answer in another comparison
            watch.response(response(f"p{number}", model=f"m{number}"), "f:3")
        assert ("one text, many prompts" in kinds(watch)) == told


def test_what_is_no_longer_remembered_is_told():
    watch = Provenance(id_column="id", most=2)
    for number in range(4):
        watch.record(Named(id=number), f"f:{number}")
        watch.response(response(f"p{number}", text=f"t{number}"), f"f:{number}")
    watch.record(Named(id=1), "f:5")
    found = kinds(watch)
    assert found["record repeated"].rows == 1
    assert {kind: found[kind].rows for kind in found if "not remembered" in kind} == {
        "records not remembered": 2,
        "ids not remembered": 2,
        "responses not remembered": 2,
    }
    assert "after the first 2 " in found["records not remembered"].detail


def test_many_at_a_time_are_told_as_one_by_one():
    ids, texts = ["a", "b", "c", "d", "b"], ["yes", " ", "no", "yes", "yes"]
    one, many = Provenance(most=3), Provenance(most=3)
    for place in range(5):
        one.records([ids[place]], lambda _: "f")
        one.response(response(ids[place], texts[place]), "f")
    many.records(ids[:3], lambda _: "f")
    many.records(ids[3:], lambda _: "f")
    named = [response(name, text) for name, text in zip(ids, texts, strict=True)]
    for part in (slice(0, 3), slice(3, 5)):
        rows = named[part]
        facts = [row.response_id for row in rows], [row.model for row in rows], [row.text for row in rows]
        many.responses(*facts, lambda _: "f")
    assert [(note.kind, note.rows) for note in many.close(answer_sheets=False)] == [
        (note.kind, note.rows) for note in one.close(answer_sheets=False)
    ]


def test_twins_are_files_of_the_same_bytes(tmp_path):
    files = [tmp_path / name for name in "abcd"]
    for file, text in zip(files, ["same", "same", "othe", "longer"], strict=True):
        file.write_text(text)
    assert twins(files) == {files[1]: files[0]}
    assert twins([files[0], files[0]]) == {}
