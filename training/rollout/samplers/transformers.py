"""transformers' own decoding with the weights that are being trained: nothing to copy, and slower than an engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from training.attention import decoding_attention
from training.checkpoint import Loaded
from training.prepare import pad_of
from training.rollout.samplers import Engine, Sampled, Sampler, Sampling


class Transformers(Sampler):
    """Batches in this process. A response depends on its own seed and prompt alone, up to rounding."""

    name = "transformers"

    batch_size: int = Field(default=256, ge=1)
    """Responses decoded at once."""

    @contextmanager
    def start(self, policy: Loaded, folder: str) -> Iterator[Engine]:  # noqa: ARG002
        """The policy itself: its weights are always those that are trained."""
        yield Engine(partial(_sample, policy, self.batch_size), nullcontext)


@torch.no_grad()
def _sample(
    policy: Loaded, batch_size: int, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling
) -> list[Sampled]:
    """Longest prompts first, so that a batch pads little."""
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    found: dict[int, Sampled] = {}
    training = policy.model.training
    policy.model.eval()
    with decoding_attention(policy.model):
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            batch = _batch(policy, [prompts[place] for place in places], [seeds[place] for place in places], sampling)
            found |= dict(zip(places, batch, strict=True))
    policy.model.train(training)
    return [found[place] for place in range(len(prompts))]


def _batch(policy: Loaded, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling) -> list[Sampled]:
    """One batch, token by token: a prompt is read once, and when half of the rows have ended, they leave."""
    model: Any = policy.model
    device, end = model.device, policy.tokenizer.eos_token_id
    read, which = _read(model, prompts, pad_of(policy.tokenizer))
    out = model(**read, use_cache=True, logits_to_keep=1)
    mask, logits, cache = read["attention_mask"][which], out.logits[which, -1], out.past_key_values
    cache.batch_select_indices(which)
    places = mask.sum(1, keepdim=True)
    draws = torch.stack([_draws(seed, sampling.max_tokens) for seed in seeds]).to(device)
    responses: list[list[int]] = [[] for _ in prompts]
    known: list[list[float]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))
    for step in range(sampling.max_tokens):
        chosen, logps = _choose(logits, draws[:, step], sampling.temperature)
        for row, token, logp in zip(rows, chosen.tolist(), logps.tolist(), strict=True):
            if responses[row][-1:] != [end]:
                responses[row].append(token)
                known[row].append(logp)
        going = torch.tensor([responses[row][-1] != end for row in rows], device=device)
        if not going.any() or step + 1 == sampling.max_tokens:
            break
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        if int(going.sum()) * 2 <= len(rows):
            kept = going.nonzero().squeeze(1)
            cache.batch_select_indices(kept)
            chosen, mask, places, draws = chosen[kept], mask[kept], places[kept], draws[kept]
            rows = [rows[row] for row in kept.tolist()]
        out = model(
            input_ids=chosen[:, None], attention_mask=mask, position_ids=places, past_key_values=cache, use_cache=True
        )
        logits, places = out.logits[:, -1], places + 1
    return [Sampled(one, one[-1] == end, logps) for one, logps in zip(responses, known, strict=True)]


def _read(model: Any, prompts: Sequence[list[int]], pad: int) -> tuple[dict[str, Tensor], Tensor]:
    """Every prompt once, left-padded, and [N] where each of them is."""
    places = {prompt: place for place, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
    width = max(map(len, places))
    ids = torch.tensor([[pad] * (width - len(one)) + [*one] for one in places], device=model.device)
    mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in places], device=model.device)
    which = torch.tensor([places[tuple(one)] for one in prompts], device=model.device)
    return {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}, which


def _draws(seed: int, count: int) -> Tensor:
    """[count] float64 uniform numbers of a response's own."""
    return torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _choose(logits: Tensor, draws: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """A token for each row of logits [N, V], and its log-probability, each [N].

    It is where the cumulative probability passes a uniform number [N].
    """
    if temperature == 0:
        return logits.argmax(1), torch.zeros(len(logits))
    chances = (logits.double() / temperature).softmax(1)
    passed = chances.cumsum(1)
    chosen = torch.searchsorted(passed, draws[:, None] * passed[:, -1:], right=True)
    return chosen.squeeze(1), chances.gather(1, chosen).log().squeeze(1)
