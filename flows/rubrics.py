"""The rubric stage: find or write a rubric for each prompt, check it, keep it if a judge can use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from curation.asking import Group, Question, Unreadable
from curation.judges.rubric import RubricJudge
from curation.rubrics import RubricWriter
from curation.rubrics.consistency import Verdicts
from curation.rubrics.drafts import Draft, decided, drafted
from curation.rubrics.edits import in_force, newest, stored_rubrics
from curation.rubrics.known import known_orders
from curation.rubrics.settings import RubricStage
from flows.judging import Hearing
from flows.run import Run, answer, replies, served
from schemas.drops import DROPS, Drop
from schemas.funnel import Funnel
from schemas.ids import content_id
from schemas.prompts import Prompt
from schemas.responses import Response
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric

Ranked = tuple[Prompt, tuple[Response, ...]]
"""A prompt with the answers whose order is known, best first; none where no order is."""


def rubrics_for(run: Run, groups: Sequence[Group], stage: RubricStage) -> list[Group]:
    """The groups, with the rubrics that are accepted for their prompts. What an earlier run asked is not asked again.

    Four funnels account for all: `rubric items` (proposed by the writer), `rubric verdicts` (of the judge), `rubric
    pairs` (of known order: those that are judged right are fit to train a judge on) and `rubrics` (one for a prompt).
    Without a writer, or without a judge, those of theirs are left out.
    """
    books = Books(run=run)
    prompts = [group.prompt for group in groups]
    orders = known_orders(run.lake, prompts, stage.order) if stage.judge else {}
    ranked = [(prompt, orders.get(prompt.prompt_id, ())) for prompt in prompts]
    drafts = stored(books, ranked) if stage.stored else []
    found = {draft.prompt.prompt_id for draft in drafts}
    lacking = [(prompt, best_first) for prompt, best_first in ranked if prompt.prompt_id not in found]
    if stage.writer:
        drafts += sound(books, write(books, stage.writer, writable(books, stage.writer, lacking)))
    else:
        books.drop_all(lacking, "no_stored_rubric")
    decide(books, stage, drafts)
    books.close(len(groups))
    return [replace(group, rubric=books.accepted.get(group.prompt.prompt_id)) for group in groups]


@dataclass(kw_only=True)
class Books:
    """What becomes of the prompts: a rubric each, or one reason why there is none."""

    run: Run
    accepted: dict[str, Rubric] = field(default_factory=dict)
    """By prompt id."""
    rejected: list[Rubric] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)

    def drop(self, kind: str, row_id: str, reason: str) -> None:
        """Note why a prompt gets no rubric, and the row that shows it."""
        self.drops.append(Drop.of("rubrics", kind, reason, row_id=row_id, run_id=self.run.run_id))

    def drop_all(self, ranked: Iterable[Ranked], reason: str) -> None:
        """Note why prompts get no rubric."""
        for prompt, _ in ranked:
            self.drop("prompt", prompt.prompt_id, reason)

    def add(self, rubric: Rubric) -> None:
        """Note what was decided on the rubric of a prompt."""
        if rubric.accepted:
            self.accepted[rubric.prompt_id] = rubric
        else:
            self.rejected.append(rubric)
            self.drop("rubric", rubric.rubric_id, str(rubric.reason))

    def close(self, n_prompts: int) -> None:
        """Store it all."""
        rubrics = [*self.accepted.values(), *self.rejected]
        items = [item for rubric in rubrics for item in rubric.item_rows()]
        self.run.lake.append((RUBRICS, RUBRICS.rows(rubrics)), (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(items)))
        _account(self.run, "rubrics", "prompts", read=n_prompts, kept=len(self.accepted), drops=self.drops)


def _account(run: Run, stage: str, unit: str, *, read: int, kept: int, drops: Sequence[Drop]) -> None:
    """Store drops, and the funnel of their stage."""
    run.lake.append((DROPS, DROPS.rows(drops)))
    run.finish(Funnel.of(stage, unit, read=read, kept=kept, drops=drops))


def stored(books: Books, ranked: Iterable[Ranked]) -> list[Draft]:
    """The rubrics in force of the prompts that have one."""
    best_first = {prompt.prompt_id: (prompt, answers) for prompt, answers in ranked}
    rubrics = in_force(stored_rubrics(books.run.lake, best_first))
    return [
        Draft(rubric=rubrics[prompt_id], prompt=prompt, best_first=answers)
        for prompt_id, (prompt, answers) in best_first.items()
        if prompt_id in rubrics
    ]


def writable(books: Books, writer: RubricWriter, ranked: Sequence[Ranked]) -> list[Ranked]:
    """The prompts about which the writer has something to write; one that contrasts answers needs their order."""
    if not writer.contrasts:
        return list(ranked)
    books.drop_all([one for one in ranked if not one[1]], "no_known_order")
    return [one for one in ranked if one[1]]


def write(books: Books, writer: RubricWriter, ranked: Sequence[Ranked]) -> list[Draft]:
    """A checked draft for every prompt for which the writer's reply can be read."""
    run, unread = books.run, list[Question]()
    orders = {prompt.prompt_id: best_first for prompt, best_first in ranked}
    asked = partial(_to_write, writer, ranked, run.recipe.seed)
    drafts: list[Draft] = []
    drops: list[Drop] = []
    proposed = 0
    answering = partial(answer, run, served(run, writer.model), f"write rubrics {writer.model}")
    for question, answered in replies(asked, unread, answering):
        try:
            said = writer.read(answered)
        except Unreadable as fault:
            if again := writer.again(question, [fault.failure]):
                unread.append(again)
            else:
                books.drop("call", answered.call_id, fault.failure)
            continue
        draft, dropped = drafted(writer, question, answered, said, orders[question.prompt.prompt_id])
        drafts.append(draft)
        drops.extend(dropped)
        proposed += len(said)
    kept = sum(len(draft.rubric.items) for draft in drafts)
    _account(run, "rubric items", "items", read=proposed, kept=kept, drops=drops)
    return drafts


