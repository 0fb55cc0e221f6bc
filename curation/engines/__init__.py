"""Engines turn requests into replies. The same engine serves a tiny model in a test and a 7B model on a GPU."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

from pydantic import Field

from curation import checkpoints
from schemas.base import Plugin
from schemas.calls import Outage, Reply, Request
from schemas.registry import Registry

Answer = Callable[[Iterable[Request]], Iterator[tuple[Request, Reply | Outage]]]
"""Draws requests as it can serve them, and yields each with its reply, or with the outage that it met after all its
tries, in the order in which they finish. Raises UpstreamError when nothing can be served any more."""


class Engine(Plugin):
    """Serves one model at a time."""

    prompt_usd: float = Field(default=0.0, ge=0)
    """Price of a million prompt tokens, in US dollars."""
    completion_usd: float = Field(default=0.0, ge=0)
    """Price of a million tokens of replies, in US dollars."""

    @abstractmethod
    def start(self, model: str, adapter: str | None = None) -> AbstractContextManager[Answer]:
        """Load `model`, with a LoRA adapter if a folder of one is named, and serve it until the context ends."""

    def revision(self, model: str) -> str:
        """What identifies the model's weights, tokenizer and chat template, found without starting the engine."""
        return checkpoints.revision(model)

    def identity(self) -> dict[str, Any]:
        """The engine's name and those of its settings that can change an answer: a part of every call's key."""
        return {"name": self.name}

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Price of so many tokens, in US dollars."""
        return (prompt_tokens * self.prompt_usd + completion_tokens * self.completion_usd) / 1e6


ENGINES = Registry("curation.engines", Engine)


def in_batches(
    replies: Callable[[Sequence[Request]], list[Reply]], batch_size: int, requests: Iterable[Request]
) -> Iterator[tuple[Request, Reply]]:
    """Answer requests a batch at a time."""
    stream = iter(requests)
    while batch := list(islice(stream, batch_size)):
        yield from zip(batch, replies(batch), strict=True)
