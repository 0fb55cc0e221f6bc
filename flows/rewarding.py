"""What rewards a policy beside models: rules, and the recipe's judges. A judge's calls are rows of the ledger."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curation.asking import Group, Question
from curation.engines import Answer
from curation.judges import Judge
from curation.ledger import Requests, Tally, ask, plan
from curation.rewards import mean_rating, share_met
from curation.rules import Rule
from flows.recipe import Recipe
from flows.run import Run, replies, served, settled
from schemas.calls import OUTAGES, Answered
from schemas.errors import InputError
from schemas.prompts import Prompt, prompt_id_of
from schemas.responses import Response
from schemas.scores import Score
from training.evaluate.implicit_reward import Rewards
from training.evaluate.rewards import Item
from training.jobs import TrainSettings

Numbers = Callable[[Sequence[tuple[Prompt, str]]], Sequence[float | None]]
"""A number for each response to a prompt, None where there is nothing to say."""


def specs_of(recipe: Recipe, settings: TrainSettings) -> list[dict[str, Any]]:
    """All that decides what they say: the plugins' settings, and the engines that serve the judges."""
    found = []
    for source in settings.rollout.given if settings.rollout else ():
        plugin = recipe.rewarder(source)
        spec = plugin.spec()
        if isinstance(plugin, Judge):
            spec |= {"engine": recipe.engine_of(plugin.model).identity(), "aspects": recipe.aspects}
        found.append(spec)
    return found


@contextmanager
def rewarding(
    run: Run, settings: TrainSettings, prompt_ids: Sequence[str], until: int | None = None
) -> Iterator[Mapping[str, Rewards]]:
    """The job's rules and judges by source. Engines start when they are first asked, and stay until the end.

    They see what was known about the prompts at the snapshot `until`, or is today.
    """
    sources = settings.rollout.given if settings.rollout else []
    if not sources:
        yield {}
        return
    wanted = pa.table({"prompt_id": pa.array(prompt_ids, pa.string())})
    rows = run.lake.ask("prompts_named", prompts_in=wanted, until=until).to_pylist()
    prompts = {prompt_id_of(prompt.messages): prompt for prompt in map(Prompt.of_row, rows)}
    with ExitStack() as engines:
        found: dict[str, Rewards] = {}
        for source in sources:
            plugin = run.recipe.rewarder(source)
            if isinstance(plugin, Rule):
                _refuse_silence(source, plugin, list(prompts.values()))
                numbers: Numbers = partial(_by_rule, plugin)
            else:
                numbers = Asked(run=run, judge=plugin, engines=engines)
            found[source] = partial(_rewards, numbers, prompts)
        yield found


def _rewards(numbers: Numbers, prompts: Mapping[str, Prompt], items: Sequence[Item]) -> NDArray[np.floating[Any]]:
    """[N] rewards of (prompt, response) items, NaN where there is nothing to say."""
    found = numbers([(prompts[prompt_id_of(messages)], text) for messages, text in items])
    return np.array([math.nan if one is None else one for one in found], dtype=np.float64)


def _by_rule(rule: Rule, said: Sequence[tuple[Prompt, str]]) -> list[float | None]:
    return [share_met(rule, prompt, text) for prompt, text in said]


def _refuse_silence(source: str, rule: Rule, prompts: Sequence[Prompt]) -> None:
    """Raise InputError where a rule would find nothing to check in any response."""
    if all(share_met(rule, prompt, "") is None for prompt in prompts):
        raise InputError(
            f"{source} finds nothing to check: no prompt of the version has constraints or correct answers for it; "
            "import prompts that have them, or write one constraint for all, as in "
            '{"source": {"rule": "length", "at_most": 50}}.'
        )


@dataclass(kw_only=True)
class Asked:
    """A judge with its engine running: rates responses one by one, through the ledger."""

    run: Run
    judge: Judge
    engines: ExitStack
    answer: Answer | None = field(default=None, init=False)

    def __call__(self, said: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        """The mean rating of each response; None where no reply could be read."""
        groups = [_alone(prompt, text) for prompt, text in said]
        rated = self._rows({group.responses[0].response_id: group for group in groups})
        aspects = self.run.recipe.aspects
        return [mean_rating(rated[group.responses[0].response_id], aspects) for group in groups]

    def _rows(self, groups: Mapping[str, Group]) -> Mapping[str, list[Score]]:
        """The ratings of every response. What cannot be read is asked again, another way."""
        found: defaultdict[str, list[Score]] = defaultdict(list)
        unread: list[Question] = []
        questions = [
            question for group in groups.values() for question in self.judge.asked(group, self.run.recipe.seed)
        ]
        for question, reply in replies(lambda: questions, unread, self._answer):
            if reply.status in OUTAGES:
                continue
            rows = self.judge.read(question.subject, reply)
            for row in rows:
                assert isinstance(row, Score)
                found[row.response_id].append(row)
            if again := question.asker.again(question, [row.failure for row in rows]):
                unread.append(again)
        return found

    def _answer(self, requests: Requests) -> Iterator[Answered]:
        """What the ledger holds for the requests, once the engine has been asked for what is missing."""
        run, model = self.run, served(self.run, self.judge.model)
        todo = plan(run.lake, model, requests)
        tally = Tally(total=todo.missing)
        if todo.missing:
            if self.answer is None:
                self.answer = self.engines.enter_context(model.engine.start(model.path, model.adapter))
            tally = ask(run.lake, todo, self.answer, run_id=run.run_id, budget=run.budget)
        return settled(run, todo, tally, f"reward by {self.judge.annotator}")


def _alone(prompt: Prompt, text: str) -> Group:
    response = Response.of(prompt.prompt_id, model="policy", text=text, source="rollout")
    return Group(prompt=prompt, responses=(response,))
