"""Train the judge of the sandbox, from lessons that know only which slips their writer planted."""

import random
import shutil
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import torch
from pydantic import Field
from transformers import LlamaForCausalLM

from schemas.base import Strict
from training.sandbox.tiny import Fit, draft_beside, fingerprint, fit, is_trained, publish, save
from training.sandbox.tokenizer import LABELS, build_tokenizer
from training.sandbox.trees import Lesson, bucketed, plant
from training.sandbox.world import stream
from training.sandbox.writer import ASPECTS, Demonstration, demonstrate

VERSION: Final = "1"
"""Raise when the world or the training changes, so that folders trained before are not taken for new ones."""


class JudgeSettings(Strict):
    """How long the judge learns, and how."""

    seed: int = 0
    """Order and content of the lessons, and nothing else: the weights start from a policy."""
    fit: Fit = Fit(trees=16, rate=2e-3)
    steps: int = Field(default=400, ge=1)
    """Batches."""
    sizes: tuple[float, float, float] = (1, 4, 4)
    """How often to ask about one, two and four answers at once."""


class Question(NamedTuple):
    """What a judge is asked and should say. `aspect` is None for a comparison of two answers.

    `ratings` has one integer from 1 to 5 for each answer; `verdict` is A, B or tie. One of the two is None.
    """

    prompt: str
    answers: tuple[str, ...]
    aspect: str | None
    ratings: tuple[int, ...] | None = None
    verdict: str | None = None

    @property
    def reply(self) -> dict[str, object]:
        """The JSON object to answer with."""
        if self.ratings is not None:
            return {"ratings": dict(zip(LABELS, self.ratings, strict=False))}
        return {"verdict": self.verdict}


def questions(settings: JudgeSettings, avoid: Container[str] = ()) -> Iterator[Question]:
    """Endless questions on answers of mixed skill, all questions on the same answers in a row.

    Sets of one, two and four answers alternate at random: with few answers the judge learns what to look for, with
    four which answer it is looking at. Prompts whose text is in `avoid` never occur.
    """
    rng = random.Random(f"questions-{settings.seed}")
    for instruction in stream(settings.seed + 1_000_000):
        if instruction.text in avoid:
            continue
        size = rng.choices((1, 2, 4), weights=settings.sizes)[0]
        skills = [rng.uniform(0.05, 0.95) for _ in range(size)]
        yield from _about([demonstrate(instruction, skill, rng) for skill in skills])


def _about(written: list[Demonstration]) -> Iterator[Question]:
    prompt, texts = written[0].instruction.text, tuple(each.text for each in written)
    ratings = [each.ratings() for each in written]
    for aspect in ASPECTS:
        yield Question(prompt, texts, aspect, ratings=tuple(each[aspect] for each in ratings))
    if len(written) == 2:
        first, second = (sum(each.values()) for each in ratings)
        yield Question(prompt, texts, None, verdict="tie" if first == second else "A" if first > second else "B")


def train_judge(
    folder: Path, lessons: Iterable[Lesson], lessons_id: str, start: Path, settings: JudgeSettings | None = None
) -> Iterator[dict[str, float]]:
    """Train a judge into `folder` from the policy in `start`, yielding step, steps, loss and tokens as it goes.

    `lessons` is read as far as needed; `lessons_id` names its content (a hash of the templates, say). Yields nothing
    if `folder` already holds a judge of the same settings and lessons. The folder appears at the end, whole.
    """
    settings = settings or JudgeSettings()
    mark = fingerprint(VERSION, settings, lessons_id)
    if is_trained(folder, mark):
        return
    torch.manual_seed(settings.seed)
    tokenizer, model = build_tokenizer(), LlamaForCausalLM.from_pretrained(start)
    batches = bucketed(plant(lessons, tokenizer), settings.fit.trees, tokenizer.pad_token_id)
    draft = draft_beside(folder)
    try:
        yield from fit(model, batches, settings.steps, settings.fit)
        save(model, tokenizer, draft)
        publish(draft, folder, mark)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
