"""What is imported many at a time is what is imported one by one."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curation import batches, importing, provenance
from curation.importers import Importer
from curation.importers.openrlhf import OpenRLHF
from curation.importers.trl import Trl
from curation.importing import KINDS, Imported, import_paths
from curation.provenance import WATCHED_RECORDS, WATCHED_RESPONSES, Provenance
from curation.records import BadRow, Columns, Named, cells_of
from schemas.drops import DROPS
from schemas.errors import InputError, WarehouseError
from schemas.ids import content_id
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES
from schemas.votes import VOTES
from warehouse.lake import Lake


class OneByOne(Trl):
    """The definition alone."""

    plain = Importer.plain


FEW = st.sampled_from(["", " ", "yes", "no", "Who?", "\n", "a\\", '","', "\x00\x1f\x7f", "é🦜\u2028"])
TEXTS = FEW | st.text(max_size=20)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(TEXTS, max_size=2)
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXTS}), max_size=3
)
PLAIN = dict.fromkeys(("prompt", "chosen", "rejected"), TEXTS)
MORE = {
    "margin": st.none() | st.floats(-1, 5) | st.sampled_from(["", "2", "x"]),
    "score_chosen": st.integers(0, 9) | st.none(),
    "score_rejected": st.integers(0, 9),
    "chosen_model": FEW | st.none() | st.integers(0, 1),
    "rejected_model": FEW,
    "100%": VALUES,
    "id": VALUES,
}
RECORDS = (
    st.fixed_dictionaries(PLAIN)
    | st.fixed_dictionaries(PLAIN)
    | st.fixed_dictionaries(PLAIN, optional=MORE)
    | st.fixed_dictionaries({name: TEXTS | TURNS | VALUES for name in PLAIN}, optional=MORE)
    | st.dictionaries(TEXTS, VALUES, max_size=2)
)
GOOD = {"prompt": "Who?", "chosen": "Me.", "rejected": "You."}
HALF = {"prompt": "Who?", "chosen": "Me.\ud800", "rejected": "You."}


@contextmanager
def small(**sizes: int):
    """Few records make a batch, and few are remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_RECORDS", sizes["batch"])
        patch.setattr(provenance, "MAX_REMEMBERED", sizes["remembered"])
        patch.setattr(provenance, "CONSTANT_PROMPTS", 2)
        yield


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    """Two warehouses that go through the same imports, each in its own way."""
    place = tmp_path_factory.mktemp("lakes")
    with Lake.create(place / "many") as many, Lake.create(place / "one") as one:
        yield many, one


def imported(lake: Lake, importer: Importer, file: Path) -> str:
    """What an import says or why it stops, and what the lake holds then."""
    try:
        said: Any = import_paths(lake, importer, [file])
    except InputError as error:
        said = str(error)
    return repr((said, *(lake.read(table).to_pylist() for table in (PROMPTS, RESPONSES, VOTES, DROPS))))


SIZES = {"batch": st.integers(1, 12), "remembered": st.sampled_from([0, 3, 10, 500_000])}
SETTINGS = st.sampled_from([{}, {"annotator": 'a "judge"', "annotator_kind": "ai", "source": "here"}])


@settings(max_examples=15)
@given(records=st.lists(RECORDS | st.just([1]), max_size=30), facts=SETTINGS, **SIZES)
@example(records=[GOOD] * 3, facts={}, batch=2, remembered=10)
@example(records=[GOOD, HALF, GOOD | {"chosen": "Mine."}], facts={}, batch=3, remembered=10)
@example(records=[GOOD, {}, GOOD | {"chosen": ""}, GOOD | {"prompt": " "}], facts={}, batch=9, remembered=10)
@example(records=[GOOD | {"prompt": text} for text in "abcdefghijkl"], facts={}, batch=4, remembered=10)
def test_a_file_is_imported_as_record_by_record(lakes, tmp_path_factory, records, facts, batch, remembered):
    file = tmp_path_factory.mktemp("lines") / "a.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    with small(batch=batch, remembered=remembered):
        many, one = (imported(lake, way(**facts), file) for lake, way in zip(lakes, (Trl, OneByOne), strict=True))
    assert many == one


@settings(max_examples=300)
@given(records=st.lists(RECORDS, max_size=12), facts=SETTINGS)
@example(records=[GOOD, GOOD | {"prompt": "Why?"}], facts={})
@example(records=[GOOD | {"margin": 2, "score_chosen": 1, "rejected_model": "%b", "100%": "%"}], facts={})
def test_rows_of_many_are_those_of_each(records, facts):
    importer = Trl(**facts)
    found = importer.plain(records)
    if found is None:
        return
    for table, rows in found.rows:
        assert rows.schema.equals(table.columns)
    plain = [list(importer.translate(records[place])) for place in found.places]
    for table in (PROMPTS, RESPONSES, VOTES):
        rows = pa.concat_tables(rows for its, rows in found.rows if its is table)
        assert rows.equals(table.rows(chosen_before_rejected(plain, table)))
    answers = chosen_before_rejected(plain, RESPONSES)
    assert found.record_ids.to_pylist() == [Named(records[place]).content_id for place in found.places]
    assert found.response_ids.to_pylist() == [row.response_id for row in answers]
    assert found.models.to_pylist() == [row.model for row in answers]
    assert found.answers.to_pylist() == [row.text for row in answers]


def chosen_before_rejected(translated, table):
    """The rows of one table; of responses first what each record has first."""
    found = [[row for row in rows if table is KINDS[type(row)]] for rows in translated]
    return [row for sides in zip(*found, strict=True) for row in sides]


