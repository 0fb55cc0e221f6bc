"""Other sources: where a prompt, response or vote came from again.

A row keeps the source, licence and user under which it came first; each further one is a row here.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

OTHER_SOURCES = Table(
    name="other_sources",
    key=("other_source_id",),
    order=("row_id",),
    columns=pa.schema(
        [
            column("other_source_id", pa.string(), required=True),  # digest of all that follows, without the run
            column("row_kind", pa.string(), required=True),  # prompt, response or vote
            column("row_id", pa.string(), required=True),  # its prompt_id, response_id or vote_id
            column("source", pa.string(), required=True),
            column("license", pa.string()),  # of a prompt
            column("user_id", pa.string()),  # of a prompt: who asked
            column("run_id", pa.string()),
        ]
    ),
)
