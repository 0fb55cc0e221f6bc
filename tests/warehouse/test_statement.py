"""What is no query, seen from outside: refused, nothing changed, nothing opened, nobody called."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError, PrefineryError
from tests.rows import draft, some_pairs
from tests.watched import contents, watched
from warehouse.lake import Lake
from warehouse.readonly import reading
from warehouse.versions import publish

WRITES = """
insert into pairs select * from pairs
update pairs set run_id = 'x'
delete from pairs
truncate pairs
merge into pairs using pairs as p on true when matched then delete
drop table pairs
alter table pairs add column x integer
create table t (a integer)
create temp table t as select 1
create table memory.main.t (a integer)
create view v as select 1
create or replace temp view members as select 1
create macro f(a) as a
create sequence s
create type t as enum ('a')
create secret (type s3, key_id 'a', secret 'b')
create schema s
comment on table pairs is 'x'
pivot pairs on run_id using count(*)
vacuum
analyze
checkpoint
force checkpoint
explain insert into pairs select * from pairs
explain analyze insert into pairs select * from pairs
explain analyze delete from pairs
explain (analyze) drop table pairs
explain analyze create table memory.main.t as select 1
explain explain select 1
with x as (delete from pairs returning *) from x
""".strip().splitlines()

ELSEWHERE = """
attach '{folder}/x.duckdb' as other
attach '{folder}/new.duckdb'
attach 'sqlite:{folder}/x.sqlite' as other
detach lake
use memory
copy pairs to '{folder}/stolen.csv'
copy (select 1) to '{folder}/stolen.parquet'
copy pairs from '{folder}/x.csv'
copy from database lake to memory
export database '{folder}/all'
import database '{folder}'
explain analyze copy pairs to '{folder}/stolen.csv'
from '{folder}/x.csv'
from "{folder}/x.parquet"
select * from '{url}/x.parquet'
select * from 's3://bucket/x.parquet'
describe '{folder}/x.csv'
summarize '{folder}/x.csv'
describe from read_csv('{folder}/x.csv')
from read_csv('{folder}/x.csv')
from read_csv_auto(['{folder}/x.csv'])
from read_parquet('{folder}/x.parquet')
from parquet_scan('{url}/x.parquet')
from parquet_metadata('{folder}/x.parquet')
from parquet_schema('{folder}/x.parquet')
from read_json('{folder}/x.json')
from read_json_objects('{folder}/x.json')
from read_ndjson('{folder}/x.json')
from read_text('{folder}/*')
from read_blob('/etc/passwd')
from read_duckdb('{folder}/x.duckdb')
from glob('{folder}/*')
from sniff_csv('{folder}/x.csv')
from sqlite_scan('{folder}/x.sqlite', 't')
from sqlite_query('{folder}/x.sqlite', 'select 1')
call sqlite_attach('{folder}/x.sqlite')
select (select count(*) from read_csv('{folder}/x.csv'))
select * from pairs where run_id in (select canary from '{folder}/x.csv')
select * from pairs, lateral (from read_text('{folder}/x.csv'))
with a as (from '{folder}/x.csv') from a
with a as (with "{folder}/x.csv" as (select 1) from "{folder}/x.csv") from "{folder}/x.csv"
with recursive a as (select 1 union all from read_text('{folder}/x.csv')) from a
from (pivot read_csv('{folder}/x.csv') on canary in (1) using count(*))
explain analyze from read_csv('{folder}/x.csv')
explain from '{folder}/x.csv'
/* explain */ from '{folder}/x.csv'
-- select 1\u2028 from '{folder}/x.csv'
from query('from read_text(''{folder}/x.csv'')')
from query_table('{folder}/x.csv')
from query_table(['pairs', '{folder}/x.csv'])
from histogram('{folder}/x.csv', canary)
from json_execute_serialized_sql(json_serialize_sql('from read_text(''{folder}/x.csv'')'))
pragma json_execute_serialized_sql('x')
from read_parquet('{data}/**/*.parquet')
from '{data}/main/pairs/*.parquet'
from parquet_scan('{data}/main/pairs/*.parquet', union_by_name = true)
from glob('{data}/**')
""".strip().splitlines()

INSIDE = """
install httpfs
load httpfs
force install httpfs from community
set threads = 1
set enable_external_access = true
set lock_configuration = false
set global memory_limit = '1TB'
reset all
pragma threads = 1
pragma enable_profiling
pragma database_list
pragma table_info('pairs')
select current_setting('temp_directory')
select getenv('HOME')
from duckdb_settings()
from duckdb_secrets()
from duckdb_databases()
from duckdb_databases
from duckdb_extensions()
from pragma_database_list
from pragma_storage_info('pairs')
from which_secret('s3://x', 's3')
with a as (with duckdb_databases as (select 1) from duckdb_databases) from duckdb_databases
with a as (with DuckDB_Settings as (select 1) from DuckDB_Settings) from DuckDB_Settings
call ducklake_expire_snapshots('lake', older_than => now())
from ducklake_expire_snapshots('lake', older_than => now())
call ducklake_cleanup_old_files('lake', cleanup_all => true)
from ducklake_delete_orphaned_files('lake', cleanup_all => true)
call ducklake_merge_adjacent_files('lake')
from ducklake_set_option('lake', 'encrypted', 'true')
from ducklake_add_data_files('lake', 'pairs', '{folder}/x.parquet')
from ducklake_list_files('lake', 'pairs')
from ducklake_options('lake')
from lake.options()
call lake.set_option('encrypted', 'true')
from __ducklake_metadata_lake.ducklake_data_file
from __ducklake_metadata_lake.main.ducklake_snapshot
select write_log('x')
select nextval('s')
select setseed(0.5)
from enable_logging()
from enable_profiling()
from truncate_duckdb_logs()
from checkpoint()
from python_map_function(pairs)
from lake
from rows
prepare p as select 1
execute p
deallocate p
begin
commit
rollback
select 1; delete from pairs
select 1; select 2
;;
not sql at all
select 'unfinished
select * from pars
select nonsense
""".strip().splitlines()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A warehouse with hand@1 and hand@2, its reader, and what lies around it."""
    root = tmp_path_factory.mktemp("place")
    with Lake.create(root / "warehouse") as lake:
        pairs = some_pairs(lake, 4)
        publish(lake, draft(pairs[:2]))
        publish(lake, draft(pairs))
    with reading(root / "warehouse") as reader, watched(root / "around") as around:
        yield root / "warehouse", reader, around


