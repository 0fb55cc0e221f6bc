"""What a principle-following reward model is trained on: pairs of the two words that answer a question (RLBFF).

A pair's prompt is the question whether a response meets a principle, as the judge `binary_principle` would ask it; its
chosen response is the right word and its rejected one the other. The feedback is no part of it: later there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from curation.asking import Group
from curation.judges.binary_principle import BinaryPrinciple
from curation.pairing import MEMBERS
from schemas.datasets import TREATMENT, Member
from schemas.ids import split_of
from schemas.pairs import Pair
from schemas.principles import Met
from schemas.prompts import Prompt
from schemas.responses import Response

OP = "principle"
"""What made the prompt of a question out of the one that was answered; its parent is that."""
SOURCE = "/principles"
"""What the source of a question ends with: it is not asked of models as if it were a prompt of the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What consensus says of a response under a principle."""

    prompt: Prompt
    response: Response
    principle: str
    label: Met


@dataclass(frozen=True, slots=True, kw_only=True)
class Questioned:
    """A verdict as a pair: rows of `prompts`, `responses` and `pairs`, and its place in a version."""

    prompt: Prompt
    responses: tuple[Response, Response]
    pair: Pair
    member: Member


def questioned(judge: BinaryPrinciple, verdict: Verdict, decided_by: str, seed: int, run_id: str) -> Questioned:
    """The pair of a verdict, in the split of the prompt that was answered.

    Raises ValueError for `partially`, which has no word.
    """
    if verdict.label == "partially":
        raise ValueError(f"{verdict.principle!r} is met partially: a pair answers yes or no")
    asked, answer = verdict.prompt, verdict.response
    group = Group(prompt=asked, responses=(answer,))
    question = judge.question(group, [answer], about=verdict.principle, seed=seed).request
    source = asked.source + SOURCE
    prompt = Prompt.of(
        question.messages, source=source, license=asked.license, parent_id=asked.prompt_id, op=OP, run_id=run_id
    )
    words = (judge.yes, judge.no) if verdict.label == "yes" else (judge.no, judge.yes)
    right, wrong = (Response.of(prompt.prompt_id, model=OP, text=word, source=source, run_id=run_id) for word in words)
    pair = Pair.of((prompt.prompt_id, right.response_id), (prompt.prompt_id, wrong.response_id), run_id)
    split = "test" if split_of(asked.prompt_id) == "test" else "train"
    member = Member(pair_id=pair.pair_id, split=split, rule=OP, label_source=decided_by)
    return Questioned(prompt=prompt, responses=(right, wrong), pair=pair, member=member)


def members_of(found: Sequence[Questioned]) -> pa.Table:
    """Their TREATMENT columns."""
    rows = [{name: asdict(one.member)[name] for name in TREATMENT} for one in found]
    return pa.Table.from_pylist(rows, schema=MEMBERS)
