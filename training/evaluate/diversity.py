"""How different responses are: per input, of several to one prompt, and across inputs, of one to each (2310.06452).

The share of distinct n-grams falls with length by itself. EAD sets their number beside that of as many n-grams drawn
at random from a vocabulary. Per input and across inputs differ in tokens: do not compare one with the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ORDERS = (1, 2, 3, 4, 5)
"""Of the n-grams, whose figures are averaged."""
VOCABULARY = 50_257
"""Words to draw from in the paper: GPT-2's tokens."""


def counted(texts: Sequence[str]) -> NDArray[np.float64]:
    """[ORDERS, 2] distinct n-grams of all texts together, and all of them."""
    return np.array([_sizes(_together(_ngrams(texts, n))) for n in ORDERS], dtype=np.float64)


def counted_without_each(texts: Sequence[str]) -> NDArray[np.float64]:
    """[P, ORDERS, 2] the same of all P texts but one, for each."""
    found = np.empty((len(texts), len(ORDERS), 2))
    for place, n in enumerate(ORDERS):
        each = _ngrams(texts, n)
        alone = Counter(gram for one in each for gram in one)  # in how many texts
        whole = _sizes(_together(each))
        found[:, place, 0] = [whole[0] - sum(alone[gram] == 1 for gram in one) for one in each]
        found[:, place, 1] = [whole[1] - one.total() for one in each]
    return found


def distinct(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """[...] share of n-grams that are distinct, of counts [..., ORDERS, 2]; 0 where nothing is said."""
    return _mean_share(counts[..., 0], counts[..., 1])


def ead(counts: NDArray[np.float64], vocabulary: int = VOCABULARY) -> NDArray[np.float64]:
    """[...] distinct n-grams over their expected number V (1 - (1 - 1/V)^C), of counts [..., ORDERS, 2]."""
    expected = -vocabulary * np.expm1(counts[..., 1] * np.log1p(-1 / vocabulary))
    return _mean_share(counts[..., 0], expected)


def spread(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[...] mean cosine distance of any two of vectors [..., S, H]; NaN of a single one."""
    return _apart(_unit(vectors).sum(-2), vectors.shape[-2])


def spread_without_each(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P] the same of all vectors [P, H] but one, for each."""
    units = _unit(vectors)
    return _apart(units.sum(0) - units, len(units) - 1)


def pseudo_values(whole: float, without_each: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P] what each prompt adds to a figure of all: their mean is the figure, their spread that of the jackknife.

    A bootstrap would draw a response twice, and find it not distinct.
    """
    return whole + (len(without_each) - 1) * (without_each.mean() - without_each)


def words(text: str) -> list[str]:
    """What a text is made of, without full stops."""
    return text.replace(".", "").split()


def _ngrams(texts: Sequence[str], n: int) -> list[Counter[tuple[str, ...]]]:
    said = [words(text) for text in texts]
    return [Counter(zip(*(one[start:] for start in range(n)), strict=False)) for one in said]


def _together(each: Sequence[Counter[tuple[str, ...]]]) -> Counter[tuple[str, ...]]:
    whole: Counter[tuple[str, ...]] = Counter()
    for one in each:
        whole.update(one)
    return whole


def _sizes(grams: Counter[tuple[str, ...]]) -> tuple[int, int]:
    return len(grams), grams.total()


def _mean_share(found: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the orders that have n-grams."""
    shares = np.divide(found, of, out=np.zeros_like(found), where=of > 0)
    return shares.sum(-1) / np.maximum((of > 0).sum(-1), 1)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _apart(total: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """1 - the mean cosine of any two of `count` unit vectors that sum to `total` [..., H]."""
    if count < 2:
        return np.full(total.shape[:-1], np.nan)
    return 1 - ((total * total).sum(-1) - count) / (count * (count - 1))
