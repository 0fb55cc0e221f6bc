"""`prefinery sql` as programs call it: formats, files, pipes and limits."""

import csv
import io
import json
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.sql import up_to
from flows.tables import table_text
from tests.flows.conftest import PREFINERY, Shell
from tests.rows import draft, some_pairs
from warehouse.lake import Lake
from warehouse.versions import publish

ODD = (
    "select 1 as a, 'x,\"y\"' as a, [1, 2] as l, map {'k': 2} as m, {'t': null} as s, null as n, "
    "1.50::decimal(4, 2) as d, timestamp '2026-01-02 03:04:05' as t, 'nan'::double as f"
)
ENDLESS = "select count(*) from range(1000000000) as a, range(1000000000) as b"


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("sql") / "warehouse") as lake:
        publish(lake, draft(some_pairs(lake, 3)))
    return Shell(lake.folder)


def test_json(shell):
    assert shell.rows(ODD) == [
        {
            "a": 1, "a_2": 'x,"y"', "l": [1, 2], "m": {"k": 2}, "s": {"t": None}, "n": None, "d": 1.5,
            "t": "2026-01-02 03:04:05", "f": None,
        }
    ]  # fmt: skip
    assert shell.rows("from drops") == []


def test_csv(shell):
    rows = list(csv.reader(io.StringIO(shell("sql", ODD, "--format", "csv").stdout)))
    assert rows[0] == ["a", "a_2", "l", "m", "s", "n", "d", "t", "f"]
    assert rows[1][:6] == ["1", 'x,"y"', "[1,2]", '{"k":2}', '{"t":null}', ""]
    assert shell("sql", "from range(0)", "--format", "csv").stdout == '"range"\n'


@pytest.mark.parametrize("output", ["csv", "json", "parquet"])
def test_a_file_holds_every_row(shell, tmp_path, output):
    out = tmp_path / "out"
    shell("sql", "select range as n from range(250000)", "--format", output, "-o", out)
    if output == "parquet":
        assert pq.read_table(out).column("n").to_pylist() == list(range(250_000))
    elif output == "json":
        assert json.loads(out.read_text()) == [{"n": n} for n in range(250_000)]
    else:
        assert out.read_text().split() == ['"n"', *map(str, range(250_000))]
    assert list(tmp_path.iterdir()) == [out]


def test_a_query_that_fails_leaves_the_file_as_it_was(shell, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("before")
    failing = "select if(range = 200000, error('late'), range) from range(250000)"
    assert "late" in shell("sql", failing, "--format", "csv", "-o", out, fails=1).stderr
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_table_is_cut_and_says_so(shell):
    done = shell("sql", "select range from range(50)", "--limit", "3")
    assert done.stdout.split() == ["range", "─────", "0", "1", "2"]
    assert "Only the first 3 rows are shown" in done.stderr
    assert not shell("sql", "from range(3)", "--limit", "3").stderr


def test_a_long_table_is_printed_in_seconds():
    rows = pa.table({"n": range(50_000), "text": ["two\nlines", "宽"] * 25_000, "map": [[1]] * 50_000})
    start = time.monotonic()
    lines = table_text(rows, folded=True).splitlines()
    assert time.monotonic() - start < 20
    assert lines[:4] == [
        "       n   text        map",
        "  ──────   ─────────   ───",
        "       0   two lines   [1]",
        "       1   宽          [1]",
    ]
    assert len(lines) == 50_002


def test_numbers_are_written_with_their_digits(shell):
    query = (
        "select sum(range) as whole, sum(range)::decimal(18, 2) / 4 as part, 2::hugeint ** 70 as huge from range(273)"
    )
    numbers = {"whole": 37128, "part": 9282.0, "huge": 1180591620717411303424}
    assert json.loads(shell("sql", query, "--format", "json").stdout) == [numbers]
    assert shell("sql", query).stdout.split()[-3:] == ["37,128", "9,282", "1,180,591,620,717,411,303,424"]


def test_a_row_of_a_pipe_is_one_line_however_long(shell):
    done = shell("sql", "select repeat('long ', 20) as one, repeat('text ', 20) as two, repeat('here ', 20) as three")
    assert len(done.stdout.splitlines()) == 3


def test_a_query_may_be_piped_in(shell):
    for text, out in (
        ("select 6 * 7 as n;\n", b'[\n{"n":42}\n]\n'),
        ("-- how many\nselect 1 as n", b'[\n{"n":1}\n]\n'),
    ):
        command = [*PREFINERY, "sql", "--format", "json"]
        done = subprocess.run(command, input=text.encode(), env=shell.env, capture_output=True, timeout=60, check=True)
        assert done.stdout == out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["from range(3)", "-o", "x"], 2, "add --format csv", id="a-table-into-a-file"),
        pytest.param(["from range(3)", "--format", "csv", "-o", "/nowhere/x"], 2, "cannot be written", id="no-folder"),
        pytest.param([ENDLESS, "--timeout", "0.5"], 1, "took longer than 0.5 s", id="timeout"),
        pytest.param(["select list(range) from range(90000000)", "--memory", "60MB"], 1, "Out of Memory", id="memory"),
        pytest.param(["select \udcff"], 1, "no UTF-8", id="no-text"),
        pytest.param(["select " + "not " * 900 + "true"], 1, "nested too deeply", id="too-deep"),
        pytest.param(["select 1", "--memory", "lots"], 2, "write a size", id="no-size"),
        pytest.param(["", "--format", "json"], 1, "one query at a time", id="no-query"),
        pytest.param(["explain analyze delete from pairs"], 1, "changes nothing", id="explained-write"),
    ],
)
def test_a_mistake_is_one_sentence(shell, arguments, code, sentence):
    errors = shell("sql", *arguments, fails=code).stderr
    assert sentence in errors
    assert errors.count("\n") == 1


def test_plans_pass_through(shell):
    assert "PROJECTION" in shell("sql", "explain select 1").stdout
    assert "Total Time" in shell("sql", "explain analyze select count(*) from pairs", "--limit", "5").stdout


def test_ctrl_c_ends_the_query(shell, tmp_path):
    out = tmp_path / "out.csv"
    part = tmp_path / ".out.csv.part"
    with shell.start("sql", "from range(1000000000000)", "--format", "csv", "-o", out, "--timeout", "30") as process:
        while not (part.exists() and part.stat().st_size) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "error: The query was stopped.\n")
    assert list(tmp_path.iterdir()) == []


LATE = f"""
import os, signal, sys, time
from pathlib import Path
from flows.sql import stoppable
from warehouse.readonly import reading

with reading(Path(sys.argv[1])) as reader:
    def late():
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
        with reader.ask({ENDLESS!r}) as found:
            found.rows()
    stoppable(reader, late)
"""


def test_ctrl_c_before_the_query_begins_ends_it_too(shell):
    done = subprocess.run(
        [sys.executable, "-c", LATE, str(shell.warehouse)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.endswith("InputError: The query was stopped.\n")


def test_a_reader_that_goes_away_is_no_error(shell):
    command = " ".join([*PREFINERY, "sql", "--format", "csv", "'from range(3000000)'", "| head -n 2"])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=shell.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ('"range"\n0\n', "")


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 8, 100, None])
def test_up_to(limit):
    batches = [pa.record_batch({"n": [0, 1, 2]}), pa.record_batch({"n": [3]}), pa.record_batch({"n": [4, 5, 6, 7]})]
    kept = [n for batch in up_to(iter(batches), limit) for n in batch.column(0).to_pylist()]
    assert kept == list(range(8))[:limit]
