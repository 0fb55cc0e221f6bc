from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from training.batches import PairExamples, Sequences, budget_batches, epoch_batches
from training.tokens import Encoded

lengths = st.lists(st.integers(1, 60), min_size=1, max_size=300).map(torch.tensor)


@given(lengths, st.integers(1, 40), st.integers(0, 5))
def test_every_example_appears_once_in_batches_of_exact_size(lengths: torch.Tensor, size: int, seed: int) -> None:
    batches = epoch_batches(lengths, size, seed)
    assert sorted(torch.cat(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) == size for batch in batches[:-1])
    assert len(batches[-1]) == (len(lengths) % size or size)


@given(lengths, st.integers(1, 500))
def test_scoring_batches_fit_their_budget(lengths: torch.Tensor, budget: int) -> None:
    batches = list(budget_batches(lengths, budget))
    assert sorted(torch.cat(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * int(lengths[batch].max()) <= budget for batch in batches)


def test_the_order_depends_on_the_seed_alone() -> None:
    lengths = torch.arange(100) % 13
    first, again, other = (torch.cat(epoch_batches(lengths, 8, seed)) for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)


def test_batches_hold_rows_of_like_length() -> None:
    lengths = torch.randint(1, 100, (1024,), generator=torch.Generator().manual_seed(0))
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in epoch_batches(lengths, 16, 0))
    assert padded < 1.1 * int(lengths.sum())


def test_short_rows_are_padded_on_the_right() -> None:
    sequences = Sequences.of([Encoded([5, 6, 7], 1), Encoded([8, 9], 1), Encoded([4], 0), Encoded([3, 2], 1)], pad=0)
    ones = torch.ones(2)
    batch = PairExamples(sequences, margin=ones, weight=ones, soft_label=ones).batch(torch.tensor([0]))
    assert batch.input_ids.tolist() == [[5, 6, 7], [4, 0, 0]]
    assert batch.attention_mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.completion_mask.tolist() == [[False, True, True], [True, False, False]]
