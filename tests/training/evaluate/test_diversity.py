from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluate.diversity import (
    ORDERS,
    counted,
    counted_without_each,
    distinct,
    ead,
    pseudo_values,
    spread,
    spread_without_each,
)
from training.evaluate.intervals import mean_interval

TEXTS = st.lists(st.text("ab. ", max_size=12), min_size=2, max_size=6)


def only(n: int, found: float, of: float) -> np.ndarray:
    """Counts with n-grams of a single order."""
    counts = np.zeros((len(ORDERS), 2))
    counts[n - 1] = found, of
    return counts


@pytest.mark.parametrize(("vocabulary", "worth"), [(10, 0.8723466), (50_257, 0.7500224)])
def test_worked_ead_of_three_distinct_among_four(vocabulary: int, worth: float) -> None:
    assert ead(only(1, 3, 4), vocabulary) == pytest.approx(worth, abs=1e-7)


def test_in_an_endless_vocabulary_ead_is_the_distinct_share() -> None:
    counts = counted(["a b a", "b a b a b"])
    assert ead(counts, 10**12) == pytest.approx(distinct(counts), abs=1e-6)


def test_worked_distinct_share() -> None:
    """`a b a` and `a b`: words 2 of 5, pairs ab, ba, ab: 2 of 3, triples 1 of 1; there is no longer one."""
    assert distinct(counted(["a b a.", "a\nb"])) == pytest.approx((2 / 5 + 2 / 3 + 1) / 3)


def test_nothing_said_is_nothing_distinct() -> None:
    assert distinct(counted(["", " . "])) == ead(counted(["", ""])) == 0


@given(TEXTS)
def test_an_order_of_texts_means_nothing(texts: list[str]) -> None:
    assert counted(texts).tolist() == counted(texts[::-1]).tolist()


@given(TEXTS)
def test_leaving_out_is_counting_the_rest(texts: list[str]) -> None:
    rest = [counted([*texts[:place], *texts[place + 1 :]]) for place in range(len(texts))]
    assert counted_without_each(texts).tolist() == np.stack(rest).tolist()


def test_words_drawn_at_random_have_an_ead_of_one_however_many() -> None:
    """Of words; n-grams have a larger vocabulary than words."""
    chance = np.random.default_rng(0)
    shares = []
    for count in (50, 2000):
        counts = counted([" ".join(map(str, chance.integers(0, 300, count)))])
        shares.append(float(distinct(counts[None, :1])[0]))
        assert ead(counts[None, :1], 300)[0] == pytest.approx(1, abs=0.1)
    assert shares[0] > 4 * shares[1], "the plain share falls with length"


def test_equal_vectors_are_not_apart_and_opposite_ones_are_two() -> None:
    assert spread(np.array([[1.0, 2.0], [2.0, 4.0], [0.5, 1.0]])) == pytest.approx(0)
    assert spread(np.array([[1.0, 0.0], [-3.0, 0.0]])) == pytest.approx(2)
    assert spread(np.eye(4)) == pytest.approx(1)
    assert math.isnan(spread(np.ones((1, 3))))


def test_the_spread_is_the_mean_over_all_pairs() -> None:
    vectors = np.random.default_rng(0).normal(size=(7, 5))
    units = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    pairs = [1 - units[a] @ units[b] for a in range(7) for b in range(a)]
    assert spread(vectors) == pytest.approx(np.mean(pairs))
    rest = [spread(np.delete(vectors, place, axis=0)) for place in range(7)]
    assert spread_without_each(vectors) == pytest.approx(np.array(rest))
    assert spread(np.stack([vectors, vectors[::-1]])) == pytest.approx(np.mean(pairs)), "many sets at once"


def test_the_interval_across_inputs_is_as_wide_as_fresh_prompts_make_it() -> None:
    """Corpora of 60 texts from one law: the spread of their figures is what one corpus says of itself."""
    chance = np.random.default_rng(0)
    seen: dict[str, list[float]] = {"ead": [], "spread": []}
    said: dict[str, list[float]] = {"ead": [], "spread": []}
    for _ in range(150):
        # Texts of very different lengths, so that the figure varies.
        texts = [" ".join(map(str, chance.zipf(1.5, chance.integers(3, 30)) % 200)) for _ in range(60)]
        vectors = chance.normal(size=(60, 4)) + 0.5
        each = {
            "ead": (float(ead(counted(texts))), ead(counted_without_each(texts))),
            "spread": (float(spread(vectors)), spread_without_each(vectors)),
        }
        for name, (whole, without) in each.items():
            found = mean_interval(pseudo_values(whole, without), [str(n) for n in range(60)])
            assert found.value == pytest.approx(whole)
            seen[name].append(whole)
            said[name].append((found.high - found.low) / (2 * 1.96))
    for name, values in seen.items():
        assert np.mean(said[name]) == pytest.approx(np.std(values), rel=0.25), name
