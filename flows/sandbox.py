"""The sandbox made ready: its models trained on first use and kept, its prompts written as files to import."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from filelock import FileLock

from curation.asking import TemplateAsker, labels_for, tie_for
from curation.fence import nonce_for
from curation.judges.aspects import Aspects
from curation.judges.pairwise import Pairwise
from flows.recipe import Recipe, load
from schemas.ids import content_id
from training.progress import shown
from training.sandbox.judge import JudgeSettings, questions, train_judge
from training.sandbox.pool import POLICIES, train_pool
from training.sandbox.trees import Lesson
from training.sandbox.world import instructions

SANDBOX = "sandbox/"
"""Prefix of the sandbox's model names."""
MODELS = (*POLICIES, "judge")
SEED = 0
HELD_OUT = 600
"""Prompts that nothing is ever trained on."""
RECIPE = Path(__file__).parent / "recipes" / "demo.yaml"


def prompts(first: int, count: int) -> list[str]:
    """`count` distinct instructions after the first `first`; the first HELD_OUT are for evaluation."""
    return [instruction.text for instruction in instructions(first + count, SEED)[first:]]


def write_prompts(path: Path, texts: list[str]) -> Path:
    """A file for `prefinery import prompts`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts), encoding="utf-8")
    return path


@cache
def ready_sandbox() -> Path:
    """The folder with weak, base, strong and judge; trained now if they are not there yet."""
    folder = Path(os.environ.get("PREFINERY_CACHE", Path.home() / ".cache" / "prefinery")) / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    held_out = frozenset(prompts(0, HELD_OUT))
    recipe = load(RECIPE)
    lessons_id = content_id(
        [[judge.template, judge.nonce_chars] for judge in recipe.judges if isinstance(judge, TemplateAsker)]
    )
    with FileLock(folder / "lock"), shown() as report:
        for metrics in train_pool(folder / "pool", avoid=held_out):
            report("train the sandbox's policies", int(metrics["step"]), int(metrics["steps"]), metrics)
        lessons = _lessons(recipe, held_out)
        start = folder / "pool" / "base"
        for metrics in train_judge(folder / "judge", lessons, lessons_id, start):
            report("train the sandbox's judge", int(metrics["step"]), int(metrics["steps"]), metrics)
    return folder


def sandbox_path(member: str) -> Path:
    """The folder of a sandbox model."""
    return ready_sandbox() / ("judge" if member == "judge" else f"pool/{member}")


def _lessons(recipe: Recipe, held_out: frozenset[str]) -> Iterator[Lesson]:
    """What the judge learns: the questions that the recipe's judges ask, and the answers in their own contract."""
    aspects = next(judge for judge in recipe.judges if isinstance(judge, Aspects))
    pairwise = next(judge for judge in recipe.judges if isinstance(judge, Pairwise))
    for question in questions(JudgeSettings(), held_out):
        judge = pairwise if question.aspect is None else aspects
        nonce = nonce_for(question.answers, judge.nonce_chars, *question.answers)
        asked = judge.rendered(question.prompt, question.answers, about=question.aspect or "overall", nonce=nonce)
        reply = question.reply(labels_for(len(question.answers), nonce), tie_for(nonce))
        yield [{"role": "user", "content": asked}], json.dumps(reply)
