from __future__ import annotations

import pyarrow as pa
import torch
from transformers import PreTrainedTokenizerFast

from training.prepare import prepare_pairs, prepare_sequences

from .conftest import pair_row, pair_table


def test_masks_decode_back_to_the_responses(pairs: pa.Table, tokenizer: PreTrainedTokenizerFast) -> None:
    part = prepare_pairs(pairs, tokenizer, 64)
    batch = part.examples.batch(torch.tensor([7, 2, 30]))
    texts = [
        tokenizer.decode(ids[mask], skip_special_tokens=False)
        for ids, mask in zip(batch.targets, batch.completion_mask, strict=True)
    ]
    rows = [pairs.slice(place, 1).to_pylist()[0] for place in (7, 2, 30)]
    assert texts == [row["chosen"] + " </s>" for row in rows] + [row["rejected"] + " </s>" for row in rows]
    assert batch.margin.tolist() == [row["margin"] or 0.0 for row in rows]


def test_every_pair_is_kept_or_dropped_with_a_reason(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = [
        pair_row(0, "good", "bad"),
        pair_row(1, "good", "w1 " * 30),
        pair_row(2, "good", " good "),
        pair_row(3, "good", "bad"),
    ]
    part = prepare_pairs(pair_table(rows), tokenizer, 20)
    assert (part.funnel.read, part.funnel.kept) == (4, 2)
    assert part.funnel.dropped == {"too_long": 1, "same_tokens": 1}
    assert part.rows.column("pair_id").to_pylist() == ["pair0", "pair3"]
    assert len(part.examples) == 2


def test_one_response_under_two_prompts_is_a_pair(tokenizer: PreTrainedTokenizerFast) -> None:
    other = [{"role": "user", "content": "say w5 it it"}]
    part = prepare_pairs(pair_table([pair_row(0, "good", "good", rejected_prompt=other)]), tokenizer, 64)
    batch = part.examples.batch(torch.tensor([0]))
    assert batch.completion_mask.sum(1).tolist() == [2, 2]
    assert part.examples.tokens.tolist() == [8 + 9]
    assert part.examples.shared.tolist() == [3]


def test_sequences_are_prompts_with_their_chosen_response(
    pairs: pa.Table, tokenizer: PreTrainedTokenizerFast
) -> None:  # fmt: skip
    part = prepare_sequences(pairs, tokenizer, 64)
    batch = part.examples.batch(torch.tensor([4]))
    assert tokenizer.decode(batch.targets[0][batch.completion_mask[0]]) == "w4 good w1 </s>"
    assert part.examples.units[4] == 4


def test_long_sequences_are_counted(pairs: pa.Table, tokenizer: PreTrainedTokenizerFast) -> None:
    part = prepare_sequences(pairs, tokenizer, 9)
    assert part.funnel.dropped["too_long"] == 40 - part.funnel.kept > 0


def test_an_empty_split_is_no_error(pairs: pa.Table, tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(prepare_pairs(pairs.slice(0, 0), tokenizer, 64).examples) == 0
    assert len(prepare_sequences(pairs.slice(0, 0), tokenizer, 64).examples) == 0
