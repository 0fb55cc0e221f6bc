"""Dataset versions (`datasets`) and their members with treatment (`dataset_rows`).

A version is stored as its difference from its parent: `op` is `add` for a new or re-treated member, `remove` for one
that left. The members of version V are the last `add` of each pair among the versions up to V.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.ids import ID_BYTES
from schemas.table import Table, column

DATASETS = Table(
    name="datasets",
    key=("dataset", "version"),
    columns=pa.schema(
        [
            column("dataset", pa.string(), required=True),
            column("version", pa.int32(), required=True),
            column("parent", pa.int32()),
            column("fingerprint", pa.string(), required=True),
            column("n_pairs", pa.int64(), required=True),
            column("n_added", pa.int64(), required=True),
            column("n_removed", pa.int64(), required=True),
            column("message", pa.string(), required=True),
            column("recipe", pa.string(), required=True),
            column("funnel", pa.string(), required=True),
            column("snapshot", pa.int64(), required=True),
            column("run_id", pa.string()),
            column("created_at", pa.timestamp("us"), required=True),
        ]
    ),
)

DATASET_ROWS = Table(
    name="dataset_rows",
    key=("dataset", "version", "pair_id"),
    columns=pa.schema(
        [
            column("dataset", pa.string(), required=True),
            column("version", pa.int32(), required=True),
            column("pair_id", pa.string(), required=True),
            column("op", pa.string(), required=True),
            column("split", pa.string()),
            column("rule", pa.string()),
            column("label_source", pa.string()),
            column("margin", pa.float64()),
            column("weight", pa.float64()),
            column("soft_label", pa.float64()),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """One published, immutable version: a row of `datasets`."""

    dataset: str
    version: int
    parent: int | None
    fingerprint: str
    n_pairs: int
    n_added: int
    n_removed: int
    message: str
    recipe: str
    funnel: str
    snapshot: int
    run_id: str | None
    created_at: datetime

    @property
    def label(self) -> str:
        """`NAME@V`."""
        return f"{self.dataset}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A pair in a version, with its treatment. Training consumes these fields.

    margin: distance between the two sides, at least 0, in the label source's units, or None.
    weight: multiplies the pair's loss. soft_label: probability that chosen is better; 1 is a hard label.
    """

    pair_id: str
    split: Literal["train", "test"]
    rule: str
    label_source: str
    margin: float | None = None
    weight: float = 1.0
    soft_label: float = 1.0


TIE = 0.5
"""Soft label of a pair whose sides are equally good."""

NO_MEMBERS = "0" * 32
"""The fingerprint of an empty version."""

PAIRS_FILE = "pairs.parquet"
MANIFEST = "manifest.json"
"""Files of an exported version: its pairs with their texts, and what their bytes must be."""

TREATMENT = ("pair_id", "split", "rule", "label_source", "margin", "weight", "soft_label")
"""The fields of a member, in the order in which the fingerprint reads them."""


ID = re.compile(r"[0-9a-f]{32}")
LANES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
"""Where each of the two 64-bit sums of a fingerprint begins to mix a row."""
ODD = 0xD6E8FEB86659FD93
"""Spreads the bits of a row; any odd number with as many ones as zeros does."""
BLOCK = 1 << 15
"""Rows that are mixed together: they fit into a processor's cache."""
WORDS = 1 << 64


def fingerprint(members: pa.Table) -> str:
    """A digest of every member's TREATMENT columns, summed over the members: 32 hex digits.

    The same members give the same text anywhere, whatever their order and whether Arrow keeps their texts as codes,
    and a change of some members costs no look at the others. It finds damage and mistakes; against forgery stand the
    digests of the files.
    """
    return "".join(f"{lane:016x}" for lane in _sums(members))


def fingerprint_after(parent: str, *, withdrawn: pa.Table, added: pa.Table) -> str:
    """The fingerprint once members of `parent` are withdrawn, with their old treatment, and others are added."""
    before = (int(parent[:16], 16), int(parent[16:], 16))
    lanes = zip(before, _sums(withdrawn), _sums(added), strict=True)
    return "".join(f"{(now - gone + new) % WORDS:016x}" for now, gone, new in lanes)


def _sums(members: pa.Table) -> tuple[int, ...]:
    """The two sums, each modulo 2^64."""
    sums = [0] * len(LANES)
    for block in members.select(TREATMENT).to_batches(max_chunksize=BLOCK):
        words = [word for column in block.columns for word in _words(column)]
        sums = [(before + int(_mixed(lane, words).sum())) % WORDS for before, lane in zip(sums, LANES, strict=True)]
    return tuple(sums)


def _mixed(lane: int, words: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """One word per row, in which every bit of the row's words has a part."""
    state = np.full(len(words[0]), lane, dtype=np.uint64)
    for word in words:
        state ^= word
        state *= np.uint64(ODD)
        state ^= state >> np.uint64(32)
    state *= np.uint64(ODD)
    state ^= state >> np.uint64(29)
    return state


def _words(column: pa.Array) -> Iterator[NDArray[np.uint64]]:
    """A column as 64-bit words: numbers as they are, texts as two halves of their digest."""
    if pa.types.is_floating(column.type):
        numbers = column.fill_null(0.0).to_numpy().astype("<f8") + 0.0  # no minus zero
        words = numbers.view("<u8")
        np.putmask(words, column.is_null().to_numpy(zero_copy_only=False), np.uint64(ODD))
        yield words
        return
    if (ids := _ids(column)) is not None:
        yield from (ids[:, 0], ids[:, 1])
        return
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    digests = b"".join(_digest(text) for text in coded.dictionary.to_pylist()) + _digest(None)
    codes = coded.indices.fill_null(len(coded.dictionary)).to_numpy()
    halves = np.frombuffer(digests, dtype="<u8").reshape(-1, 2).take(codes, axis=0)
    yield from (halves[:, 0], halves[:, 1])


HEX = b"0123456789abcdef"


def _ids(column: pa.Array) -> NDArray[np.uint64] | None:
    """[rows, 2] words of a column in which every text is an id; None for other columns."""
    if column.null_count or pa.types.is_dictionary(column.type):
        return None
    width = 2 * ID_BYTES
    texts = column.cast(pa.large_binary())
    ends = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if not (np.diff(ends) == width).all():
        return None
    digits = texts.buffers()[2].slice(int(ends[0]), int(ends[-1] - ends[0])).to_pybytes()
    if digits.translate(None, HEX):
        return None
    return np.frombuffer(unhexlify(digits), dtype="<u8").reshape(-1, 2)


def _digest(text: str | None) -> bytes:
    """16 bytes of a text; an id is its own digest."""
    if text is None:
        return bytes(ID_BYTES)
    if ID.fullmatch(text):
        return bytes.fromhex(text)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).digest()
