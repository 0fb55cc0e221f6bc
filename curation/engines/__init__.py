"""Engines turn requests into replies. The same engine serves a tiny model in a test and a 7B model on a GPU."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from schemas.base import Plugin
from schemas.calls import Reply, Request
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
