"""Content ids of whole columns: the ids that `schemas.ids` has one by one, at a fraction of the cost.

An id is the digest of a JSON text. Columns of JSON texts are put together to those of rows, which are digested.
"""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.ids import ID_BYTES, canonical

NAME = "text"
"""Of a column while polars writes it as JSON objects."""


FEW = 500_000
"""Digests of half a second, as long as compiled code takes to load."""


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON text in UTF-8 for each row: these pieces, one after the other. Bytes are the same in all rows."""

    pieces: tuple[bytes | pa.LargeBinaryArray, ...]

    def joined(self) -> pa.LargeBinaryArray:
        """The texts."""
        kind = pa.large_binary()
        pieces = (piece if isinstance(piece, pa.Array) else pa.scalar(piece, kind) for piece in (*self.pieces, b""))
        return pc.binary_join_element_wise(*pieces)


def content_ids(*parts: object) -> pa.StringArray:
    """`content_id` of many rows; a part is Json, or a value that is the same in all rows."""
    return _digests(json_arrays(*parts))


def object_ids(columns: Mapping[str, Json]) -> pa.StringArray:
    """`content_id` of many objects with the same keys."""
    names = sorted(columns)
    pieces = [piece for name in names for piece in (b",", _utf8(name), b":", *columns[name].pieces)]
    return content_ids(Json((b"{", *pieces[1:], b"}")))


def json_texts(column: pa.StringArray | Sequence[object]) -> Json:
    """`canonical` of every value."""
    if not isinstance(column, pa.Array):
        return Json((pa.array(list(map(_utf8, column)), pa.large_binary()),))
    import polars as pl

    objects = pl.DataFrame({NAME: pl.from_arrow(column)}).select(pl.struct(NAME).struct.json_encode()).to_series()
    return Json((pc.binary_slice(objects.to_arrow().cast(pa.large_binary()), len(f'{{"{NAME}":'), -len("}")),))


def json_words(column: pa.StringArray) -> Json:
    """`json_texts` of texts in which nothing is to be escaped, such as ids."""
    return Json((b'"', column.cast(pa.large_binary()), b'"'))


def json_few(column: pa.StringArray) -> Json:
    """`json_texts` of a column of few different texts."""
    found = column.dictionary_encode(null_encoding="encode")
    return Json((json_texts(found.dictionary).joined().take(found.indices),))


def json_arrays(*parts: object) -> Json:
    """A JSON array for each row; a part is Json, or a value that is the same in all rows."""
    written = (part.pieces if isinstance(part, Json) else (_utf8(part),) for part in parts)
    pieces = [piece for part in written for piece in (b",", *part)]
    return Json((b"[", *pieces[1:], b"]"))


def _utf8(value: object) -> bytes:
    return canonical(value).encode("utf-8", "surrogatepass")


def _digests(texts: Json) -> pa.StringArray:
    found = DIGESTS.of(texts.joined())
    ends = np.arange(0, 2 * len(found) + 1, 2 * ID_BYTES, dtype=np.int32)
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(found.hex().encode()))


class Digests:
    """Digests of columns: by hashlib until there were so many that it pays to load compiled code for more."""

    def __init__(self, *, few: int = FEW) -> None:
        self._few = few
        self._made = 0

    def of(self, texts: pa.LargeBinaryArray) -> bytes:
        """The digests of so many texts, ID_BYTES bytes each, one after the other."""
        if self._made >= self._few:
            from schemas.blake2b import digests

            return digests(texts)
        self._made += len(texts)
        return b"".join([blake2b(text, digest_size=ID_BYTES).digest() for text in texts.to_pylist()])


DIGESTS = Digests()