def filled(text, warehouse, around):
    return text.format(folder=around.folder, url=around.url, data=warehouse / "data")


@pytest.mark.parametrize("text", ["", *WRITES, *ELSEWHERE, *INSIDE])
def test_whatever_is_no_query_is_refused_and_touches_nothing(place, text):
    warehouse, reader, around = place
    before = contents(warehouse)
    with pytest.raises(InputError) as refused, reader.ask(filled(text, warehouse, around), 5) as answer:
        answer.rows()
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert contents(warehouse) == before
    assert not around.touched()


ONLY_THE_FIRST_WALL = ("attach 'sqlite:", "copy from database")
"""SQLite opens its files itself, whatever DuckDB forbids; a copy into memory harms nobody."""
REACHING_OUT = ("attach", "copy", "export", "install", "load", "set")


@pytest.mark.parametrize(
    "text",
    [
        text
        for text in [*ELSEWHERE, *INSIDE]
        if text.startswith(REACHING_OUT) and not text.startswith(ONLY_THE_FIRST_WALL)
    ],
)
def test_the_second_wall_holds_alone(place, text):
    warehouse, reader, around = place
    before = contents(warehouse)
    with pytest.raises(duckdb.Error):
        reader.con.execute(filled(text, warehouse, around))
    assert contents(warehouse) == before
    assert not around.touched()


