"""What a local model is: one digest of its configuration, weights and tokenizer, for calls and for training alike."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from schemas.errors import ModelError
from schemas.ids import ID_BYTES

CONTENT = ("config.json", "generation_config.json", "*.safetensors", "tokenizer*", "*.jinja", "vocab*", "merges.txt")
"""The files that can change what a model says."""
ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
BLOCK_BYTES = 1 << 24


def model_revision(folder: Path) -> str:
    """Equal for equal models, wherever they lie. Raises ModelError when `folder` is no model."""
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is no model folder: it has no config.json; name one saved by save_pretrained.")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} is no model folder: it has no .safetensors weights; save the model again.")
    files = sorted({file.resolve() for pattern in CONTENT for file in folder.glob(pattern)})
    return _digest(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


def adapter_revision(folder: Path) -> str:
    """Equal for equal LoRA adapters. Raises ModelError when `folder` is none."""
    files = sorted(file.resolve() for pattern in ADAPTER for file in folder.glob(pattern))
    if len(files) < 2:
        raise ModelError(f"{folder} is no adapter: it needs {' and '.join(ADAPTER)}; name a folder that peft saved.")
    return _digest(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=64)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Digest of names and bytes; size and time only tell whether a file was read before."""
    digest = blake2b(digest_size=ID_BYTES)
    for file, size, _ in files:
        digest.update(f"{file.name}\x1f{size}\x1f".encode())
        with file.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()
