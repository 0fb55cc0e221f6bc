"""What the command wrote about a version, it writes again, byte for byte, whatever has happened since."""

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from curation.pairing import MEMBERS
from flows.sql import Wish, answer
from tests.rows import draft, some_pairs
from tests.whole import check_files
from warehouse.collect import collect, compact, garbage
from warehouse.readonly import reading
from warehouse.versions import Change, members, publish

PAIRS_OF_FIRST, LATER = 300, 40
QUERIES = (
    "from members order by pair_id",
    "select pair_id, text, messages from pairs join responses on chosen_id = response_id "
    "join prompts on pairs.prompt_id = prompts.prompt_id order by pair_id",
    "select op, label_source, count(*) as n, min(margin), max(margin) from dataset_rows group by all order by all",
    "from datasets order by version",
    "select pair_id from pairs order by hash(pair_id) limit 7",
    "select count(*) as n from responses, range(3)",
    "from win_rates order by all",
)


@pytest.mark.slow
def test_a_query_at_a_version_gives_the_same_bytes_ever_after(lake, tmp_path):
    pairs = some_pairs(lake, PAIRS_OF_FIRST + LATER)
    first = pairs[:PAIRS_OF_FIRST]
    publish(lake, draft(first))
    before = written(lake, tmp_path)
    assert all(before.values())
    for number in range(LATER):
        publish(lake, successor(lake, pairs[PAIRS_OF_FIRST + number], number))
    assert written(lake, tmp_path) == before
    there, left = compact(lake)
    assert left < there / 10
    assert written(lake, tmp_path) == before
    while found := garbage(lake, timedelta(0)):
        collect(lake, found)
    assert written(lake, tmp_path) == before
    check_files(lake.folder)


def successor(lake, pair, number):
    """A version with one more pair, and another margin for the pairs of a percent."""
    touched = members(lake, "hand", number + 1).slice(number * 2, 3)
    margins = pa.array([0.1 * number] * touched.num_rows, MEMBERS.field("margin").type)
    changed = touched.set_column(touched.schema.get_field_index("margin"), MEMBERS.field("margin"), margins)
    of_one = draft([pair])
    return replace(of_one, members=Change(added=pa.concat_tables([changed.cast(MEMBERS), of_one.members])))


def written(lake, folder):
    """The bytes of every answer at the first version, in every form of a file."""
    answers = {}
    out = folder / "out"
    with reading(lake.folder, at="hand@1") as reader:
        for query in QUERIES:
            for form in ("parquet", "csv", "json"):
                answer(reader, query, Wish(output=form, out=out, timeout_s=100))
                answers[query, form] = out.read_bytes()
    return answers
