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

JUDGES = {
    "judge": JudgeSettings(),
    "judge-2": JudgeSettings(seed=1),
    "judge-3": JudgeSettings(seed=2),
    "critic": JudgeSettings(seed=3, criteria=0.6, comparisons=0.0),
}
"""The judges, by name: raters that also compare, and one that rates by single criteria. All but the first are trained
when they are named."""
MODELS = (*POLICIES, *JUDGES)
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
def ready_sandbox(judge: str = "judge") -> Path:
    """The folder with weak, base, strong and a judge; trained now if they are not there yet."""
    folder = Path(os.environ.get("PREFINERY_CACHE", Path.home() / ".cache" / "prefinery")) / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    held_out = frozenset(prompts(0, HELD_OUT))
    recipe = load(RECIPE)
    lessons_id = content_id(
        [[one.template, one.nonce_chars] for one in recipe.judges if isinstance(one, TemplateAsker)]
    )
    with FileLock(folder / "lock"), shown() as report:
        for metrics in train_pool(folder / "pool", avoid=held_out):
            report("train the sandbox's policies", int(metrics["step"]), int(metrics["steps"]), metrics)
        lessons = _lessons(recipe, JUDGES[judge], held_out)
        start = folder / "pool" / "base"
        for metrics in train_judge(folder / judge, lessons, lessons_id, start, JUDGES[judge]):
            report(f"train the sandbox's {judge}", int(metrics["step"]), int(metrics["steps"]), metrics)
    return folder


def sandbox_path(member: str) -> Path:
    """The folder of a sandbox model."""
    return ready_sandbox(member) / member if member in JUDGES else ready_sandbox() / "pool" / member


def _lessons(recipe: Recipe, settings: JudgeSettings, held_out: frozenset[str]) -> Iterator[Lesson]:
    """What a judge learns: the questions that the recipe's judges ask, and the answers in their own contract."""
    aspects = next(judge for judge in recipe.judges if isinstance(judge, Aspects))
    pairwise = next(judge for judge in recipe.judges if isinstance(judge, Pairwise))
    for question in questions(settings, held_out):
        judge = pairwise if question.aspect is None else aspects
        nonce = nonce_for(question.answers, judge.nonce_chars, *question.answers)
        asked = judge.rendered(question.prompt, question.answers, about=question.aspect or "overall", nonce=nonce)
        reply = question.reply(labels_for(len(question.answers), nonce), tie_for(nonce))
        yield [{"role": "user", "content": asked}], json.dumps(reply)
