"""Ask a recipe's comparing judges about two models' answers, in both orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from curation.asking import Group, Question
from curation.judges import ComparingJudge
from flows.judging import Hearing
from flows.recipe import Recipe
from flows.run import Run
from schemas.calls import Answered
from schemas.errors import ConfigError
from schemas.prompts import Prompt
from schemas.responses import RESPONSES, Response
from schemas.scores import Score
from schemas.votes import Vote
from warehouse.lake import Lake

SOURCE = "evaluation"
"""Of the responses that are compared."""


def wins_by_judge(
    lake: Lake, recipe: Recipe, prompts: Sequence[Prompt], answers: Sequence[tuple[str, str]], names: tuple[str, str]
) -> dict[str, NDArray[np.float64]]:
    """By annotator: [P] how the first of two answers fared, in 0..1, the mean over both orders and ties a half.

    NaN where the reply in one of the orders could not be read. Equal texts are a tie that nobody is asked about.
    Judges that need a rubric are not asked. Responses and votes are stored as of any run.
    """
    comparing = [one for one in recipe.judges if isinstance(one, ComparingJudge) and not one.by_rubric]
    judges = [one.model_copy(update={"both_orders": True}) for one in comparing]
    if not judges:
        raise ConfigError(
            "The recipe has no judge that compares two answers without a rubric, such as `pairwise`; add one to "
            "`judges`."
        )
    groups = [
        Group(prompt=prompt, responses=(_response(prompt, names[0], ours), _response(prompt, names[1], theirs)))
        for prompt, (ours, theirs) in zip(prompts, answers, strict=True)
    ]
    differ = [group for group in groups if group.responses[0].text != group.responses[1].text]
    run = Run(lake=lake, recipe=recipe)
    lake.append((RESPONSES, RESPONSES.rows([one for group in differ for one in group.responses])))
    hearing, found = Hearing(run=run, stage="compare"), {}
    for judge in judges:
        said: dict[str, dict[tuple[object, int], Vote]] = defaultdict(dict)
        hearing.ask(judge.model, partial(_questions, judge, differ, recipe.seed), partial(_note, said))
        found[judge.annotator] = np.array([_win(group, said[group.prompt.prompt_id]) for group in groups])
    hearing.end()
    return found


def _response(prompt: Prompt, model: str, text: str) -> Response:
    return Response.of(prompt.prompt_id, model=model, text=text, source=SOURCE)


def _questions(judge: ComparingJudge, groups: Sequence[Group], seed: int) -> list[Question]:
    return [question for group in groups for question in judge.asked(group, seed)]


def _note(
    said: dict[str, dict[tuple[object, int], Vote]], question: Question, _: Answered, rows: Sequence[Score | Vote]
) -> None:
    """Keep the last reply to each question: one that was asked again was no use."""
    for row in rows:
        if isinstance(row, Vote):
            said[row.prompt_id][row.shown_first, question.sample] = row


def _win(group: Group, votes: dict[tuple[object, int], Vote]) -> float:
    ours, theirs = group.responses
    if ours.text == theirs.text:
        return 0.5
    orders = {first for first, _ in votes}
    if orders != {ours.response_id, theirs.response_id} or any(vote.verdict is None for vote in votes.values()):
        return float("nan")
    better = "a" if ours.response_id < theirs.response_id else "b"
    return float(np.mean([0.5 if vote.verdict == "tie" else vote.verdict == better for vote in votes.values()]))
