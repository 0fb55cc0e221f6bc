from __future__ import annotations

from random import Random

import torch
from hypothesis import given
from hypothesis import strategies as st

from training.attention import Pieces, seen_until
from training.batches import (
    GroupExamples,
    PackedBatch,
    PairExamples,
    SequenceExamples,
    Sequences,
    budget_batches,
    epoch_batches,
)
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
    sequences = Sequences.of([Encoded([5, 6, 7], 1), Encoded([8, 9], 1)], pad=0)
    batch = SequenceExamples(sequences).batch(torch.tensor([0, 1]))
    assert batch.input_ids.tolist() == [[5, 6, 7], [8, 9, 0]]
    assert batch.ends.tolist() == [2, 4]
    assert batch.targets[batch.completion_mask].tolist() == [6, 7, 9]
    assert batch.before[batch.completion_mask].tolist() == [0, 1, 3]


def pairs_of(chosen: list[list[int]], rejected: list[list[int]]) -> PairExamples:
    """Pairs whose prompts are one token."""
    ones = torch.ones(len(chosen))
    sequences = Sequences.of([Encoded(ids, 1) for ids in chosen + rejected], pad=0)
    return PairExamples(sequences, margin=ones, weight=ones, soft_label=ones)


def test_a_pair_is_its_chosen_sequence_and_what_the_rejected_one_does_not_share() -> None:
    batch = pairs_of([[5, 6, 7, 2], [4, 2]], [[5, 6, 8, 9, 2], [3, 2]]).batch(torch.tensor([1, 0]))
    assert batch.input_ids.tolist() == [[4, 2, 3, 2, 5, 6, 7, 2, 8, 9, 2]]
    assert batch.position_ids.tolist() == [[0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 4]]
    assert batch.parts.tolist() == [[2, 0], [2, 0], [4, 0], [3, 2]]
    assert batch.ends.tolist() == [1, 7, 3, 10]
    assert batch.targets[batch.completion_mask].tolist() == [2, 6, 7, 2, 2, 6, 8, 9, 2]
    assert batch.before[batch.completion_mask].tolist() == [0, 4, 5, 6, 2, 4, 5, 8, 9]


def test_a_rejected_sequence_that_begins_the_chosen_one_adds_nothing() -> None:
    batch = pairs_of([[5, 6, 2, 7, 2]], [[5, 6, 2]]).batch(torch.tensor([0]))
    assert batch.input_ids.tolist() == [[5, 6, 2, 7, 2]]
    assert batch.ends.tolist() == [4, 2]
    assert batch.before[batch.completion_mask].tolist() == [0, 1, 2, 3, 0, 1]


ids = st.lists(st.integers(1, 3), min_size=1, max_size=12)
pairs = st.lists(st.tuples(ids, ids), min_size=1, max_size=8)


def assert_each_sees_itself(batch: PackedBatch, sequences: list[list[int]]) -> None:
    """Every token sees its own sequence up to itself, and nothing else, by both ways to say so."""
    place = torch.arange(batch.input_ids.shape[1])
    seen = (place[:, None] >= place) & (place[:, None] < seen_until(batch.parts))
    assert seen.equal(seen_in_pieces(batch.parts))
    for sequence, end in zip(sequences, batch.ends.tolist(), strict=True):
        own = seen[end].nonzero().squeeze(1)
        assert batch.input_ids[0, own].tolist() == sequence
        assert batch.position_ids[0, own].tolist() == list(range(len(sequence)))
        for place, token in enumerate(own.tolist()):
            assert seen[token].nonzero().squeeze(1).equal(own[: place + 1])


def seen_in_pieces(parts: torch.Tensor) -> torch.Tensor:
    """[T, T] bool, who sees whom as `attend_in_pieces` computes it."""
    pieces = Pieces.of(parts)
    seen = torch.zeros(sum(pieces.sizes), sum(pieces.sizes), dtype=torch.bool)
    begin = 0
    for group, (shared, among) in enumerate(zip(pieces.shared, pieces.seen, strict=True)):
        first, rest = pieces.sizes[2 * group : 2 * group + 2]
        seen[begin : begin + first, begin : begin + first] = torch.ones(first, first, dtype=torch.bool).tril()
        seen[begin + first : begin + first + rest, begin : begin + shared] = among[:, :shared]
        seen[begin + first : begin + first + rest, begin + first : begin + first + rest] = among[:, shared:]
        begin += first + rest
    return seen


@given(pairs)
def test_every_token_of_a_pair_sees_its_own_sequence_and_nothing_else(pairs: list[tuple[list[int], list[int]]]) -> None:
    chosen, rejected = ([list(side) for side in sides] for sides in zip(*pairs, strict=True))
    assert_each_sees_itself(pairs_of(chosen, rejected).batch(torch.arange(len(pairs))), chosen + rejected)


groups = st.integers(1, 4).flatmap(
    lambda samples: st.lists(st.tuples(ids, st.lists(ids, min_size=samples, max_size=samples)), min_size=1, max_size=5)
)


@given(groups, st.randoms(use_true_random=False))
def test_samples_of_one_prompt_share_it(groups: list[tuple[list[int], list[list[int]]]], chance: Random) -> None:
    """Also where a step takes some of them alone, in any order."""
    samples = len(groups[0][1])
    every = [Encoded(prompt + said, len(prompt)) for prompt, responses in groups for said in responses]
    rows = chance.sample(range(len(every)), chance.randint(1, len(every)))
    examples = GroupExamples(Sequences.of(every, pad=0), samples)
    batch = examples.batch(torch.tensor(rows))
    assert_each_sees_itself(batch, [every[row].ids for row in rows])
    prompts = sum(len(groups[group][0]) for group in {row // samples for row in rows})
    assert batch.input_ids.shape[1] == prompts + sum(len(every[row].ids) - every[row].cut for row in rows)
    for place, row in enumerate(rows):
        mask = batch.completion_mask[place]
        assert batch.targets[place, mask].tolist() == every[row].ids[every[row].cut :]
        before = every[row].ids[every[row].cut - 1 : -1]
        assert batch.input_ids[0, batch.before[place, mask]].tolist() == before
    whole = examples.batch(torch.arange(len(every)))
    assert whole.input_ids.shape[1] <= int(examples.lengths.sum()) < whole.input_ids.shape[1] + len(every)


@given(pairs)
def test_a_row_holds_every_token_once(pairs: list[tuple[list[int], list[int]]]) -> None:
    chosen, rejected = ([list(side) for side in sides] for sides in zip(*pairs, strict=True))
    examples = pairs_of(chosen, rejected)
    batch = examples.batch(torch.arange(len(pairs)))
    assert batch.input_ids.shape[1] == int(examples.lengths.sum()) == int(batch.parts[:, 0].sum())
    assert int(examples.tokens.sum()) - batch.input_ids.shape[1] == int(examples.shared.sum())
