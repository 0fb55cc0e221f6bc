"""Every kind of file gives the same records, and a damaged one is a sentence."""

import csv
import datetime
import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.readers import MAX_BYTES, read_columns, read_records
from curation.records import BadRow
from schemas.errors import InputError

ROWS = [
    {"prompt": "a", "text": "ünï 🦜\u2028", "n": 1.5},
    {"prompt": "two\nlines", "text": "", "n": -1.0},
    {"prompt": "\u0000", "text": '"q", \\', "n": 0.0},
]


def json_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def zipped(path, rows):
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))


def json_array(path, rows):
    path.write_text(json.dumps(rows, indent=1))


def parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)


def arrow_stream(path, rows):
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(path, table.schema) as sink:
        sink.write_table(table)


def arrow_file(path, rows):
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_file(path, table.schema) as sink:
        sink.write_table(table)


WRITERS = [
    pytest.param("a.jsonl", json_lines, id="json-lines"),
    pytest.param("a.jsonl.gz", zipped, id="zipped-json-lines"),
    pytest.param("a.json", json_lines, id="json-lines-called-json"),
    pytest.param("a.json", json_array, id="json-array"),
    pytest.param("a.parquet", parquet, id="parquet"),
    pytest.param("a.arrow", arrow_stream, id="arrow-stream"),
    pytest.param("a.arrow", arrow_file, id="arrow-file"),
]


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_all_kinds_give_the_same_records(tmp_path, name, write):
    write(tmp_path / name, ROWS)
    assert list(read_records(tmp_path / name)) == list(enumerate(ROWS, 1))


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_no_record_is_no_record(tmp_path, name, write):
    write(tmp_path / name, [])
    assert list(read_records(tmp_path / name)) == []


cells = st.text(st.characters(exclude_categories=("Cs",)))


@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_a_csv_gives_back_its_texts(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("prompt", "text"), *rows])
    assert [record for _, record in read_records(path)] == [{"prompt": a, "text": b} for a, b in rows]


def test_a_row_of_another_width_is_a_bad_row(tmp_path):
    (tmp_path / "a.csv").write_text("\ufeffa,b\n1,2\n1\n1,2,3\n\n3,4\n", encoding="utf-8")
    found = [record for _, record in read_records(tmp_path / "a.csv")]
    assert found[0] == {"a": "1", "b": "2"}
    assert [record.reason for record in found[1:3]] == ["wrong_number_of_cells"] * 2
    assert found[3] == {"a": "3", "b": "4"}


def test_columns_that_json_does_not_know_become_text(tmp_path):
    row = {
        "day": datetime.date(2024, 5, 1),
        "raw": "é".encode(),
        "nested": [{"at": datetime.datetime(2024, 5, 1)}],
        "n": 1,
    }
    parquet(tmp_path / "a.parquet", [row])
    ((_, found),) = read_records(tmp_path / "a.parquet")
    assert found == {"day": "2024-05-01", "raw": "é", "nested": [{"at": "2024-05-01 00:00:00"}], "n": 1}
    assert json.dumps(found)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b"{broken", "malformed_json", id="broken"),
        pytest.param(b'{"a": "\xff"}', "malformed_json", id="not-utf-8"),
        pytest.param(b'{"a": "\\ud83d"}', "lone_surrogate", id="half-a-character"),
        pytest.param(b"[" * 200_000, "malformed_json", id="too-deep"),
        pytest.param(b'"text"', "not_an_object", id="text"),
    ],
)
def test_a_line_that_is_no_record_is_a_bad_row(tmp_path, line, reason):
    (tmp_path / "a.jsonl").write_bytes(b'{"a": "\\ud83d\\ude00"}\n' + line + b'\n{"a": 2}\n')
    first, (number, bad), last = read_records(tmp_path / "a.jsonl")
    assert first == (1, {"a": "😀"})
    assert isinstance(bad, BadRow)
    assert (number, bad.reason) == (2, reason)
    assert last == (3, {"a": 2})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.parquet", b"PAR1 and nothing", id="parquet"),
        pytest.param("a.arrow", b"nothing like it", id="arrow"),
        pytest.param("a.jsonl.gz", b"no gzip", id="no-gzip"),
        pytest.param("a.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 1000)[:-20], id="half-a-gzip"),
        pytest.param("a.json", b'[{"a": 1}, {"a"', id="half-an-array"),
        pytest.param("a.csv", b'a,b\n1,"2\n', id="open-quote"),
        pytest.param("a.csv", b"a,b\n\xff,2\n", id="csv-not-utf-8"),
        pytest.param("a.xlsx", b"no workbook", id="workbook"),
        pytest.param("a.txt", b"text", id="unknown-kind"),
    ],
)
def test_a_damaged_file_is_one_sentence_with_its_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        list(read_records(tmp_path / name))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_text_that_is_no_utf_8_is_damage(tmp_path, kind):
    bad = pa.array([b"ok", b"\xff"], pa.large_binary() if kind == pa.large_string() else pa.binary()).view(kind)
    pq.write_table(pa.table({"prompt": bad}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet is damaged"):
        list(read_records(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_texts_of_every_kind_are_texts(tmp_path, kind):
    texts = ["é", None, "", "é"]
    with pa.ipc.new_file(tmp_path / "a.arrow", pa.schema([("prompt", kind)])) as sink:
        sink.write_table(pa.table({"prompt": pa.array(texts).cast(kind)}))
    (columns,) = read_columns(tmp_path / "a.arrow")
    assert columns.cells["prompt"] == pa.array(texts)
    assert list(read_records(tmp_path / "a.arrow")) == [(line, {"prompt": text}) for line, text in enumerate(texts, 1)]


def test_a_line_without_end_is_refused(tmp_path):
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="one record a line"):
        list(read_records(tmp_path / "a.jsonl"))


MEASURE = """
import resource, sys
from pathlib import Path
import pyarrow, pyarrow.parquet, ijson
from curation.readers import read_records
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for _ in read_records(Path(sys.argv[1])))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet", "a.arrow"])
def test_memory_does_not_grow_with_the_file(tmp_path, name):
    """A hundred megabytes of rows are read within sixty."""
    rows, text = 25_000, "x" * 4_000
    table = pa.table({"prompt": [f"{i} {text}" for i in range(rows)]})
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(table, path, compression="none", use_dictionary=False)
    elif name == "a.arrow":
        with pa.ipc.new_stream(path, table.schema) as sink:
            sink.write_table(table, max_chunksize=1000)
    else:
        start, between, end = {"a.jsonl": ("", "\n", ""), "a.json": ("[", ",", "]"), "a.csv": ("prompt\n", "\n", "")}[
            name
        ]
        cell = "{0} {1}" if name == "a.csv" else '{{"prompt": "{0} {1}"}}'
        path.write_text(start + between.join(cell.format(i, text) for i in range(rows)) + end)
    assert path.stat().st_size > 95e6
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == rows
    # Arrow maps the file: its pages count as resident, and the system takes them back when it needs them.
    assert megabytes < (60 if name != "a.arrow" else 160)
