"""Train the policies of the sandbox: one run read off early (weak), at its end (base) and after a finish (strong)."""

import random
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Final

import torch
from pydantic import Field
from transformers import PreTrainedTokenizerFast

from schemas.base import Strict
from schemas.ids import content_id
from training.sandbox.tiny import Fit, Shape, fit, is_trained, new_model, save, trained_folder
from training.sandbox.tokenizer import PAD, build_tokenizer
from training.sandbox.trees import Batch, Lesson, bucketed, plant
from training.sandbox.world import stream
from training.sandbox.writer import demonstrate

POLICIES: Final = ("weak", "base", "strong")
VERSION: Final = "2"
"""Raise when the world or the training changes, so that folders trained before are not taken for new ones."""


class PoolSettings(Strict):
    """What the pool learns from, and for how long."""

    seed: int = 0
    """Of the weights and of the demonstrations."""
    shape: Shape = Shape()
    fit: Fit = Fit(trees=32)
    steps: int = Field(default=220, ge=1)
    """Batches for the base policy."""
    weak_at: float = Field(default=0.25, gt=0, lt=1)
    """Share of the steps after which the weak policy is read off."""
    skills: tuple[float, float] = (0.3, 0.8)
    """Least and greatest skill of the writers the base policy learns from."""
    finish: Fit = Fit(trees=32, rate=1e-3, warmup=5)
    finish_steps: int = Field(default=40, ge=1)
    """Batches that turn base into strong."""
    finish_skills: tuple[float, float] = (0.85, 1.0)
    """Skill of the writers the strong policy learns from."""
    answers: int = Field(default=3, ge=1)
    """Demonstrations per prompt; they share the cost of reading it."""


def demonstrations(settings: PoolSettings, avoid: Container[str] = ()) -> Iterator[Lesson]:
    """Endless lessons, `settings.answers` in a row to each prompt, with no prompt whose text is in `avoid`."""
    rng = random.Random(f"demonstrations-{settings.seed}")
    for instruction in stream(settings.seed):
        if instruction.text in avoid:
            continue
        for _ in range(settings.answers):
            answer = demonstrate(instruction, rng.uniform(*settings.skills), rng)
            yield [{"role": "user", "content": instruction.text}], answer.text


def train_pool(
    folder: Path, settings: PoolSettings | None = None, avoid: frozenset[str] = frozenset()
) -> Iterator[dict[str, float]]:
    """Train weak, base and strong into `folder`, yielding step, steps, loss and tokens as it goes.

    Yields nothing if `folder` already holds a pool of the same settings. The folder appears at the end, whole.
    Prompts whose text is in `avoid` are never trained on: pass the held-out ones.
    """
    settings = settings or PoolSettings()
    mark = content_id(VERSION, settings.model_dump(mode="json"), sorted(avoid))
    if is_trained(folder, mark):
        return
    with trained_folder(folder, mark) as draft:
        yield from _train(draft, settings, avoid)


def _train(draft: Path, settings: PoolSettings, avoid: Container[str]) -> Iterator[dict[str, float]]:
    torch.manual_seed(settings.seed)
    tokenizer = build_tokenizer()
    model = new_model(settings.shape, tokenizer)
    weak_at = max(1, round(settings.steps * settings.weak_at))
    total, tokens = settings.steps + settings.finish_steps, 0.0
    for metrics in fit(model, _batches(settings, avoid, tokenizer), settings.steps, settings.fit):
        tokens = metrics["tokens"]
        yield {**metrics, "steps": total}
        if metrics["step"] == weak_at:
            save(model, tokenizer, draft / "weak")
    save(model, tokenizer, draft / "base")
    last = settings.model_copy(update={"skills": settings.finish_skills, "seed": settings.seed + 1})
    for metrics in fit(model, _batches(last, avoid, tokenizer), settings.finish_steps, settings.finish):
        counted = {"step": settings.steps + metrics["step"], "tokens": tokens + metrics["tokens"]}
        yield {**metrics, **counted, "steps": total}
    save(model, tokenizer, draft / "strong")


def _batches(settings: PoolSettings, avoid: Container[str], tokenizer: PreTrainedTokenizerFast) -> Iterator[Batch]:
    trees = plant(demonstrations(settings, avoid), tokenizer, settings.answers)
    return bucketed(trees, settings.fit.trees, PAD)
