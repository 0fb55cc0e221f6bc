"""Responses from a pool of models: who answers which prompt, what is asked, and what the replies become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.base import Strict
from schemas.calls import Answered, Request, Sampling
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


def responses(asked: Iterable[Assignment], answered: Iterable[Answered], run_id: str) -> Iterator[Response | Drop]:
    """What each reply becomes: a response, or a drop with the reason: an outage, a refusal, empty, or a repeat."""
    seen: set[str] = set()
    for wanted, found in zip(asked, answered, strict=True):
        response = Response.of(
            wanted.prompt.prompt_id,
            model=wanted.model,
            text=found.raw_text,
            source="generate",
            finish_reason=found.finish_reason,
            n_tokens=found.completion_tokens,
            call_id=found.call_id,
            run_id=run_id,
        )
        if reason := _unusable(found) or ("duplicate_response" if response.response_id in seen else None):
            yield Drop.of("generate", "call", reason, row_id=found.call_id, run_id=run_id)
        else:
            seen.add(response.response_id)
            yield response


def _unusable(found: Answered) -> str | None:
    """Why a reply is no response. One that was cut at its longest is one, and says so."""
    if found.status in ("ok", "truncated"):
        return None if found.raw_text else "empty_response"
    return "empty_response" if found.status == "invalid" else found.status
