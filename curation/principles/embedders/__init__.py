"""Embedders give names of principles their places in space: near in meaning, near by cosine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.base import Plugin
from schemas.registry import Registry


class Embedder(Plugin):
    """Turns names into vectors."""

    model: str
    """Name of the model: a folder or a hub name."""
    prompt: str = ""
    """Text put before every name, as some models want it."""

    @abstractmethod
    def revision(self, path: str) -> str:
        """What identifies the model's weights and tokenizer; `path` is where it lies."""

    @abstractmethod
    def embed(self, names: Sequence[str], path: str) -> NDArray[np.float32]:
        """The vectors of the names, [n, d], not normalised. The same name gets the same vector in every batch."""


EMBEDDERS = Registry("curation.principles.embedders", Embedder)
