"""Files: digests of the bytes of every Parquet file of a published version, row group by row group."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

FOOTER = -1
"""Row group number of what lies outside the row groups: the head and the footer of a file."""

FILES = Table(
    name="files",
    key=("file", "row_group", "first_byte"),
    columns=pa.schema(
        [
            column("file", pa.string(), required=True),
            column("row_group", pa.int32(), required=True),
            column("first_byte", pa.int64(), required=True),
            column("n_bytes", pa.int64(), required=True),
            column("digest", pa.string(), required=True),
        ]
    ),
)
