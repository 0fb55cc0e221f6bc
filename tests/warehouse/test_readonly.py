import pytest

from schemas.errors import InputError, UnknownVersion
from tests.rows import draft, some_pairs
from warehouse.readonly import query
from warehouse.versions import publish


@pytest.fixture
def folder(lake):
    pairs = some_pairs(lake, 4)
    publish(lake, draft(pairs[:2]))
    publish(lake, draft(pairs))
    return lake.folder


def test_a_query_sees_the_newest_rows(folder):
    assert query(folder, "select count(*) as n from pairs").to_pylist() == [{"n": 4}]


def test_a_query_at_a_version_sees_its_rows(folder):
    assert query(folder, "select count(*) as n from pairs", at="hand@1").to_pylist() == [{"n": 2}]
    with pytest.raises(UnknownVersion):
        query(folder, "select 1", at="hand@9")


@pytest.mark.parametrize(
    "sql",
    [
        "insert into pairs select * from pairs",
        "delete from pairs",
        "drop table pairs",
        "create table memory.main.t (a int)",
        "attach ':memory:' as other",
        "select * from read_text('/etc/passwd')",
        "copy pairs to '/tmp/stolen.parquet'",
        "set threads = 1",
        "install httpfs",
        "select 1; delete from pairs",
        "call ducklake_expire_snapshots('lake', older_than => now())",
        "select nonsense",
        "select * from pars",
        "not sql at all",
        "",
    ],
)
def test_whatever_is_no_query_is_refused_and_changes_nothing(folder, sql):
    with pytest.raises(InputError):
        query(folder, sql)
    assert query(folder, "select count(*) as n from pairs").to_pylist() == [{"n": 4}]