def _to_write(writer: RubricWriter, ranked: Iterable[Ranked], seed: int) -> Iterator[Question]:
    return (writer.question_about(prompt, best_first, seed) for prompt, best_first in ranked)


def sound(books: Books, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts that a judge may try: what somebody has made of them since, else those that passed the checks."""
    stored = stored_rubrics(books.run.lake, [draft.prompt.prompt_id for draft in drafts])
    found: list[Draft] = []
    for draft in drafts:
        last = newest(draft.rubric, stored)
        if last.rubric_id != draft.rubric.rubric_id or draft.rubric.accepted:
            found.append(replace(draft, rubric=last))
        else:
            books.add(draft.rubric)
    return found


def decide(books: Books, stage: RubricStage, drafts: Sequence[Draft]) -> None:
    """Have the judge apply every rubric to the pairs of known order, and keep those with which it finds it again.

    A rubric for whose prompt no order is known stays as it is, and so do all without a judge.
    """
    for draft in drafts:
        if not (stage.judge and draft.known):
            books.add(draft.rubric)
    if stage.judge:
        _decide_by(stage.judge, books, stage, [draft for draft in drafts if draft.known])


def _decide_by(asked: RubricJudge, books: Books, stage: RubricStage, drafts: Sequence[Draft]) -> None:
    run = books.run
    verdicts = judge(run, asked, drafts)
    drops: list[Drop] = []
    read = 0
    for draft in drafts:
        rubric_id = draft.rubric.rubric_id
        if outage := verdicts.outages.get(rubric_id):
            books.drop("rubric", rubric_id, outage)
            continue
        checked_by = _who(run, asked, stage.tau, draft)
        rubric, dropped = decided(
            draft, verdicts.on(rubric_id), tau=stage.tau, checked_by=checked_by, run_id=run.run_id
        )
        books.add(rubric)
        drops.extend(dropped)
        read += len(draft.known)
    _account(run, "rubric pairs", "pairs", read=read, kept=read - len(drops), drops=drops)


def _who(run: Run, judge: RubricJudge, tau: float, draft: Draft) -> str:
    """Names all that a decision on a rubric depends on."""
    known = [response.response_id for response in draft.best_first]
    facts = content_id(judge.spec(), served(run, judge.model).key, run.recipe.seed, tau, known)
    return f"{judge.name}:{judge.model}:{facts[:8]}"


def judge(run: Run, judge: RubricJudge, drafts: Sequence[Draft]) -> Verdicts:
    """What a judge says of the drafts' pairs; its verdicts are stored as votes and scores, and are no labels."""
    verdicts, hearing = Verdicts(), Hearing(run=run, stage="rubric verdicts")
    hearing.ask(judge.model, partial(_to_judge, judge, drafts, run.recipe.seed), verdicts.add)
    hearing.end()
    return verdicts


def _to_judge(judge: RubricJudge, drafts: Iterable[Draft], seed: int) -> Iterator[Question]:
    return (question for draft in drafts for question in judge.asked(draft.group, seed))
