"""Judging in a flow: rows of rules and judges are stored and counted; what got no readable reply is asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby, islice
from typing import Any

import pyarrow as pa

from curation.adaptive import Ask, Panel, next_round, tied
from curation.asking import Group, Question
from curation.judges import ComparingJudge, Judge
from curation.labels.evidence import of_votes
from flows.run import Asked, Run, answer, replies, served
from schemas.calls import OUTAGES, Answered
from schemas.drops import DROPS, Drop
from schemas.errors import ConfigError, InputError
from schemas.funnel import Funnel
from schemas.prompts import Prompt
from schemas.responses import Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from training.progress import shown
from warehouse.lake import Lake

Heard = Callable[[Question, Answered, Sequence[Score | Vote]], None]
"""Takes every question with its reply and the rows of it: none where there was no reply."""

STORED_ROWS = 5_000
"""Rows that are stored at a time."""


def judge_by_rules(run: Run, groups: Sequence[Group]) -> None:
    """Let every rule judge every response. No model is asked."""
    hearing = Hearing(run=run, stage="rules")
    pairs = ((group.prompt, response) for group in groups for response in group.responses)
    with shown() as report:
        while batch := list(islice(pairs, STORED_ROWS)):
            rows = [
                row
                for prompt, one in batch
                for rule in run.recipe.rules
                for row in rule.scores(prompt, one, run.run_id)
            ]
            hearing.store(rows, [])
            run.call_ids.extend(dict.fromkeys(row.call_id for row in rows))
            report("judge by rules", hearing.read, hearing.read)
    hearing.end()


def judge(run: Run, groups: Sequence[Group]) -> None:
    """Ask every judge about every prompt's responses; judges that share a model share its engine.

    A prompt without a rubric is a drop where a judge goes by rubrics. Second opinions are asked for only on answers
    rated alike so far, and where the recipe is adaptive, comparing judges only about what is still open.
    """
    recipe, hearing = run.recipe, Hearing(run=run, stage="judge")
    later = {judge.annotator: judge for judge in recipe.judges if judge.annotator in recipe.second_opinions}

    def note(_: Question, reply: Answered, __: Sequence[Score | Vote]) -> None:
        run.call_ids.append(reply.call_id)

    waiting = ComparingJudge if recipe.adaptive else ()
    hearing.leave_out(groups)
    alone = [one for one in recipe.judges if not isinstance(one, waiting) and one.annotator not in later]
    for model, judges in groupby(sorted(alone, key=_model), key=_model):
        hearing.ask(model, partial(_questions, list(judges), groups, recipe.seed), note)
    for name in recipe.second_opinions:
        scores = of_one_scale(run, mean_ratings(run))
        alike = tied(groups, dict(zip(scores["response_id"].to_pylist(), scores["score"].to_pylist(), strict=True)))
        hearing.ask(later[name].model, partial(_questions, [later[name]], alike, recipe.seed), note)
    if recipe.adaptive:
        compare_adaptively(hearing, groups, recipe.adaptive)
    hearing.end()


def mean_ratings(run: Run) -> pa.Table:
    """The score of every response by the run's judges and rules so far: a row of the query `scored` each."""
    wanted = pa.table({"call_id": pa.array(run.call_ids, pa.string())})
    aspects = run.recipe.aspects and list(run.recipe.aspects)
    return run.lake.ask("scored", aspects=aspects, later=list(run.recipe.second_opinions), wanted=wanted)


def of_one_scale(run: Run, scores: pa.Table) -> pa.Table:
    """The scores. Raises ConfigError where they are means over several scales and the recipe names no aspects."""
    if run.recipe.aspects is not None:
        return scores
    rated = pa.Table.from_struct_array(scores["scales"].combine_chunks().flatten())
    aspects: dict[tuple[float, float], list[str]] = {}
    for row in rated.group_by(["lo", "hi", "aspect"]).aggregate([]).sort_by("aspect").to_pylist():
        aspects.setdefault((row["lo"], row["hi"]), []).append(row["aspect"])
    if len(aspects) > 1:
        told = "; ".join(f"{lo:g} to {hi:g}: {', '.join(names)}" for (lo, hi), names in sorted(aspects.items()))
        some = ", ".join(max(aspects.values(), key=len))
        raise ConfigError(f"Ratings on several scales ({told}) have no mean; name those that count: aspects: [{some}]")
    return scores


def imported_acts(lake: Lake, judges: Sequence[str], prompts: Sequence[Prompt]) -> list[str]:
    """The imported acts of rating by these judges, on these prompts. Raises InputError for a judge without any."""
    prompt_ids = pa.table({"prompt_id": pa.array([prompt.prompt_id for prompt in prompts], pa.string())})
    acts = lake.ask("rating_acts", judges=list(judges), prompts_in=prompt_ids)
    if absent := sorted({*judges} - {*acts["judge"].to_pylist()}):
        raise InputError(
            f"No imported rating of these prompts is by {absent[0]!r}; import some, or name in `ratings` one of: "
            'prefinery sql "select distinct judge from scores"'
        )
    return acts["call_id"].to_pylist()


