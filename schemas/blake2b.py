"""BLAKE2b (RFC 7693) of many texts at once, compiled: for millions of them `hashlib` spends most on Python objects.

To import this module takes about half a second, and four seconds where nobody compiled it before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pyarrow as pa
from llvmlite.binding import ffi
from numpy.typing import NDArray

from schemas.ids import ID_BYTES

# vLLM looks through the `__dict__` of all that is loaded when it starts; what llvmlite makes up for one is no mapping.
ffi.lib._fntab["__dict__"] = {}

BLOCK = 128
"""Bytes that are taken in at once."""

START = np.array(
    [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ],
    np.uint64,
)
"""The state before the first block (section 2.6)."""

PLAIN = np.uint64(0x01010000 | ID_BYTES)
"""The parameters (section 2.5): so many bytes are wanted, there is no key, and texts are no trees."""

ORDERS = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.uint8,
)
"""Which words of a block are mixed in where; the eleventh and twelfth round begin anew (section 2.7)."""

ROUNDS = 12
NOT_LAST, LAST = np.uint64(0), np.uint64(2**64 - 1)


def digests(texts: pa.LargeBinaryArray) -> bytes:
    """The digests of so many texts, ID_BYTES bytes each, one after the other. None of the texts is null."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    found = np.empty((len(texts), ID_BYTES // 8), np.uint64)
    _digest_all(ends, np.frombuffer(data or b"", np.uint8), found)
    return found.astype("<u8", copy=False).tobytes()


def _read(kind: numba.types.Type) -> numba.types.Array:
    """A column that is not written to, as those of Arrow cannot be."""
    return numba.types.Array(kind, 1, "C", readonly=True)


def _compiled(*kinds: numba.types.Type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile a function, and keep what was compiled where there is a place for it."""
    signature = numba.void(*kinds)

    def compiled(function: Callable[..., None]) -> Callable[..., None]:
        try:
            return numba.njit(signature, nogil=True, cache=True)(function)
        except RuntimeError:  # neither the package nor the home of its user can be written
            return numba.njit(signature, nogil=True)(function)

    return compiled


@numba.njit(inline="always")
def _turned(word: np.uint64, bits: int) -> np.uint64:
    return (word >> np.uint64(bits)) | (word << np.uint64(64 - bits))


@numba.njit(inline="always")
def _mixed(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> Any:
    """Function G (section 3.1): four words of the state after two words of the block."""
    a = a + b + x
    d = _turned(d ^ a, 32)
    c = c + d
    b = _turned(b ^ c, 24)
    a = a + b + y
    d = _turned(d ^ a, 16)
    c = c + d
    b = _turned(b ^ c, 63)
    return a, b, c, d


@numba.njit(inline="always")
def _take_in(state: NDArray[np.uint64], words: NDArray[np.uint64], length: np.uint64, last: np.uint64) -> None:
    """Function F (section 3.2): the state after one more block, the last of a text or not."""
    v0, v1, v2, v3, v4, v5, v6, v7 = state
    v8, v9, v10, v11, v12, v13, v14, v15 = START
    v12, v14 = v12 ^ length, v14 ^ last
    for turn in range(ROUNDS):
        o = ORDERS[turn % len(ORDERS)]
        v0, v4, v8, v12 = _mixed(v0, v4, v8, v12, words[o[0]], words[o[1]])
        v1, v5, v9, v13 = _mixed(v1, v5, v9, v13, words[o[2]], words[o[3]])
        v2, v6, v10, v14 = _mixed(v2, v6, v10, v14, words[o[4]], words[o[5]])
        v3, v7, v11, v15 = _mixed(v3, v7, v11, v15, words[o[6]], words[o[7]])
        v0, v5, v10, v15 = _mixed(v0, v5, v10, v15, words[o[8]], words[o[9]])
        v1, v6, v11, v12 = _mixed(v1, v6, v11, v12, words[o[10]], words[o[11]])
        v2, v7, v8, v13 = _mixed(v2, v7, v8, v13, words[o[12]], words[o[13]])
        v3, v4, v9, v14 = _mixed(v3, v4, v9, v14, words[o[14]], words[o[15]])
    after = (v0 ^ v8, v1 ^ v9, v2 ^ v10, v3 ^ v11, v4 ^ v12, v5 ^ v13, v6 ^ v14, v7 ^ v15)
    for place in range(len(after)):
        state[place] ^= after[place]


@_compiled(_read(numba.int64), _read(numba.uint8), numba.uint64[:, ::1])
def _digest_all(ends: NDArray[np.int64], data: NDArray[np.uint8], found: NDArray[np.uint64]) -> None:
    words = np.empty(BLOCK // 8, np.uint64)
    block = words.view(np.uint8)
    state = np.empty(8, np.uint64)
    for text in range(len(found)):
        start, end = ends[text], ends[text + 1]
        state[:] = START
        state[0] ^= PLAIN
        place = start
        while end - place > BLOCK:
            block[:] = data[place : place + BLOCK]
            place += BLOCK
            _take_in(state, words, np.uint64(place - start), NOT_LAST)
        block[: end - place] = data[place:end]
        block[end - place :] = 0
        _take_in(state, words, np.uint64(end - start), LAST)
        found[text] = state[: found.shape[1]]
