"""Judging in a flow: rows of rules and judges are stored and counted; what got no readable reply is asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice

from curation.adaptive import Ask, Panel, next_round
from curation.asking import Group, Question
from curation.judges import ComparingJudge, Judge
from curation.labels.evidence import of_votes
from flows.run import Run, answer, served
from schemas.calls import OUTAGES, Answered
from schemas.drops import DROPS, Drop
from schemas.funnel import Funnel
from schemas.prompts import Prompt
from schemas.responses import Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from training.progress import shown
from warehouse.lake import Lake

Put = tuple[Judge, Question]
"""A question and whose it is."""

Asked = Callable[[], Iterable[Put]]
"""Gives the same questions as often as it is called."""

READ_CALLS = 10_000
"""Replies that are read into rows and stored at a time."""


def judge_by_rules(run: Run, groups: Sequence[Group]) -> None:
    """Let every rule judge every response. No model is asked."""
    hearing = Hearing(run=run)
    pairs = ((group.prompt, response) for group in groups for response in group.responses)
    with shown() as report:
        while batch := list(islice(pairs, READ_CALLS)):
            rows = [
                row
                for prompt, one in batch
                for rule in run.recipe.rules
                for row in rule.scores(prompt, one, run.run_id)
            ]
            hearing.store(rows, [])
            run.call_ids.extend(dict.fromkeys(row.call_id for row in rows))
            report("judge by rules", hearing.read, hearing.read)
    hearing.end("rules")


def judge(run: Run, groups: Sequence[Group]) -> None:
    """Ask every judge about every prompt's responses; judges that share a model share its engine.

    Where the recipe is adaptive, comparing judges are asked only about what is still open.
    """
    recipe, hearing = run.recipe, Hearing(run=run)
    waiting = ComparingJudge if recipe.adaptive else ()
    alone = [one for one in recipe.judges if not isinstance(one, waiting)]
    for model, judges in groupby(sorted(alone, key=_model), key=_model):
        for _ in hearing.ask(model, partial(_questions, list(judges), groups, recipe.seed)):
            pass
    if recipe.adaptive:
        compare_adaptively(hearing, groups, recipe.adaptive)
    hearing.end("judge")


def compare_adaptively(hearing: Hearing, groups: Sequence[Group], panel: Panel) -> None:
    """Ask comparing judges round by round: another order, another judge or a dearer one, where it is still open."""
    recipe = hearing.run.recipe
    judges = {one.annotator: one for one in recipe.judges if isinstance(one, ComparingJudge)}
    couples = {
        (group.prompt.prompt_id, min(a.response_id, b.response_id), max(a.response_id, b.response_id))
        for one in judges.values()
        for group in groups
        for a, b in one.compared(group, recipe.seed)
    }
    by_prompt = {group.prompt.prompt_id: group for group in groups}

    def model_of(ask: Ask) -> str:
        return judges[ask.annotator].model

    votes: list[Vote] = []
    asked: set[Ask] = set()
    while todo := next_round(panel, of_votes(votes), sorted(couples), asked):
        asked.update(todo)
        for model, asks in groupby(sorted(todo, key=model_of), key=model_of):
            put = partial(_put, list(asks), judges, by_prompt, recipe.seed)
            votes.extend(row for row in hearing.ask(model, put) if isinstance(row, Vote) and row.verdict)


def _put(
    asks: Sequence[Ask], judges: Mapping[str, ComparingJudge], by_prompt: Mapping[str, Group], seed: int
) -> Iterator[Put]:
    """The questions of a plan."""
    for ask in asks:
        judge, group = judges[ask.annotator], by_prompt[ask.prompt_id]
        texts = {response.response_id: response for response in group.responses}
        yield judge, judge.compare(group, [texts[ask.shown_first], texts[ask.shown_second]], seed)


@dataclass(kw_only=True)
class Hearing:
    """What judges say in one stage of a run: stored as it comes, and counted."""

    run: Run
    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def ask(self, model: str, asked: Asked) -> Iterator[Score | Vote]:
        """The rows of a model's replies. A question whose reply cannot be read is put again, after all others."""
        while True:
            useless: list[Put] = []
            for batch in _answered(self.run, model, asked):
                rows, drops = _read(batch, useless, self.run.run_id)
                self.store(rows, drops)
                yield from rows
            if not useless:
                return
            asked = partial(iter, useless)

    def store(self, rows: Sequence[Score | Vote], outages: Sequence[Drop]) -> None:
        """Store rows, a drop for each that is a failure, and the drops of calls without a reply."""
        failed = [
            Drop.of("judge", "verdict", row.failure, row_id=row.row_id, run_id=self.run.run_id)
            for row in rows
            if row.failure
        ]
        store_verdicts(self.run.lake, rows, [*outages, *failed])
        self.read += len(rows) + len(outages)
        self.kept += len(rows) - len(failed)
        self.dropped.update(drop.reason for drop in (*outages, *failed))

    def end(self, stage: str) -> None:
        """Write the stage into the run's books."""
        funnel = Funnel(stage=stage, unit="verdicts", read=self.read, kept=self.kept, dropped=dict(self.dropped))
        self.run.finish(funnel)


def _model(judge: Judge) -> str:
    return judge.model


def _questions(judges: Sequence[Judge], groups: Sequence[Group], seed: int) -> Iterator[Put]:
    return ((judge, question) for judge in judges for group in groups for question in judge.asked(group, seed))


def _answered(run: Run, model: str, asked: Asked) -> Iterator[list[tuple[Judge, Question, Answered]]]:
    """The questions with what they got, a batch at a time."""
    answers = answer(
        run, served(run.recipe, model), lambda: (question.request for _, question in asked()), f"judge {model}"
    )
    replies = ((judge, question, found) for (judge, question), found in zip(asked(), answers, strict=True))
    while batch := list(islice(replies, READ_CALLS)):
        run.call_ids.extend(found.call_id for _, _, found in batch)
        yield batch


def _read(
    batch: Iterable[tuple[Judge, Question, Answered]], useless: list[Put], run_id: str
) -> tuple[list[Score | Vote], list[Drop]]:
    """Rows of the replies, and a drop for each call that got none. Adds to `useless` what is to be asked once more."""
    rows: list[Score | Vote] = []
    outages: list[Drop] = []
    for judge, question, found in batch:
        if found.status in OUTAGES:
            outages.append(Drop.of("judge", "call", found.status, row_id=found.call_id, run_id=run_id))
            continue
        verdicts = judge.read(question.subject, found)
        rows.extend(verdicts)
        if again := judge.again(question, verdicts):
            useless.append((judge, again))
    return rows, outages


def store_verdicts(lake: Lake, rows: Sequence[Score | Vote], drops: Sequence[Drop]) -> None:
    lake.append(
        (SCORES, SCORES.rows(row for row in rows if isinstance(row, Score))),
        (VOTES, VOTES.rows(row for row in rows if isinstance(row, Vote))),
        (DROPS, DROPS.rows(drops)),
    )


def groups_of(prompts: Sequence[Prompt], answered: Iterable[Response]) -> list[Group]:
    """Prompts with at least one response, both in id order."""
    by_prompt: dict[str, list[Response]] = {}
    for response in answered:
        by_prompt.setdefault(response.prompt_id, []).append(response)
    return [
        Group(prompt=prompt, responses=tuple(sorted(by_prompt[prompt.prompt_id], key=lambda r: r.response_id)))
        for prompt in prompts
        if prompt.prompt_id in by_prompt
    ]
