"""What is no query, seen from outside: refused, nothing changed, nothing opened, nobody called."""

from contextlib import contextmanager

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InputError, PrefineryError
from tests.rows import draft, some_pairs
from tests.servers import postgres
from tests.watched import contents, watched
from warehouse.extensions import duckdb_with
from warehouse.functions import FUNCTIONS
from warehouse.lake import Lake
from warehouse.readonly import reading
from warehouse.statement import TABLE_FUNCTIONS, Gate
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
select json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')
select json_serialize_plan('from sqlite_query(''{folder}/x.sqlite'', ''select canary from t'')', optimize := true)
select x.json_serialize_plan() from (select 'from sqlite_scan(''{folder}/x.sqlite'', ''t'')' as x)
select "main".JSON_Serialize_Plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')
select json_serialize_plan('select canary from sqlite_scan(''{folder}/x.sqlite'', ''t'')') over ()
from range(len(json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')::varchar))
pragma range(len(json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')::varchar))
explain pragma table_info(json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')::varchar)
select 1; pragma range(len(json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')::varchar))
select count(*) from pairs order by json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')
select json_serialize_plan('from postgres_scan(''{postgres}'', ''public'', ''t'')')
select json_serialize_plan('from postgres_query(''{postgres}'', ''select 1'')')
from postgres_scan('{postgres}', 'public', 't')
from postgres_scan_pushdown('{postgres}', 'public', 't')
from postgres_query('{postgres}', 'select 1')
from postgres_query('__ducklake_metadata_lake', 'select 1')
call postgres_attach('{postgres}')
call postgres_execute('__ducklake_metadata_lake', 'select 1')
attach '{postgres}' as other (type postgres)
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
select json_serialize_plan('select current_setting(''temp_directory'')', optimize := true)
select json_serialize_plan(json_serialize_sql('select 1')::varchar)
select json_deserialize_sql(json_serialize_sql('from pairs'))
select 'temp_directory'.current_setting()
select system.main.current_setting('temp_directory')
select list_transform(['temp_directory'], lambda name: current_setting(name))
select * from pairs where current_setting('temp_directory') <> ''
select [current_setting(name) for name in ['temp_directory']]
select getvariable('x')
select list_aggregate([1], 'sum')
select stats(pair_id) from pairs
select get_block_size('lake')
select txid_current()
select pg_sleep(1)
select sleep_ms(1000)
select currval('s')
from duckdb_variables()
from duckdb_temporary_files()
from duckdb_connections()
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


@contextmanager
def a_place(root, catalog=None):
    """A warehouse with hand@1 and hand@2, its reader, and what lies around it."""
    with Lake.create(root / "warehouse", catalog=catalog) as lake:
        pairs = some_pairs(lake, 4)
        publish(lake, draft(pairs[:2]))
        publish(lake, draft(pairs))
    with reading(root / "warehouse") as reader, watched(root / "around") as around:
        yield root / "warehouse", reader, around


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with a_place(tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture(scope="module")
def postgres_place(tmp_path_factory, postgres_server):
    """The same with its catalogue in Postgres, whose extension calls servers and asks DuckDB for no leave."""
    catalog = postgres_server.new_database()

    def catalogue():
        dump = postgres_server.run("pg_dump", "-d", catalog.rpartition("/")[2]).splitlines()
        return [line for line in dump if not line.startswith(("\\restrict", "\\unrestrict"))]  # a nonce

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", postgres.PASSWORD)
        with a_place(tmp_path_factory.mktemp("postgres"), catalog) as made:
            before = catalogue()
            yield made
    assert catalogue() == before


def names(warehouse, around):
    server = f"host=127.0.0.1 port={around.port} connect_timeout=1"
    return {"folder": around.folder, "url": around.url, "data": warehouse / "data", "postgres": server}


def filled(text, warehouse, around):
    return text.format_map(names(warehouse, around))


@pytest.mark.parametrize("text", ["", *WRITES, *ELSEWHERE, *INSIDE])
def test_whatever_is_no_query_is_refused_and_touches_nothing(place, text):
    said, is_touched = refusal(place, text)
    assert "canary" not in said
    assert "\n" not in said
    assert not is_touched


@pytest.mark.parametrize("text", [*ELSEWHERE, *INSIDE])
def test_with_postgres_it_is_refused_and_calls_nobody(postgres_place, text):
    said, is_touched = refusal(postgres_place, text)
    assert "canary" not in said
    assert "\n" not in said
    assert not is_touched


def refusal(place, text):
    """What a refused query is told, and whether anything in the warehouse or around it was touched."""
    warehouse, reader, around = place
    before = contents(warehouse)
    with pytest.raises(InputError) as refused, reader.ask(filled(text, warehouse, around), 5) as answer:
        answer.rows()
    return str(refused.value), contents(warehouse) != before or around.touched()


CALLED = "select distinct function_name from duckdb_functions() where function_type in ('scalar', 'aggregate', 'macro')"


def test_a_function_that_is_not_listed_is_refused():
    """What a later release adds is nowhere on the list; here a macro is the addition."""
    with duckdb_with("ducklake", "sqlite_scanner", "postgres_scanner", "httpfs") as con:
        con.execute("create macro of_a_later_release(a) as a")
        found = {name.lower() for (name,) in con.execute(CALLED).fetchall()}
        gate = Gate(con=con, relations=frozenset(), fixed=False)
        assert {"of_a_later_release", "json_serialize_plan", "current_setting"} <= found - FUNCTIONS
        for name in found - FUNCTIONS - TABLE_FUNCTIONS:
            for call in (f'select "{name}"(1)', f'select main."{name}"()', f'select "{name}"(1) over ()'):
                with pytest.raises(InputError, match="is not available"):
                    gate.pass_(call)
    assert FUNCTIONS - found == {"unnest"}  # the parser's own


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
        "select extract(year from now()), now() at time zone 'utc', position('a' in 'b'), trim(both 'x' from 'y')",
        "select interval '1' day, -2 ** 2, 5!, @2, 7 // 2, 7 % 2, 1 << 2, ~1, 'a' || 'b', [1] && [2], 1 in [1]",
        "select 'a' like 'b' escape 'c', 'a' not ilike 'b', 'a' similar to 'b', 'a' !~ 'b', 'a' glob 'b', 'a' ^@ 'b'",
        "select {'a': 1}.a, [1, 2][1:2], map {1: 2}[1], (1, 2), [y * 2 for y in [1, 2] if y > 1], [1, 2].list_sum()",
        "select '{}'::json -> 'a', '{}'::json ->> 'b', array(select 1), 1 = any([1]), nullif(1, 2), ifnull(null, 2)",
        "select sum(version) over (order by version), lag(version) over w from datasets window w as (order by version)",
        "select mode(version), percentile_cont(0.5) within group (order by version), count(*) from datasets",
        "from (unpivot datasets on version, n_pairs into name what value n)",
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
json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')') | postgres_scan('{postgres}', 'public', 't')
range(len(json_serialize_plan('from sqlite_scan(''{folder}/x.sqlite'', ''t'')')::varchar)) | list_sum([1])
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
select {}
select {} over ()
select json_serialize_plan('{}', optimize := true)
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
    for name, value in names(warehouse, around).items():
        text = text.replace(f"{{{name}}}", str(value))
    before = contents(warehouse)
    try:
        with reader.ask(text, 5) as answer:
            answer.rows()
    except PrefineryError as refused:
        assert "\n" not in str(refused)
    assert contents(warehouse) == before
    assert not around.touched()
