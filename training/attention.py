"""Attention in a row of groups of sequences that share a beginning (prefix sharing, arXiv:2410.20305).

Each sequence of a group, such as the two sides of a pair, sees what they share and itself, not the others, and no group
sees another. On a GPU FlexAttention skips what nobody sees; elsewhere every group is two dense pieces: the first
sequence, and all that comes after what is shared. Both reach the model through transformers' registry of attention
functions, so that no model's code is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from schemas.errors import ConfigError, ModelError
from schemas.quiet import quiet
from training.batches import PackedBatch, PairExamples, SequenceBatch, SequenceExamples, Sequences
from training.tokens import Encoded

FLEX = "flex_attention"
PIECES = "pieces_of_groups"


def take_groups(model: PreTrainedModel) -> None:
    """Let `model` read sequences that share a beginning. Single ones pass as before."""
    if model.config._attn_implementation != FLEX:
        model.set_attn_implementation(PIECES)


@contextmanager
def decoding_attention(model: PreTrainedModel) -> Iterator[None]:
    """Within: FlexAttention rests. It compiles for every shape, and decoding has another one for each token."""
    before = model.config._attn_implementation
    if before != FLEX:
        yield
        return
    model.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def choose_attention(model: PreTrainedModel, max_length: int) -> None:
    """The best attention for training `model` on pairs of up to `max_length` tokens a side.

    Raises ModelError where the model cannot keep the sides of a pair apart.
    """
    window = getattr(model.config, "sliding_window", None)
    if window and window < max_length:
        raise ConfigError(f"max_length {max_length} exceeds the model's attention window; set it to {window} or less.")
    sequences = Sequences.of([Encoded([0, 1, 2, 3], 2), Encoded([0, 1, 3, 2, 0], 2)], pad=0)
    one = torch.ones(1)
    pair = PairExamples(sequences, margin=one, weight=one, soft_label=one).batch(torch.tensor([0]))
    refusal = "The model cannot read two responses after one prompt (recurrent, or with fixed attention); use another."
    try:
        alone = _last_states(model, SequenceExamples(sequences).batch(torch.arange(2)))
        with quiet():
            model.set_attn_implementation(FLEX if model.device.type == "cuda" and model._supports_flex_attn else PIECES)
        together = _last_states(model, pair)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(refusal) from error
    if not torch.allclose(alone, together, rtol=1e-3, atol=1e-4):
        raise ModelError(refusal)


@torch.no_grad()
def _last_states(model: PreTrainedModel, batch: SequenceBatch | PackedBatch) -> Tensor:
    batch = batch.to(model.device)
    return hidden_states(model.eval(), batch)[batch.ends]


def hidden_states(model: PreTrainedModel, batch: SequenceBatch | PackedBatch) -> Tensor:
    """[T, H] what the trunk makes of every token of the batch, row after row.

    Single sequences need no mask: rows are right-padded and attention is causal, so a real token never sees padding.
    """
    inputs: dict[str, Any] = {"input_ids": batch.input_ids, "use_cache": False}
    if isinstance(batch, PackedBatch):
        inputs["position_ids"] = batch.position_ids
        if model.config._attn_implementation == FLEX:
            inputs["attention_mask"] = block_mask(batch.parts)
        else:
            inputs["pieces"] = Pieces.of(batch.parts)
    return model.base_model(**inputs).last_hidden_state.flatten(0, 1)


def seen_until(parts: Tensor) -> Tensor:
    """[T] int64, of each token the first later place that does not see it: all there is to say (arXiv:2410.01359)."""
    sizes, shared = parts.unbind(1)
    ends, group = sizes.cumsum(0), (shared == 0).cumsum(0) - 1
    # Of the first sequence of a group, the tokens that others share are seen until the last of them ends.
    lent = torch.zeros_like(sizes).scatter_reduce(0, group, shared, "amax")[group].where(shared == 0, 0)
    last = torch.zeros_like(sizes).scatter_reduce(0, group, ends, "amax")[group]
    until, parted = torch.stack([last, ends], dim=1), torch.stack([lent, sizes - lent], dim=1)
    return until.flatten().repeat_interleave(parted.flatten())


def block_mask(parts: Tensor) -> BlockMask:
    """Who sees whom, [1, 1, T, T]."""
    until = seen_until(parts)

    def sees(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (query < until[key])

    return create_block_mask(sees, 1, None, len(until), len(until), str(parts.device), _compile=parts.is_cuda)


class Pieces(NamedTuple):
    """How to cut a row of B groups into what attention can take as a whole."""

    sizes: list[int]
    """2B lengths: of the first sequence of a group, and of the rest of the others together, in turn"""
    shared: list[int]
    """B lengths of what all sequences of a group begin with"""
    seen: list[Tensor]
    """B masks [rest, shared + rest] bool: each of the rest sees all that is shared, and itself up to each token"""

    @classmethod
    def of(cls, parts: Tensor) -> Pieces:
        """From the parts of a batch, [N, 2]."""
        sizes: list[int] = []
        lent: list[int] = []
        rests: list[list[int]] = []
        for size, shared in parts.tolist():
            if not shared:
                sizes.append(size)
                lent.append(0)
                rests.append([])
            else:
                lent[-1] = shared
                rests[-1].append(size)
        seen = [_seen(shared, rest, parts.device) for shared, rest in zip(lent, rests, strict=True)]
        both = [length for first, rest in zip(sizes, rests, strict=True) for length in (first, sum(rest))]
        return cls(both, lent, seen)


def _seen(shared: int, rest: list[int], device: torch.device) -> Tensor:
    """[rest, shared + rest] bool, who of the rest of some sequences sees whom."""
    total = sum(rest)
    seen = torch.ones(total, shared + total, dtype=torch.bool, device=device).tril(shared)
    if len(rest) > 1:
        sequence = torch.arange(len(rest), device=device).repeat_interleave(torch.tensor(rest, device=device))
        seen[:, shared:] &= sequence[:, None] == sequence
    return seen


def attend_in_pieces(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    pieces: Pieces | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """[1, T, heads, D] attention of query, key and value [1, heads, T, D], group by group; plain without `pieces`."""
    if pieces is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    queries, keys, values = (whole.split(pieces.sizes, dim=2) for whole in (query, key, value))
    found: list[Tensor] = []
    for group, (shared, seen) in enumerate(zip(pieces.shared, pieces.seen, strict=True)):
        left, right = 2 * group, 2 * group + 1
        found.append(sdpa_attention_forward(module, queries[left], keys[left], values[left], None, **settings)[0])
        if len(seen):
            its_keys, its_values = (torch.cat([one[left][:, :, :shared], one[right]], dim=2) for one in (keys, values))
            found.append(sdpa_attention_forward(module, queries[right], its_keys, its_values, seen, **settings)[0])
    return torch.cat(found, dim=1), None


def mask_of_padding(*sizes: Any, attention_mask: Tensor | None = None, **settings: Any) -> Tensor | None:
    """What plain attention may not see of rows that are padded, as the sampler's are: transformers gives no mask to an
    attention that it knows none for. Without padding there is nothing to say.
    """
    if attention_mask is None:
        return None
    return sdpa_mask(*sizes, attention_mask=attention_mask, **settings)


AttentionInterface.register(PIECES, attend_in_pieces)
AttentionMaskInterface.register(PIECES, mask_of_padding)
