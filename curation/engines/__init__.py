"""Engines turn requests into replies. The same engine serves a tiny model in a test and a 7B model on a GPU."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from schemas.base import Plugin
from schemas.calls import Reply, Request
from schemas.errors import ModelError
from schemas.ids import ID_BYTES
from schemas.registry import Registry

Complete = Callable[[Sequence[Request]], list[Reply]]
"""One reply for each request, in order. Raises UpstreamError when the engine is down."""


class Engine(Plugin):
    """Serves one model at a time."""

    @abstractmethod
    def revision(self, model: str) -> str:
        """What identifies the model's weights and tokenizer, found without starting the engine."""

    @abstractmethod
    def start(self, model: str) -> AbstractContextManager[Complete]:
        """Load `model` and serve it until the context ends."""


ENGINES = Registry("curation.engines", Engine)


@lru_cache(maxsize=64)
def folder_revision(folder: Path) -> str:
    """Digest of a local model's configuration, weights and tokenizer. Raises ModelError when it is no model."""
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is no model: it has no config.json; give a folder saved with save_pretrained.")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise ModelError(f"{folder} is no model: it has no .safetensors weights; save the model again.")
    digest = blake2b(digest_size=ID_BYTES)
    for path in _identity_files(folder, weights):
        digest.update(path.name.encode())
        with path.open("rb") as data:
            while block := data.read(1 << 24):
                digest.update(block)
    return digest.hexdigest()


def _identity_files(folder: Path, weights: list[Path]) -> Iterator[Path]:
    names = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
    yield from (path for path in (folder / name for name in names) if path.is_file())
    yield from weights
