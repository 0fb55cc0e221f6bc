"""Mean of the last hidden states of any local model, sentence encoder or causal language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curation import checkpoints
from curation.principles.embedders import Embedder
from schemas.errors import ModelError


class MeanPooled(Embedder):
    """Loads safetensors through transformers, without remote code.

    The states of a causal model all lie in one narrow cone, so its cosines are high: find its threshold by the share of
    principles that are to be kept.
    """

    name = "mean_pooled"

    dtype: Literal["auto", "float32", "bfloat16"] = "float32"
    """Number format of the weights; the mean is taken in float32."""
    batch_size: int = Field(default=64, ge=1)
    """Names read at once; lower it when memory runs out."""

    def revision(self, path: str) -> str:
        return checkpoints.revision(path)

    def embed(self, names: Sequence[str], path: str) -> NDArray[np.float32]:
        import torch
        from transformers import AutoModel

        # The mean does without the pooler, and sentence encoders are saved without it.
        weights, tokenizer = checkpoints.load(path, AutoModel, dtype=self.dtype, kind="embedder", spare="pooler.")
        texts = [self.prompt + name for name in names]
        with torch.inference_mode():
            found = [vectors.numpy() for vectors in _batches(tokenizer, weights, texts, self.batch_size)]
        return np.concatenate([np.zeros((0, weights.config.get_text_config().hidden_size), np.float32), *found])


def _batches(tokenizer: Any, weights: Any, texts: Sequence[str], size: int) -> Iterator[Any]:
    """Vectors of the texts, [<= size, d] at a time."""
    import torch

    for start in range(0, len(texts), size):
        rows = tokenizer(list(texts[start : start + size]))["input_ids"]
        if not all(rows):
            raise ModelError(f"The embedder has no token for {texts[start + rows.index([])]!r}; use another one.")
        width, pad = max(map(len, rows)), tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=weights.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=weights.device)
        states = weights(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        kept = mask.unsqueeze(-1).float()
        yield ((states * kept).sum(1) / kept.sum(1)).cpu()
