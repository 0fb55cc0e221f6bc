"""Train the judge of the sandbox, from lessons that know only which slips their writer planted."""

import random
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import torch
from pydantic import Field
from transformers import LlamaForCausalLM

from schemas.base import Strict
from schemas.ids import content_id
from schemas.quiet import quiet
from training.sandbox.tiny import Fit, fit, is_trained, save, trained_folder
from training.sandbox.tokenizer import PAD, build_tokenizer
from training.sandbox.trees import Lesson, bucketed, plant
from training.sandbox.world import stream
from training.sandbox.writer import ASPECTS, Demonstration, demonstrate

VERSION: Final = "2"
"""Raise when the world or the training changes, so that folders trained before are not taken for new ones."""


LEAST, MOST = 1, 5
"""The ends of the scale."""


class JudgeSettings(Strict):
    """How long the judge learns, and how."""

    seed: int = 0
    """Order and content of the lessons, and nothing else: the weights start from a policy."""
    fit: Fit = Fit(trees=64, rate=2e-3)
    steps: int = Field(default=150, ge=1)
    """Batches."""
    comparisons: float = Field(default=0.15, ge=0, le=1)
    """Share of the lessons that compare two answers; the others rate one."""
    criteria: float = Field(default=0.0, ge=0, le=1)
    """Share of the rated answers that are rated add-on by add-on, in the words of the prompt, and not by aspects."""


class Question(NamedTuple):
    """What a judge is asked and should say. `aspect`, or the words of an add-on, is None for a comparison of two.

    `ratings` has one integer from 1 to 5 for each answer; `verdict` is A, B or tie. One of the two is None.
    """

    prompt: str
    answers: tuple[str, ...]
    aspect: str | None
    ratings: tuple[int, ...] | None = None
    verdict: str | None = None

    def reply(self, labels: Sequence[str], tie: str) -> dict[str, object]:
        """The JSON object to answer with, when the answers have these labels."""
        if self.ratings is not None:
            return {"ratings": dict(zip(labels, self.ratings, strict=True))}
        return {"verdict": {"A": labels[0], "B": labels[1], "tie": tie}[str(self.verdict)]}


def questions(settings: JudgeSettings, avoid: Container[str] = ()) -> Iterator[Question]:
    """Endless questions on answers of mixed skill, all aspects of the same answer in a row.

    Prompts whose text is in `avoid` never occur.
    """
    rng = random.Random(f"questions-{settings.seed}")
    for instruction in stream(settings.seed + 1_000_000):
        if instruction.text in avoid:
            continue
        if rng.random() < settings.comparisons:
            skills = (rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9))
            yield _comparison(*(demonstrate(instruction, skill, rng) for skill in skills))
        else:
            written = demonstrate(instruction, rng.uniform(0.1, 0.9), rng)
            by_item = settings.criteria and rng.random() < settings.criteria
            yield from _by_add_on(written) if by_item else _ratings(written)


def _by_add_on(written: Demonstration) -> Iterator[Question]:
    for extra in written.instruction.extras:
        rating = LEAST if extra in written.missing else MOST
        yield Question(written.instruction.text, (written.text,), extra.text, ratings=(rating,))


def _ratings(written: Demonstration) -> Iterator[Question]:
    ratings = written.ratings()
    for aspect in ASPECTS:
        yield Question(written.instruction.text, (written.text,), aspect, ratings=(ratings[aspect],))


def _comparison(one: Demonstration, other: Demonstration) -> Question:
    first, second = (sum(each.ratings().values()) for each in (one, other))
    verdict = "tie" if first == second else "A" if first > second else "B"
    return Question(one.instruction.text, (one.text, other.text), None, verdict=verdict)


def train_judge(
    folder: Path, lessons: Iterable[Lesson], lessons_id: str, start: Path, settings: JudgeSettings | None = None
) -> Iterator[dict[str, float]]:
    """Train a judge into `folder` from the policy in `start`, yielding step, steps, loss and tokens as it goes.

    `lessons` is read as far as needed; `lessons_id` names its content (a hash of the templates, say). Yields nothing
    if `folder` already holds a judge of the same settings and lessons. The folder appears at the end, whole.
    """
    settings = settings or JudgeSettings()
    mark = content_id(VERSION, settings.model_dump(mode="json"), lessons_id)
    if is_trained(folder, mark):
        return
    torch.manual_seed(settings.seed)
    tokenizer = build_tokenizer()
    with quiet():
        model = LlamaForCausalLM.from_pretrained(start)
    batches = bucketed(plant(lessons, tokenizer), settings.fit.trees, PAD)
    with trained_folder(folder, mark) as draft:
        yield from fit(model, batches, settings.steps, settings.fit)
        save(model, tokenizer, draft)
