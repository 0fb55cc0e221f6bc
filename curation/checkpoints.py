"""Models in this process: what a folder or a hub name stands for, and how it is loaded.

Weights are safetensors only, and no code that comes with a model is ever run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ModelError
from schemas.quiet import quiet
from schemas.revision import model_revision


class Checkpoint(NamedTuple):
    """A model on its device, ready to answer, with its tokenizer."""

    weights: Any
    tokenizer: Any

    def limit(self, wanted: int | None) -> int:
        """How many tokens it reads at once: `wanted`, or the model's own limit where that is absent or lower."""
        own = getattr(self.weights.config.get_text_config(), "max_position_embeddings", None)
        return min((limit for limit in (wanted, own) if limit), default=self.tokenizer.model_max_length)


def load(
    model: str, auto: Any, *, dtype: str, kind: str, mend: str = "save it again", spare: str | None = None
) -> Checkpoint:
    """The model of a folder or a hub name, read by `auto`, one of the AutoModel classes of transformers.

    `kind` and `mend` say in an error what the model should be, and what to do when it lacks weights; those whose names
    begin with `spare` may be absent. Raises ModelError when there is no such model.
    """
    from safetensors import SafetensorError
    from transformers import AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
            weights, report = auto.from_pretrained(
                model, dtype=dtype, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"The {kind} {model} cannot be loaded: {str(error).splitlines()[0]}") from error
    lacking = sorted(map(str, {*report["missing_keys"], *report["mismatched_keys"]}))
    if missing := [name for name in lacking if spare is None or not name.startswith(spare)]:
        raise ModelError(f"{model} is no {kind}: it lacks weights, {missing[0]} first; {mend}.")
    return Checkpoint(weights.to(_device()).eval(), tokenizer)


def revision(model: str) -> str:
    """What identifies a model's weights, tokenizer and chat template.

    That is the digest of a folder; of a hub model its commit in the cache, or its name where the cache has none.
    """
    return model_revision(Path(model)) if Path(model).is_dir() else _hub_revision(model)


def _hub_revision(model: str) -> str:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "config.json")
    return Path(found).parent.name if isinstance(found, str) else model


def _device() -> str:
    """Where a model in this process lives."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
