"""A tiny Llama: its size, the one training loop, and folders that appear whole or not at all."""

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from schemas.base import Strict
from schemas.folder import whole_folder
from schemas.quiet import quiet
from training.sandbox.muon import Muon
from training.sandbox.tokenizer import BOS, EOS, PAD
from training.sandbox.trees import Batch


class Shape(Strict):
    """Size of the Llama."""

    layers: int = Field(default=4, ge=1)
    """Transformer blocks."""
    width: int = Field(default=128, ge=32, multiple_of=32)
    """Hidden size; the heads are 32 wide."""
    inner: int = Field(default=256, ge=32)
    """Width inside the feed-forward blocks."""


class Fit(Strict):
    """How to run one training."""

    trees: int = Field(default=64, ge=1)
    """Trees per batch: each is one shared prompt with its replies."""
    rate: float = Field(default=3e-3, gt=0)
    """Peak learning rate of embeddings and norms; it rises for `warmup` steps, then falls to a tenth along a cosine."""
    warmup: int = Field(default=20, ge=0)
    """Steps."""
    inner_rate: float = Field(default=0.02, gt=0)
    """Peak learning rate of the matrices inside the blocks, whose updates Muon makes orthogonal."""
    floor: float = Field(default=0.05, ge=0, le=1)
    """Last learning rate as a share of the peak."""


def new_model(shape: Shape, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained model; its weights follow torch's global seed."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.width // 32,
            num_key_value_heads=shape.width // 32,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
            initializer_range=0.05,
        )
    )


def fit(model: LlamaForCausalLM, batches: Iterable[Batch], steps: int, how: Fit) -> Iterator[dict[str, float]]:
    """Train in place for at most `steps` batches; yields step, loss (nats per reply token) and tokens read so far."""
    optimizers = _optimizers(model, how)
    model.train()
    tokens = 0
    for step, batch in enumerate(islice(batches, steps)):
        loss = reply_loss(model, batch)
        loss.backward()
        for optimizer, peak in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = peak * _schedule(step, steps, how)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        tokens += batch.ids.numel()
        yield {"step": step + 1, "steps": steps, "loss": loss.item(), "tokens": tokens}
    model.eval()


def _optimizers(model: LlamaForCausalLM, how: Fit) -> list[tuple[Optimizer, float]]:
    """Muon for the matrices of the blocks, AdamW for embeddings and norms, each with its peak learning rate."""
    inner = [weight for name, weight in model.named_parameters() if "layers" in name and weight.ndim == 2]
    held = {id(weight) for weight in inner}
    outer = [weight for weight in model.parameters() if id(weight) not in held]
    adam = torch.optim.AdamW(outer, lr=how.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    return [(Muon(inner, lr=how.inner_rate), how.inner_rate), (adam, how.rate)]


def _schedule(step: int, steps: int, how: Fit) -> float:
    rise = min(1.0, (step + 1) / max(1, how.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))
    return rise * (how.floor + (1 - how.floor) * fall)


def reply_loss(model: LlamaForCausalLM, batch: Batch) -> Tensor:
    """Mean negative log-likelihood of the reply tokens; logits are computed for those alone."""
    hidden = model.model(
        input_ids=batch.ids, position_ids=batch.positions, attention_mask=batch.mask, use_cache=False
    ).last_hidden_state
    learned = batch.targets != -100
    return cross_entropy(model.lm_head(hidden[learned]), batch.targets[learned])


MARK = "trained.json"
"""Beside the weights: which settings they come from."""


def is_trained(folder: Path, mark: str) -> bool:
    """Whether `folder` holds what settings with this fingerprint produce."""
    note = folder / MARK
    return note.is_file() and json.loads(note.read_text()) == {"fingerprint": mark}


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Hugging Face folder: safetensors, config and tokenizer."""
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextmanager
def trained_folder(folder: Path, mark: str) -> Iterator[Path]:
    """A draft that becomes `folder` with its mark once the training is over."""
    with whole_folder(folder) as draft:
        yield draft
        (draft / MARK).write_text(json.dumps({"fingerprint": mark}))
