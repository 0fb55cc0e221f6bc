"""Responses from a pool of models: who answers which prompt, what is asked, and what the replies become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

import yaml
from pydantic import Field, model_validator

from schemas.base import Strict
from schemas.calls import Answered, Request, Sampling
from schemas.drops import Drop
from schemas.ids import draw, seed_of
from schemas.prompts import Message, Prompt
from schemas.responses import Response

ANY = "*"
"""Stands for every source that is not named."""


@cache
def packaged_wordings() -> Mapping[str, tuple[str, ...]]:
    """The wordings of principles that lie beside this file."""
    text = files("curation").joinpath("wordings.yaml").read_text("utf-8")
    return {principle: tuple(wordings) for principle, wordings in yaml.safe_load(text).items()}


class Generation(Strict):
    """How responses are drawn from the pool."""

    models: tuple[str, ...] = ()
    """The pool, by name. UltraFeedback draws distinct models for each prompt (arXiv 2310.01377)."""
    bands: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """More of the pool, by skill: a name for each band of models that are about as good as each other."""
    responses_per_prompt: int = 4
    """Answers for each prompt; when the pool is smaller, models answer more than once."""
    sampling: Sampling = Sampling()
    principles: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """By the prompt's source (`*`: any other): principles that a response is told to strive for, and their shares.

    One is drawn for each response, so that answers to one prompt differ in what they strive for.
    """
    wordings: Mapping[str, tuple[str, ...]] = Field(default_factory=packaged_wordings)
    """By principle: the words that tell it, of which one is drawn."""
    system_prompts: Mapping[str, str] = Field(default_factory=dict)
    """By model: its own system prompt, before the principle."""
    told_by_user: tuple[str, ...] = ()
    """Models that know no system turn: their principle is a user turn before the prompt."""

    @property
    def pool(self) -> tuple[str, ...]:
        """Every model that may answer."""
        return (*self.models, *(model for band in self.bands.values() for model in band))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.pool or len(set(self.pool)) < len(self.pool):
            raise ValueError("the pool needs models, each named once: in `models` or in one of the `bands`")
        for source, shares in self.principles.items():
            if unknown := shares.keys() - self.wordings.keys():
                raise ValueError(f"principles of {source}: no wording of {min(unknown)}; add it to `wordings`")
            if not shares or min(shares.values()) < 0 or not sum(shares.values()):
                raise ValueError(f"principles of {source}: shares must not be negative, and one must be above 0")
        return self

    def principle_for(self, prompt: Prompt, *salt: object) -> tuple[str, str] | None:
        """A principle and its wording, drawn by hash; None where no principle is set for the prompt's source."""
        shares = self.principles.get(prompt.source, self.principles.get(ANY))
        if shares is None:
            return None
        place = draw("principle", prompt.prompt_id, *salt) * sum(shares.values())
        for principle, share in sorted(shares.items()):
            place -= share
            if place < 0:
                wordings = self.wordings[principle]
                return principle, wordings[int(draw("wording", prompt.prompt_id, *salt) * len(wordings))]
        raise AssertionError("shares cover every draw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One answer to be written: this model, this prompt, and the how-manieth of that model's answers."""

    prompt: Prompt
    model: str
    sample: int
    principle: str | None = None
    principle_text: str | None = None
    messages: tuple[Message, ...]
    """What the model is sent: the prompt, and before it what the model is told besides."""

    @property
    def system_prompt(self) -> str | None:
        """All that the model is told besides the prompt, as it is sent."""
        told = self.messages[: len(self.messages) - len(self.prompt.messages) + _has_system(self.prompt)]
        return "\n\n".join(turn["content"] for turn in told) or None

    def request(self, sampling: Sampling, seed: int) -> Request:
        """The seed depends on run seed, prompt, model and sample alone, so sharding cannot change an answer."""
        return Request(
            messages=self.messages,
            sampling=sampling,
            seed=seed_of(seed, self.prompt.prompt_id, self.model, self.sample),
            purpose="generate",
        )


def assignments(prompts: Iterable[Prompt], generation: Generation, seed: int) -> Iterator[Assignment]:
    """Who answers what: a random order of the pool for each prompt, by hash, repeated when the pool is small."""
    for prompt in prompts:
        pool = sorted(generation.pool, key=lambda model, p=prompt: draw("pool", seed, p.prompt_id, model))
        for i in range(generation.responses_per_prompt):
            model, sample = pool[i % len(pool)], i // len(pool)
            drawn = generation.principle_for(prompt, seed, model, sample)
            principle, text = drawn or (None, None)
            yield Assignment(
                prompt=prompt,
                model=model,
                sample=sample,
                principle=principle,
                principle_text=text,
                messages=_told(prompt, generation, model, text),
            )


def _told(prompt: Prompt, generation: Generation, model: str, principle_text: str | None) -> tuple[Message, ...]:
    """The prompt, with the model's system prompt and the principle where the model looks for them."""
    if model in generation.told_by_user:
        told = [text for text in (generation.system_prompts.get(model), principle_text) if text]
        return (*(Message(role="user", content=text) for text in told), *prompt.messages)
    own = [prompt.messages[0]["content"]] if _has_system(prompt) else []
    told = [*own, *(text for text in (generation.system_prompts.get(model), principle_text) if text)]
    turns = prompt.messages[_has_system(prompt) :]
    return (Message(role="system", content="\n\n".join(told)), *turns) if told else turns


def _has_system(prompt: Prompt) -> bool:
    return prompt.messages[0]["role"] == "system"


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
            principle=wanted.principle,
            principle_text=wanted.principle_text,
            system_prompt=wanted.system_prompt,
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
