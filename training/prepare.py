"""Pairs of a version to tokenised examples. Every pair is kept, or dropped with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from schemas.errors import ModelError
from schemas.funnel import Funnel
from training.batches import PairExamples, SequenceExamples, Sequences
from training.tokens import Encoded, Messages, encode

TOO_LONG = "too_long"
SAME_TOKENS = "same_tokens"


class PreparedPairs(NamedTuple):
    """Pairs ready to train on. `rows` are the kept pairs of the table, in the order of `examples`."""

    examples: PairExamples
    rows: pa.Table
    funnel: Funnel


class PreparedSequences(NamedTuple):
    """Prompts with their chosen response, ready to train on."""

    examples: SequenceExamples
    rows: pa.Table
    funnel: Funnel


def prepare_pairs(pairs: pa.Table, tokenizer: PreTrainedTokenizerBase, max_length: int) -> PreparedPairs:
    """Tokenise both sides. Dropped: a side above `max_length` tokens, and two sides that tokenise alike."""
    prompts, rejected_prompts = pairs.column("prompt").to_pylist(), pairs.column("rejected_prompt").to_pylist()
    chosen = encode(tokenizer, prompts, pairs.column("chosen").to_pylist())
    rejected = encode(tokenizer, rejected_prompts, pairs.column("rejected").to_pylist())
    reasons: Counter[str] = Counter()
    kept: list[int] = []
    for place, (a, b) in enumerate(zip(chosen, rejected, strict=True)):
        if why := _pair_fault(a, b, max_length):
            reasons[why] += 1
        else:
            kept.append(place)
            if prompts[place] == rejected_prompts[place]:
                chosen[place], rejected[place] = _same_cut(a, b)
    rows = pairs.take(pa.array(kept, pa.int64()))
    both = [chosen[place] for place in kept] + [rejected[place] for place in kept]
    examples = PairExamples(
        Sequences.of(both, pad_of(tokenizer)),
        margin=_floats(rows, "margin"),
        weight=_floats(rows, "weight"),
        soft_label=_floats(rows, "soft_label"),
    )
    return PreparedPairs(examples, rows, _funnel("pairs", pairs, kept, reasons))


def prepare_sequences(pairs: pa.Table, tokenizer: PreTrainedTokenizerBase, max_length: int) -> PreparedSequences:
    """Tokenise prompt and chosen response. Dropped: more than `max_length` tokens."""
    items = list(zip(pairs.column("prompt").to_pylist(), pairs.column("chosen").to_pylist(), strict=True))
    sequences, kept = sequences_within(tokenizer, items, max_length)
    rows = pairs.take(pa.array(kept, pa.int64()))
    reasons = Counter({TOO_LONG: len(items) - len(kept)} if len(kept) < len(items) else {})
    examples = SequenceExamples(sequences, _floats(rows, "weight"))
    return PreparedSequences(examples, rows, _funnel("sequences", pairs, kept, reasons))


def sequences_within(
    tokenizer: PreTrainedTokenizerBase, items: Sequence[tuple[Messages, str]], max_length: int | None = None
) -> tuple[Sequences, list[int]]:
    """The (prompt, response) items of at most `max_length` tokens, all without it, and their places.

    Nothing is cut: half a response is another response.
    """
    encoded = encode(tokenizer, [prompt for prompt, _ in items], [response for _, response in items])
    kept = [place for place, one in enumerate(encoded) if max_length is None or len(one.ids) <= max_length]
    return Sequences.of([encoded[place] for place in kept], pad_of(tokenizer)), kept


def pad_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id that fills short rows: the pad token, or the end token where there is none. Masks never read it."""
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    if not isinstance(pad, int):
        raise ModelError("The tokenizer has neither a pad token nor an end token; set `eos_token`.")
    return pad


def _pair_fault(chosen: Encoded, rejected: Encoded, max_length: int) -> str | None:
    if max(len(chosen.ids), len(rejected.ids)) > max_length:
        return TOO_LONG
    return SAME_TOKENS if chosen.ids == rejected.ids else None


def _same_cut(chosen: Encoded, rejected: Encoded) -> tuple[Encoded, Encoded]:
    """One cut for two responses to one prompt: a border token merged on one side is learned on both."""
    cut = min(chosen.cut, rejected.cut)
    return Encoded(chosen.ids, cut), Encoded(rejected.ids, cut)


def _floats(rows: pa.Table, name: str) -> Tensor:
    """[P] float32; a missing margin is 0."""
    return torch.tensor(pc.fill_null(rows.column(name), 0.0).to_numpy(), dtype=torch.float32)


def _funnel(unit: str, read: pa.Table, kept: list[int], reasons: Counter[str]) -> Funnel:
    return Funnel(stage="tokenise", unit=unit, read=read.num_rows, kept=len(kept), dropped=dict(reasons))
