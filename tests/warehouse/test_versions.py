from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.datasets import TREATMENT, fingerprint
from schemas.errors import ConfigError, UnknownVersion
from schemas.pairs import PAIRS
from tests.rows import draft, some_pairs
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.versions import Change, find_version, members, publish, versions


def test_a_version_is_its_members(lake):
    done = publish(lake, draft(some_pairs(lake, 4)))
    assert (done.version.label, done.version.n_pairs, done.is_new) == ("hand@1", 4, True)
    assert fingerprint(members(lake, "hand", 1)) == done.version.fingerprint


def test_equal_members_are_the_version_that_has_them(lake):
    pairs = some_pairs(lake, 4)
    publish(lake, draft(pairs))
    again = publish(lake, draft(pairs[::-1]))
    assert (again.version.label, again.is_new) == ("hand@1", False)
    assert len(versions(lake)) == 1


def test_a_version_stores_only_what_changed(lake):
    pairs = some_pairs(lake, 10)
    publish(lake, draft(pairs[:8]))
    second = publish(lake, draft(pairs[1:])).version
    assert (second.parent, second.n_added, second.n_removed, second.n_pairs) == (1, 2, 1, 9)
    assert set(members(lake, "hand", 1).column("pair_id").to_pylist()) == {p.pair_id for p in pairs[:8]}
    assert set(members(lake, "hand", 2).column("pair_id").to_pylist()) == {p.pair_id for p in pairs[1:]}


def test_another_treatment_is_another_version(lake):
    pairs = some_pairs(lake, 3)
    publish(lake, draft(pairs, margin=1.0))
    second = publish(lake, draft(pairs, margin=2.0)).version
    assert (second.version, second.n_added) == (2, 3)
    assert members(lake, "hand", 1).column("margin").to_pylist() == [1.0] * 3
    assert members(lake, "hand", 2).column("margin").to_pylist() == [2.0] * 3


def test_the_snapshot_of_a_version_shows_the_lake_as_it_was(lake):
    pairs = some_pairs(lake, 6)
    first = publish(lake, draft(pairs[:2])).version
    publish(lake, draft(pairs))
    with Lake.open(lake.folder, read_only=True, snapshot=first.snapshot) as then:
        assert then.read(PAIRS).num_rows == 2
        assert [version.label for version in versions(then)] == ["hand@1"]


@pytest.mark.parametrize("label", ["hand", "hand@", "hand@one", "@1"])
def test_a_label_of_another_form_is_wrong_usage(lake, label):
    publish(lake, draft(some_pairs(lake, 1)))
    with pytest.raises((ConfigError, UnknownVersion)):
        find_version(lake, label)


def test_an_unknown_version_names_the_nearest(lake):
    publish(lake, draft(some_pairs(lake, 1)))
    with pytest.raises(UnknownVersion, match="Did you mean 'hand@1'"):
        find_version(lake, "hnd@1")


def test_a_dataset_name_is_no_sql(lake):
    with pytest.raises(ConfigError, match="cannot name a dataset"):
        publish(lake, draft(some_pairs(lake, 1), dataset="x'; drop table pairs; --"))


cells = st.tuples(
    st.text(max_size=8),
    st.sampled_from(["train", "test"]),
    st.text(max_size=4),
    st.text(max_size=4),
    st.none() | st.floats(allow_nan=False),
    st.floats(allow_nan=False),
    st.floats(0, 1),
)
KINDS = [pa.string(), pa.string(), pa.string(), pa.string(), pa.float64(), pa.float64(), pa.float64()]


def _table(rows):
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(KINDS)
    return pa.table({n: pa.array(c, k) for n, c, k in zip(TREATMENT, columns, KINDS, strict=True)})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(cells, max_size=6), st.randoms())
def test_the_fingerprint_does_not_see_the_order(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert fingerprint(_table(rows)) == fingerprint(_table(shuffled))


@given(st.lists(cells, min_size=1, max_size=4), st.integers(0, 3), cells)
def test_the_fingerprint_sees_every_cell(rows, place, other):
    changed = [*rows]
    changed[place % len(rows)] = other
    same = sorted(map(repr, changed)) == sorted(map(repr, rows))
    assert (fingerprint(_table(rows)) == fingerprint(_table(changed))) == same


@given(st.lists(cells, min_size=1, max_size=6), st.integers(0, 5))
def test_the_fingerprint_does_not_see_how_texts_are_kept(rows, cut):
    table = _table(rows)
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    coded = {name: chunked.column(name).dictionary_encode() for name in ("split", "rule", "label_source")}
    kept = pa.table({name: coded.get(name, chunked.column(name)) for name in TREATMENT})
    assert fingerprint(kept) == fingerprint(table)


def test_an_export_is_what_training_reads(lake, tmp_path):
    from training.data import read_version

    version = publish(lake, draft(some_pairs(lake, 5))).version
    read = read_version(export(lake, version, tmp_path / "out"))
    assert (read.label, read.pairs.num_rows, read.fingerprint) == ("hand@1", 5, version.fingerprint)
    assert set(read.pairs.column("chosen").to_pylist()) == {"good"}


def test_a_change_costs_and_stores_only_itself(lake):
    pairs = some_pairs(lake, 10)
    first = publish(lake, draft(pairs[:8]))
    rest = draft(pairs[8:])
    change = Change(added=rest.members, removed=[pairs[0].pair_id])
    second = publish(lake, replace(rest, members=change)).version
    assert (second.n_pairs, second.n_added, second.n_removed) == (9, 2, 1)
    assert second.fingerprint == fingerprint(members(lake, "hand", 2)) == fingerprint(draft(pairs[1:]).members)
    assert publish(lake, replace(rest, members=change)).is_new is False

    back = Change(added=draft(pairs[:1]).members, removed=[pair.pair_id for pair in pairs[8:]])
    third = publish(lake, replace(rest, members=back))
    assert (third.version.label, third.is_new) == ("hand@3", True)
    assert third.version.fingerprint == first.version.fingerprint


def test_a_change_needs_a_version_to_start_from(lake):
    rest = draft(some_pairs(lake, 1))
    with pytest.raises(ConfigError, match="publish all its members first"):
        publish(lake, replace(rest, members=Change(added=rest.members)))
