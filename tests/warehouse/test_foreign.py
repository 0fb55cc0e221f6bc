import sqlite3

import pytest

from schemas.errors import InputError
from warehouse.foreign import refuse_foreign
from warehouse.lake import Lake
from warehouse.readonly import query


@pytest.mark.parametrize(
    "sql",
    [
        "from sqlite_scan('{file}', 't')",
        "from SQLite_Scan/* */('{file}', 't')",
        "from system.main.\"sqlite_scan\" ('{file}', 't')",
        "from sqlite_scan-- \n('{file}', 't')",
        "explain analyze from sqlite_scan('{file}', 't')",
        "from query('from sqlite' || '_scan(''{file}'', ''t'')')",
        "from json_execute_serialized_sql('')",
        "with x as (from sqlite_query('__ducklake_metadata_lake', 'select 1')) from x",
    ],
)
def test_no_query_reads_another_database(lake, tmp_path, sql):
    other = sqlite3.connect(tmp_path / "other.sqlite")
    with other:
        other.execute("create table t (secret text)")
    other.close()
    with pytest.raises(InputError, match="is not available"):
        query(lake.folder, sql.format(file=tmp_path / "other.sqlite"))


@pytest.mark.parametrize(
    "sql",
    [
        "from postgres_query('__ducklake_metadata_lake', 'select pg_read_file(''/etc/passwd'')')",
        "from postgres_execute('__ducklake_metadata_lake', 'commit; drop table ducklake_snapshot')",
        "from postgres_scan('host=127.0.0.1', 'public', 't')",
    ],
)
def test_no_query_speaks_to_postgres_itself(tmp_path, catalog, sql):
    Lake.create(tmp_path / "here", catalog=catalog).close()
    with pytest.raises(InputError, match="is not available"):
        query(tmp_path / "here", sql)


@pytest.mark.parametrize(
    "sql", ["", "select 'query'", "select 'sqlite_scan(1)' -- query", "from prompts where source = 'postgres_x'"]
)
def test_words_in_texts_are_free(sql):
    refuse_foreign(sql)


def test_rows_with_such_words_are_found(lake):
    assert query(lake.folder, "select count(*) as n from prompts where source like 'sqlite_%'").to_pylist() == [
        {"n": 0}
    ]