@pytest.mark.parametrize(
    "text",
    [
        "select count(*) from pairs;",
        "-- how many?\nselect count(*) from pairs -- pairs",
        "/* a */ ; with a as (from pairs), b as (from a) select count(*) from b",
        "with recursive a as (select 1 as x union all select x + 1 from a where x < 5) from a",
        "from pairs at (version => 1)",
        "from lake.main.pairs",
        "from MEMBERS",
        "values (1)",
        "table pairs",
        "show tables",
        "show all tables",
        "describe pairs",
        "describe select 1",
        "summarize pairs",
        "explain select 1",
        "explain analyze select count(*) from win_rates",
        "explain (analyze, format json) select 1",
        "explain (select 1)",
        "from information_schema.columns",
        "from duckdb_columns",
        "from range(3), unnest([1, 2])",
        "from (pivot pairs on run_id in ('a') using count(*))",
        "select * from datasets, json_each(funnel)",
        "select now()::date, random(), messages[1].content from prompts",
        "select 'from read_csv(''x.csv'')'",
    ],
)
def test_a_query_is_answered(place, text):
    with place[1].ask(text) as answer:
        assert answer.rows().arrow.num_columns == len(answer.schema) > 0


def test_a_version_is_not_left(place):
    warehouse, _, _ = place
    with (
        reading(warehouse, at="hand@1") as reader,
        pytest.raises(InputError, match="those of --at"),
        reader.ask("from pairs at (version => 99)"),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("from pars", "Did you mean 'pairs'", id="a-table-that-is-not"),
        pytest.param("select pair from pairs", "pair_id", id="a-column-that-is-not"),
        pytest.param("delete from pairs", "changes nothing", id="a-write"),
        pytest.param("from read_csv('x')", "read_csv() is not available", id="a-file"),
        pytest.param("selec 1", "The query fails", id="a-slip"),
    ],
)
def test_a_refusal_says_what_to_do(place, text, sentence):
    with pytest.raises(InputError) as refused, place[1].ask(text):
        raise AssertionError
    assert sentence in str(refused.value)


SOURCES = st.sampled_from(
    """
pairs | members | a | x | range(2) | '{folder}/x.csv' | "{folder}/x.parquet" | '{url}/x.csv' | glob('{folder}/*')
'{data}/main/pairs/*.parquet' | read_csv('{folder}/x.csv') | read_text('{folder}/*') | query_table('{folder}/x.csv')
duckdb_settings() | duckdb_secrets | query('from pairs') | sqlite_scan('{folder}/x.sqlite', 't')
__ducklake_metadata_lake.ducklake_snapshot | ducklake_expire_snapshots('lake', versions => [1])
parquet_metadata('{url}/x.parquet') | read_parquet('s3://b/x') | lake.set_option('a', 'b')
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)
SHAPES = st.sampled_from(
    """
select * from {}
from {}
({})
table {}
describe {}
summarize {}
explain {}
explain analyze {}
with a as (from {}) from a
with a as ({}) select count(*) from a
from (from {}) as b, pairs
from pairs at (version => 1), {}
select (select count(*) from {})
select * from pairs where exists ({})
{} union all {}
copy ({}) to '{folder}/y.csv'
copy {} to '{folder}/y.csv'
call {}
create table x as {}
create temp view x as {}
insert into pairs {}
delete from {}
drop table {}
{}; delete from pairs
select 1; {}
prepare x as {}
execute {}
pragma {}
set threads = ({})
attach {}
load {}
install {}
export database {}
import database {}
pivot {} on a
/* {} */ select 1
-- {}
""".strip().splitlines()
)
WORDS = st.sampled_from(
    "select * from where ( ) , ; ' \" -- /* */ explain analyze copy to attach set pragma call with as insert into "
    "delete update create drop install load pairs lake.pairs '{folder}/x.csv' read_csv('{folder}/x.csv') 1 $1 ? "
    "union all order by limit { } :: [ ] => \\ \x00 é".split(" ")
)
NESTED = st.recursive(
    SOURCES, lambda inner: st.builds(lambda shape, a: shape.replace("{}", a), SHAPES, inner), max_leaves=4
)
TEXTS = NESTED | st.lists(WORDS, min_size=1, max_size=12).map(" ".join)


@settings(max_examples=600)
@given(TEXTS)
def test_no_statement_changes_anything_or_looks_elsewhere(place, text):
    warehouse, reader, around = place
    for name, value in {"folder": around.folder, "url": around.url, "data": warehouse / "data"}.items():
        text = text.replace(f"{{{name}}}", str(value))
    before = contents(warehouse)
    try:
        with reader.ask(text, 5) as answer:
            answer.rows()
    except PrefineryError as refused:
        assert "\n" not in str(refused)
    assert contents(warehouse) == before
    assert not around.touched()
