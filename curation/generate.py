"""Responses from a pool of models: who answers which prompt, what is asked, and what the replies become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.base import Strict
from schemas.calls import Call, Request, Sampling
from schemas.drops import Drop
from schemas.ids import draw, seed_of
from schemas.prompts import Prompt
from schemas.responses import Response


class Generation(Strict):
    """How responses are drawn from the pool."""

    models: tuple[str, ...]
    """The pool, by name. UltraFeedback draws distinct models for each prompt (arXiv 2310.01377)."""
    responses_per_prompt: int = 4
    """Answers for each prompt; when the pool is smaller, models answer more than once."""
    sampling: Sampling = Sampling()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One answer to be written: this model, this prompt, and the how-manieth of that model's answers."""

    prompt: Prompt
    model: str
    sample: int

    def request(self, sampling: Sampling, seed: int) -> Request:
        """The seed depends on run seed, prompt, model and sample alone, so sharding cannot change an answer."""
        return Request(
            messages=self.prompt.messages,
            sampling=sampling,
            seed=seed_of(seed, self.prompt.prompt_id, self.model, self.sample),
            purpose="generate",
        )


def assignments(prompts: Iterable[Prompt], generation: Generation, seed: int) -> Iterator[Assignment]:
    """Who answers what: a random order of the pool for each prompt, by hash, repeated when the pool is small."""
    for prompt in prompts:
        pool = sorted(generation.models, key=lambda model, p=prompt: draw("pool", seed, p.prompt_id, model))
        for i in range(generation.responses_per_prompt):
            yield Assignment(prompt=prompt, model=pool[i % len(pool)], sample=i // len(pool))


def responses(asked: Sequence[Assignment], calls: Sequence[Call], run_id: str) -> tuple[list[Response], list[Drop]]:
    """Responses of finished calls, and a drop for each call that gave none: empty, truncated, too long or a repeat."""
    kept: dict[str, Response] = {}
    drops: list[Drop] = []
    for wanted, call in zip(asked, calls, strict=True):
        response = Response.of(
            wanted.prompt.prompt_id,
            model=wanted.model,
            text=call.raw_text,
            source="generate",
            finish_reason=call.finish_reason,
            n_tokens=call.completion_tokens,
            call_id=call.call_id,
            run_id=run_id,
        )
        if reason := _unusable(call) or ("duplicate_response" if response.response_id in kept else None):
            drops.append(Drop.of("generate", "call", reason, row_id=call.call_id, run_id=run_id))
        else:
            kept[response.response_id] = response
    return list(kept.values()), drops


def _unusable(call: Call) -> str | None:
    if call.finish_reason == "too_long":
        return "prompt_too_long"
    return None if call.raw_text.strip() else "empty_response"
