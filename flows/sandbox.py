"""The sandbox made ready: its models trained on first use and kept, its prompts written as files to import."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import ascii_uppercase

from filelock import FileLock

from curation.judges import render
from curation.judges.aspects import Aspects
from curation.judges.pairwise import Pairwise
from flows.recipe import Recipe, load
from schemas.ids import content_id
from training.progress import shown
from training.sandbox.judge import JudgeSettings, Question, questions, train_judge
from training.sandbox.pool import POLICIES, train_pool
from training.sandbox.world import instructions

SANDBOX = "sandbox/"
"""Prefix of the sandbox's model names."""
MODELS = (*POLICIES, "judge")
SEED = 0
HELD_OUT = 600
"""Prompts that nothing is ever trained on."""
RECIPE = Path(__file__).parent / "recipes" / "demo.yaml"

Lesson = tuple[list[dict[str, str]], str]


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
    lessons_id = content_id([judge.spec() for judge in recipe.judges])
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
        template = pairwise.template if question.aspect is None else aspects.template
        yield [{"role": "user", "content": _asked(template, question)}], json.dumps(question.reply)


def _asked(template: str, question: Question) -> str:
    answers = [{"label": label, "text": text} for label, text in zip(ascii_uppercase, question.answers, strict=False)]
    return render(template, prompt=question.prompt, answers=answers, aspect=question.aspect or "overall")
