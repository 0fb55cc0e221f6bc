"""Principles from feedback: ask the extractor, check, decide, store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from curation.asking import Question, Unreadable
from curation.principles import Feedback
from curation.principles.consensus import TARGET_SHARE, Vectors, supports, theta_for
from curation.principles.stage import STAGE, PrincipleStage, Read, principles_of
from flows.models import model_path
from flows.run import Run, answer, replies, served
from schemas.drops import DROPS, Drop
from schemas.errors import InputError
from schemas.funnel import Funnel
from schemas.principles import PRINCIPLES, Principle
from schemas.prompts import Prompt
from schemas.responses import Response
from warehouse.lake import Lake


def find_principles(run: Run, stage: PrincipleStage, prompts: Sequence[Prompt]) -> str:
    """Read all feedback on the prompts' responses into principles, and store which are kept.

    Returns the `checked_by` of these decisions. The same feedback under the same settings makes no call and adds no
    row.
    """
    read = extract(run, stage, prompts)
    principles, drops = principles_of(stage, read, run.run_id)
    path = model_path(stage.embedder.model)
    checked_by = stage.checked_by(stage.embedder.revision(path), [one.evidence for one in read])
    decided = stage.decided(principles, annotators_of(read), vectors_of(stage, principles, path))
    rows = [replace(one, checked_by=checked_by) for one in decided]
    drops += [
        Drop.of(STAGE, "principle", one.reason, row_id=one.principle_id, run_id=run.run_id)
        for one in rows
        if one.reason
    ]
    run.lake.append((PRINCIPLES, PRINCIPLES.rows(rows)), (DROPS, DROPS.rows(drops)))
    items = sum(len(one.said) for one in read)
    run.finish(Funnel.of(STAGE, "principles", read=items, kept=sum(one.kept for one in rows), drops=drops))
    return checked_by


def tuned_theta(run: Run, stage: PrincipleStage, prompts: Sequence[Prompt], share: float = TARGET_SHARE) -> float:
    """The threshold at which this embedder keeps `share` of the principles whose quotes are found. Stores none.

    Raises ValueError when no response has feedback by several people.
    """
    read = extract(run, stage, prompts)
    principles, _ = principles_of(stage, read, run.run_id)
    vectors = vectors_of(stage, principles, model_path(stage.embedder.model))
    return theta_for(supports(principles, annotators_of(read), vectors), share)


def annotators_of(read: Sequence[Read]) -> dict[str, set[str]]:
    """All who gave feedback, by response id."""
    found: dict[str, set[str]] = {}
    for one in read:
        found.setdefault(one.feedback.response_id, set()).add(one.feedback.annotator)
    return found


def vectors_of(stage: PrincipleStage, principles: Sequence[Principle], path: str) -> Vectors:
    """The embeddings of all names that are compared."""
    names = sorted({*(one.principle for one in principles if one.kept), *stage.general})
    return dict(zip(names, stage.embedder.embed(names, path), strict=True))


def extract(run: Run, stage: PrincipleStage, prompts: Sequence[Prompt]) -> list[Read]:
    """What every feedback on the prompts' responses says, in a fixed order; a useless reply is asked for again."""
    feedback = feedback_on(run.lake, stage, prompts)
    if not feedback:
        raise InputError("The prompts' responses have no feedback in words; import some, or name other `aspects`.")
    extractor = stage.extractor
    by_id = {one.feedback_id: one for one in feedback}
    found: dict[str, Read] = {}
    unread: list[Question] = []
    asked = partial(_questions, run, stage, prompts, feedback)
    answering = partial(answer, run, served(run, extractor.model), f"principles {extractor.model}")
    for question, answered in replies(asked, unread, answering):
        feedback_id = question.subject.about
        read_as = partial(Read, feedback=by_id[feedback_id], call_id=answered.call_id, status=answered.status)
        try:
            found[feedback_id] = read_as(said=tuple(extractor.read(question.subject, answered)))
        except Unreadable as fault:
            found[feedback_id] = read_as(failure=fault.failure)
            if again := extractor.again(question, [fault.failure]):
                unread.append(again)
    read = [found[one.feedback_id] for one in feedback]
    drops = [
        Drop.of("extract", "feedback", one.failure, row_id=one.call_id, run_id=run.run_id)
        for one in read
        if one.failure
    ]
    run.lake.append((DROPS, DROPS.rows(drops)))
    run.finish(Funnel.of("extract", "feedback", read=len(read), kept=len(read) - len(drops), drops=drops))
    return read


def _questions(
    run: Run, stage: PrincipleStage, prompts: Sequence[Prompt], feedback: Sequence[Feedback]
) -> Iterator[Question]:
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    responses = {row["response_id"]: Response(**row) for row in _ask(run.lake, "responses_to", prompts)}
    for one in feedback:
        prompt, response = by_id[one.prompt_id], responses[one.response_id]
        yield stage.extractor.about(one, prompt, response, run.recipe.seed)


def feedback_on(lake: Lake, stage: PrincipleStage, prompts: Sequence[Prompt]) -> list[Feedback]:
    """What the warehouse holds in words about the prompts' responses, in a fixed order."""
    rows = _ask(lake, "feedback", prompts, aspects=list(stage.aspects), justifications=stage.justifications)
    return [Feedback(**row) for row in rows]


def _ask(lake: Lake, query: str, prompts: Sequence[Prompt], **parameters: object) -> list[dict[str, Any]]:
    ids = pa.table({"prompt_id": pa.array([prompt.prompt_id for prompt in prompts], pa.string())})
    return lake.ask(query, prompts_in=ids, **parameters).to_pylist()