def compare_adaptively(hearing: Hearing, groups: Sequence[Group], panel: Panel) -> None:
    """Ask comparing judges round by round: another order, another judge or a dearer one, where it is still open."""
    recipe = hearing.run.recipe
    judges = {one.annotator: one for one in recipe.judges if isinstance(one, ComparingJudge)}
    couples = {
        (group.prompt.prompt_id, min(a.response_id, b.response_id), max(a.response_id, b.response_id))
        for one in judges.values()
        for group in groups
        if one.may_judge(group)
        for a, b in one.compared(group, recipe.seed)
    }
    by_prompt = {group.prompt.prompt_id: group for group in groups}

    def model_of(ask: Ask) -> str:
        return judges[ask.annotator].model

    votes: list[dict[str, Any]] = []
    asked = {
        ask
        for couple in couples
        for ask in panel.questions(couple)
        if not judges[ask.annotator].may_judge(by_prompt[ask.prompt_id])
    }

    def note(_: Question, reply: Answered, rows: Sequence[Score | Vote]) -> None:
        hearing.run.call_ids.append(reply.call_id)
        votes.extend(asdict(row) for row in rows if isinstance(row, Vote))

    while todo := next_round(panel, of_votes(votes), sorted(couples), asked):
        asked.update(todo)
        for model, asks in groupby(sorted(todo, key=model_of), key=model_of):
            hearing.ask(model, partial(_comparisons, list(asks), judges, by_prompt, recipe.seed), note)


def _comparisons(
    asks: Sequence[Ask], judges: Mapping[str, ComparingJudge], by_prompt: Mapping[str, Group], seed: int
) -> Iterator[Question]:
    """The questions of a plan."""
    for ask in asks:
        judge, group = judges[ask.annotator], by_prompt[ask.prompt_id]
        texts = {response.response_id: response for response in group.responses}
        yield judge.compare(group, [texts[ask.shown_first], texts[ask.shown_second]], seed)


@dataclass(kw_only=True)
class Hearing:
    """What judges say in one stage of a run: stored as it comes, and counted."""

    run: Run
    stage: str
    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def ask(self, model: str, asked: Asked, heard: Heard) -> None:
        """Ask a model, and read its replies into rows. What cannot be read is asked again, after all others."""
        unread: list[Question] = []
        answering = partial(answer, self.run, served(self.run, model), f"{self.stage} {model}")
        rows: list[Score | Vote] = []
        outages: list[Drop] = []
        # One by one: `replies` looks into `unread` the moment its last question has been read.
        for question, reply in replies(asked, unread, answering):
            found = self._read(question, reply, outages)
            heard(question, reply, found)
            rows.extend(found)
            if again := question.asker.again(question, [row.failure for row in found]):
                unread.append(again)
            if len(rows) >= STORED_ROWS:
                self.store(rows, outages)
                rows, outages = [], []
        self.store(rows, outages)

    def leave_out(self, groups: Iterable[Group]) -> None:
        """Count the prompts about which some judge of the recipe asks nothing: those without a rubric."""
        drops = [
            Drop.of(self.stage, "prompt", "no_rubric", row_id=group.prompt.prompt_id, run_id=self.run.run_id)
            for group in groups
            if not all(judge.may_judge(group) for judge in self.run.recipe.judges)
        ]
        self.store([], drops)

    def _read(self, question: Question, reply: Answered, outages: list[Drop]) -> Sequence[Score | Vote]:
        """The rows of a reply; of a call that got none, none, and a drop that says so."""
        if reply.status in OUTAGES:
            outages.append(Drop.of(self.stage, "call", reply.status, row_id=reply.call_id, run_id=self.run.run_id))
            return ()
        assert isinstance(question.asker, Judge)
        return question.asker.read(question.subject, reply)

    def store(self, rows: Sequence[Score | Vote], silent: Sequence[Drop]) -> None:
        """Store rows, a drop for each that is a failure, and the drops of what gave no row."""
        failed = [
            Drop.of(self.stage, "verdict", row.failure, row_id=row.row_id, run_id=self.run.run_id)
            for row in rows
            if row.failure
        ]
        store_verdicts(self.run.lake, rows, [*silent, *failed])
        self.read += len(rows) + len(silent)
        self.kept += len(rows) - len(failed)
        self.dropped.update(drop.reason for drop in (*silent, *failed))

    def end(self) -> None:
        """Write the stage into the run's books."""
        funnel = Funnel(stage=self.stage, unit="verdicts", read=self.read, kept=self.kept, dropped=dict(self.dropped))
        self.run.finish(funnel)


def _model(judge: Judge) -> str:
    return judge.model


def _questions(judges: Sequence[Judge], groups: Sequence[Group], seed: int) -> Iterator[Question]:
    return (question for judge in judges for group in groups for question in judge.asked(group, seed))


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
