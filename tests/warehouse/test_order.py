import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from warehouse.order import in_order

IDS = st.text(min_size=8, max_size=10) | st.sampled_from(["9a2d7ae013ab20d9", "9a2d7ae0", "9a2d7ae0\0", "é" * 8])


@given(st.lists(st.tuples(IDS | st.text(max_size=9), IDS)) | st.lists(st.tuples(IDS, IDS)))
def test_rows_are_sorted_as_texts_are(rows):
    columns = zip(*rows, strict=True) if rows else ([], [])
    table = pa.table([pa.array(column, pa.string()) for column in columns], ["a", "b"])
    found = list(in_order(table, ["a", "b"]))
    assert [tuple(row.values()) for batch in found for row in batch.to_pylist()] == sorted(rows, key=as_utf8)


def as_utf8(row):
    return [text.encode() for text in row]
