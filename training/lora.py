"""Low-rank adapters (arXiv:2106.09685) through peft: they alone learn, with a reward model's head, and then join in."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from schemas.errors import ConfigError
from training.settings import Lora


def adapt(model: PreTrainedModel, settings: Lora, seed: int) -> Any:
    """Freeze `model` but for fresh adapters, which change nothing yet, and its reward head; returns peft's tuner."""
    try:
        from peft import LoraConfig, LoraModel
    except ImportError as error:
        raise ConfigError("`lora` needs peft; install prefinery[adapters].") from error
    linear = [name for name, module in model.base_model.named_modules() if isinstance(module, nn.Linear)]
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # pyright: ignore[reportArgumentType]
        target_modules=sorted({name.rpartition(".")[2] for name in linear}),
    )
    torch.manual_seed(seed)
    tuner = LoraModel(model, config, "default")
    head = getattr(model, "score", None)
    if head is not None:
        head.requires_grad_(True)
    return tuner


def merge(tuner: Any) -> None:
    """Add the adapters to the weights they stand beside: the model is as any other then."""
    tuner.merge_and_unload()
