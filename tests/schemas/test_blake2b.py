"""The compiled digests are those of hashlib."""

from hashlib import blake2b

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.blake2b import BLOCK, digests
from schemas.id_columns import Digests
from schemas.ids import ID_BYTES

EDGES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1, 11 * BLOCK + 5]
"""Lengths at which a text fills its last block, or just does not."""

TEXTS = st.lists(st.binary(max_size=3 * BLOCK) | st.sampled_from(EDGES).map(lambda size: b"\xff" * size))


@given(TEXTS, st.integers(0, 3), st.integers(0, 3))
@example([bytes(range(256)) * size for size in range(9)], 1, 1)
@example([b"x" * size for size in EDGES], 0, 0)
def test_they_are_those_of_hashlib(texts, before, after):
    part = column(texts)[before : len(texts) - after]
    assert digests(part) == one_by_one(part)


@given(st.lists(TEXTS, max_size=4), st.integers(0, 20))
def test_few_are_those_of_many(columns, few):
    made = Digests(few=few)
    for texts in columns:
        assert made.of(column(texts)) == one_by_one(column(texts))


def column(texts):
    return pa.array(texts, pa.large_binary())


def one_by_one(texts):
    return b"".join(blake2b(text, digest_size=ID_BYTES).digest() for text in texts.to_pylist())
