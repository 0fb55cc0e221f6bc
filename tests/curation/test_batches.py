"""However a file keeps its records, its batches are the same."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation import batches, readers
from curation.batches import batches as batches_of

RECORDS = st.fixed_dictionaries({"text": st.text(max_size=9) | st.none(), "more": st.lists(st.text(max_size=3))})


@given(records=st.lists(RECORDS, max_size=25), most=st.integers(1, 9), size=st.integers(1, 40), read=st.integers(1, 7))
@example(records=[{"text": "12345", "more": []}] * 4, most=9, size=10, read=3)
def test_batches_of_columns_are_those_of_lines(tmp_path_factory, records, most, size, read):
    place = tmp_path_factory.mktemp("files")
    columns = pa.schema([("text", pa.string()), ("more", pa.list_(pa.string()))])
    pq.write_table(pa.Table.from_pylist(records, columns), place / "a.parquet", row_group_size=6)
    (place / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_RECORDS", most)
        patch.setattr(batches, "BATCH_BYTES", size)
        patch.setattr(readers, "BATCH_ROWS", read)
        one, other = (
            [(list(found.numbers), list(found.records), found.size) for found in batches_of(place / name)]
            for name in ("a.jsonl", "a.parquet")
        )
    assert one == other
    assert [record for _, found, _ in one for record in found] == records
    assert all(len(found) == most or length >= size for _, found, length in one[:-1])
