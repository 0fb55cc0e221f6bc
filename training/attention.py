"""Attention in a row of pairs that each share a beginning (prefix sharing, arXiv:2410.20305).

Chosen and rejected see what they share and themselves, not each other, and no pair sees another. On a GPU FlexAttention
skips what nobody sees; elsewhere every pair is two dense pieces. Both reach the model through transformers' registry
of attention functions, so that no model's code is copied.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from schemas.errors import ConfigError, ModelError
from schemas.quiet import quiet
from training.batches import PairBatch, PairExamples, SequenceBatch, SequenceExamples, Sequences
from training.tokens import Encoded

FLEX = "flex_attention"
PIECES = "pieces_of_pairs"


def take_pairs(model: PreTrainedModel) -> None:
    """Let `model` read pairs. Single sequences pass as before."""
    if model.config._attn_implementation != FLEX:
        model.set_attn_implementation(PIECES)


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
def _last_states(model: PreTrainedModel, batch: SequenceBatch | PairBatch) -> Tensor:
    batch = batch.to(model.device)
    return hidden_states(model.eval(), batch)[batch.ends]


def hidden_states(model: PreTrainedModel, batch: SequenceBatch | PairBatch) -> Tensor:
    """[T, H] what the trunk makes of every token of the batch, row after row.

    Single sequences need no mask: rows are right-padded and attention is causal, so a real token never sees padding.
    """
    inputs: dict[str, Any] = {"input_ids": batch.input_ids, "use_cache": False}
    if isinstance(batch, PairBatch):
        inputs["position_ids"] = batch.position_ids
        if model.config._attn_implementation == FLEX:
            inputs["attention_mask"] = block_mask(batch.parts)
        else:
            inputs["pieces"] = Pieces.of(batch.parts)
    return model.base_model(**inputs).last_hidden_state.flatten(0, 1)


def seen_until(parts: Tensor) -> Tensor:
    """[T] int64, of each token the first later place that does not see it: all there is to say (arXiv:2410.01359)."""
    chosen, rest, shared = parts.unbind(1)
    end = (chosen + rest).cumsum(0)
    until, sizes = torch.stack([end, end - rest, end], dim=1), torch.stack([shared, chosen - shared, rest], dim=1)
    return until.flatten().repeat_interleave(sizes.flatten())


def block_mask(parts: Tensor) -> BlockMask:
    """Who sees whom, [1, 1, T, T]."""
    until = seen_until(parts)

    def sees(_row: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (query < until[key])

    return create_block_mask(sees, 1, None, len(until), len(until), str(parts.device), _compile=parts.is_cuda)


class Pieces(NamedTuple):
    """How to cut a row of B pairs into what attention can take as a whole."""

    sizes: list[int]
    """2B lengths: a chosen sequence and the rest of its rejected one, in turn"""
    shared: list[int]
    """B lengths of what both begin with"""
    seen: list[Tensor]
    """B masks [rest, shared + rest] bool: the rest sees all that is shared, and itself up to each token"""

    @classmethod
    def of(cls, parts: Tensor) -> Pieces:
        """From the parts of a batch, [B, 3]."""
        seen = [
            torch.ones(rest, shared + rest, dtype=torch.bool, device=parts.device).tril(shared)
            for _, rest, shared in parts.tolist()
        ]
        return cls(parts[:, :2].flatten().tolist(), parts[:, 2].tolist(), seen)


def attend_in_pieces(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    pieces: Pieces | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """[1, T, heads, D] attention of query, key and value [1, heads, T, D], pair by pair; plain without `pieces`."""
    if pieces is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
    queries, keys, values = (whole.split(pieces.sizes, dim=2) for whole in (query, key, value))
    found: list[Tensor] = []
    for pair, (shared, seen) in enumerate(zip(pieces.shared, pieces.seen, strict=True)):
        left, right = 2 * pair, 2 * pair + 1
        found.append(sdpa_attention_forward(module, queries[left], keys[left], values[left], None, **settings)[0])
        if len(seen):
            its_keys, its_values = (torch.cat([one[left][:, :, :shared], one[right]], dim=2) for one in (keys, values))
            found.append(sdpa_attention_forward(module, queries[right], its_keys, its_values, seen, **settings)[0])
    return torch.cat(found, dim=1), None


AttentionInterface.register(PIECES, attend_in_pieces)