@given(records=st.lists(st.fixed_dictionaries({**PLAIN, "margin": st.floats(-1, 5) | st.none()}), min_size=1))
def test_columns_are_records(records):
    columns = Columns({name: cells_of([record[name] for record in records]) for name in records[0]})
    assert Trl().plain(columns) == Trl().plain(records)


def test_plain_records_are_not_left_to_the_definition():
    """The comparison of the two ways would hold if one of them did nothing."""
    turns = [{"role": "user", "content": "Who?"}]
    odd = [BadRow("broken"), {}, GOOD | {"prompt": " "}, GOOD | {"chosen": "You."}, GOOD | {"prompt": turns}]
    found = Trl().plain([*odd, GOOD, GOOD | {"more": 1}, GOOD | {"chosen": ""}])
    assert found is not None
    assert found.places == [5, 7]
    assert Trl().plain(odd) is None


@pytest.mark.parametrize("empty", PLAIN)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_null_among_many_drops_its_record_and_the_others_keep_their_answers(lake, tmp_path, suffix, empty):
    """`methods/data.md` 31.17: an index that was not moved on gave the rows after a None those of another one."""
    records = [{"prompt": f"{n}?", "chosen": f"Yes to {n}?", "rejected": f"No to {n}?"} for n in range(9)]
    records[4] |= {empty: None}
    file = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(records), file)
    else:
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
    funnel = import_paths(lake, Trl(), [file]).funnel
    assert (funnel.read, funnel.kept) == (9, 8)
    (drop,) = (row for row in lake.read(DROPS).to_pylist() if row["line"])
    assert drop["line"] == 5
    asked = {row["prompt_id"]: row["messages"][0]["content"] for row in lake.read(PROMPTS).to_pylist()}
    said = {row["response_id"]: row["text"] for row in lake.read(RESPONSES).to_pylist()}
    votes = lake.read(VOTES).to_pylist()
    assert {asked[vote["prompt_id"]] for vote in votes} == {f"{n}?" for n in range(9)} - {"4?"}
    for vote in votes:
        sides = {"a": said[vote["response_a"]], "b": said[vote["response_b"]]}
        assert sides.pop(vote["verdict"]) == f"Yes to {asked[vote['prompt_id']]}"
        assert [*sides.values()] == [f"No to {asked[vote['prompt_id']]}"]


@pytest.mark.parametrize(
    ("way", "record"),
    [
        pytest.param(
            OpenRLHF(prompt_key="q", chosen_key="a", margin_key="m"), {"q": "Who?", "a": "Me.", "m": 1}, id="keys"
        ),
        pytest.param(Trl(), {"prompt": "Who?", "chosen": "Me."}, id="common"),
    ],
)
def test_formats_say_where_the_texts_are(way, record):
    found = way.plain([record | {"rejected": "You."}])
    assert found is not None
    assert found.answers.to_pylist() == ["Me.", "You."]


ANSWERS = st.lists(st.tuples(st.sampled_from("abc"), FEW), max_size=12)


def watch(provenance, file, answers, first=0):
    """Watch answers to prompts, each a record of its own on the next line."""
    rows = [
        {
            "line": line,
            "record_id": content_id(ask, text),
            "response_id": content_id(ask, text),
            "model": f"m {ask}",
            "text": text,
        }
        for line, (ask, text) in enumerate(answers, first)
    ]
    provenance.records(Path(file), pa.Table.from_pylist(rows, WATCHED_RECORDS))
    provenance.responses(Path(file), pa.Table.from_pylist(rows, WATCHED_RESPONSES))


@given(batches=st.lists(ANSWERS, max_size=5), remembered=SIZES["remembered"])
def test_signs_are_seen_in_many_as_in_one(batches, remembered):
    one, many = Provenance(), Provenance()
    with small(batch=1, remembered=remembered):
        for number, batch in enumerate(batches):
            for place, answer in enumerate(batch):
                watch(one, str(number), [answer], place)
            watch(many, str(number), batch)
        assert one.close(answer_sheets=True) == many.close(answer_sheets=True)
        assert one == many


def test_another_writer_commits_between_the_commits_of_an_import(lake, tmp_path):
    """Its rows are found, whichever of the two is first."""
    file = tmp_path / "a.jsonl"
    records = [GOOD | {"prompt": f"Who is {number}?"} for number in range(12)]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    done: list[Imported] = []

    def meanwhile(*_: int) -> None:
        if not done:
            with Lake.open(lake.folder) as other:
                done.append(import_paths(other, Trl(), [file]))

    with small(batch=2, remembered=500_000), pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "COMMIT_BYTES", 1)
        done.append(import_paths(lake, Trl(), [file], watch=meanwhile))
    assert sum(found.new["votes"] for found in done) == lake.read(VOTES).num_rows == len(records)
    assert sum(found.new["responses"] for found in done) == lake.read(RESPONSES).num_rows == 2 * len(records)


def test_a_commit_that_fails_stops_the_import_and_the_next_one_goes_on(lake, tmp_path):
    """What is in the lake then are the first records of the file, with no gap."""
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(GOOD | {"prompt": f"{number}?"}) + "\n" for number in range(12)))
    data = Path(lake.place.data_path)

    def meanwhile(*_: int) -> None:
        if data.is_dir():
            data.rename(lake.folder / "moved")
            data.write_text("in the way")

    with small(batch=2, remembered=500_000), pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "COMMIT_BYTES", 1)
        with pytest.raises(WarehouseError, match="cannot be used"):
            import_paths(lake, Trl(), [file], watch=meanwhile)
    data.unlink()
    (lake.folder / "moved").rename(data)
    kept = {row["messages"][0]["content"] for row in lake.read(PROMPTS).to_pylist()}
    assert kept == {f"{number}?" for number in range(len(kept))}
    assert len(kept) < 12
    assert import_paths(lake, Trl(), [file]).new["votes"] == 12 - len(kept)
