"""Rows in the order in which a data file keeps them, so that few of its row groups hold those with a given id."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ROW_GROUP_ROWS = 8_192
"""Rows of a row group in the data files (migration 004)."""

PART_ROWS = 4 * ROW_GROUP_ROWS
"""Sorted rows that one thread writes."""

HEAD_BYTES = 8
"""Of a text that fit into a number."""


def in_order(rows: pa.Table, columns: Sequence[str]) -> pa.RecordBatchReader:
    """The rows sorted by these columns, in parts that several threads can write as row groups of their own."""
    whole = rows.combine_chunks()
    if not columns:
        return whole.to_reader(PART_ROWS)
    order = pa.array(_order(whole, columns))
    parts = (whole.take(order.slice(start, PART_ROWS)) for start in range(0, len(order), PART_ROWS))
    return pa.RecordBatchReader.from_batches(rows.schema, (batch for part in parts for batch in part.to_batches()))


def _order(rows: pa.Table, columns: Sequence[str]) -> NDArray[np.intp]:
    """Where the rows are, sorted by these columns of text."""
    by = [(name, "ascending") for name in columns]
    order, tied = by_heads(rows.column(columns[0]))
    among = order[tied]
    order[tied] = among[pc.sort_indices(rows.select(columns).take(pa.array(among)), by).to_numpy()]
    return order


def by_heads(texts: pa.ChunkedArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where the texts are, sorted by their first bytes, and for which of these places that does not suffice.

    Texts that have equal ones among the others are always among these.
    """
    heads = _heads(texts)
    if heads is None:
        return np.arange(len(texts)), np.ones(len(texts), np.bool_)
    order = heads.argsort()
    heads = heads[order]
    same = heads[1:] == heads[:-1]
    tied = np.zeros(len(heads), np.bool_)
    tied[1:] |= same
    tied[:-1] |= same
    return order, tied


def _heads(texts: pa.ChunkedArray) -> NDArray[np.uint64] | None:
    """The first eight bytes of each text as a number, sorted in a tenth of the time; None if one is shorter."""
    heads = pc.binary_slice(texts.cast(pa.binary()), 0, HEAD_BYTES)
    if heads.null_count or pc.any(pc.less(pc.binary_length(heads), HEAD_BYTES)).as_py():
        return None
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(heads)], heads.combine_chunks()), b"")
    return np.frombuffer(whole[0].as_py(), ">u8").astype(np.uint64)
