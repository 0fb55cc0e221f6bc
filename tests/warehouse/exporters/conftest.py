"""A version with awkward texts, and its way through a file into an empty warehouse."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from curation.importers import IMPORTERS
from curation.importing import Imported, import_paths
from schemas.calls import CALLS, Call
from schemas.datasets import DatasetVersion
from schemas.pairs import Pair, pair_id_of
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric, RubricItem
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.rows import draft
from warehouse.exporters import EXPORTERS, export_folder
from warehouse.lake import Lake
from warehouse.origins import Arrivals
from warehouse.versions import publish

CHAT = [
    {"role": "system", "content": "Be brief.\n"},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": ""},
    {"role": "user", "content": "Say \"x\", 'y' and \\n."},
]
TEXTS = [
    ("plain", "other"),
    ("two\nlines\r\n", "\ttabs "),
    ("ünïcödé 漢字 🦜", "\u2028separator\u2029"),
    ("", "empty won"),
    ("a,b;\"c\"", "{\"json\": [1]}"),
    ("\u0000 nul", "\x1f unit"),
]  # fmt: skip


@dataclass(kw_only=True)
class Source:
    """A warehouse with a published version."""

    lake: Lake
    version: DatasetVersion

    def export(self, folder: Path, name: str, **settings: object):
        return export_folder(self.lake, self.version, folder, EXPORTERS.build({"name": name, **settings}))


def prompts() -> list[Prompt]:
    asked = [
        Prompt.of(user(f"Question {i}: {good}?"), source="hand", license="MIT") for i, (good, _) in enumerate(TEXTS)
    ]
    return [*asked[:-1], Prompt.of(CHAT, source="hand", license="MIT")]


def sides_of(prompt: Prompt, texts: tuple[str, str]) -> list[Response]:
    return [Response.of(prompt.prompt_id, model=m, text=t, source="hand") for m, t in zip("mn", texts, strict=True)]


def pair_of(better: Response, worse: Response) -> Pair:
    ids = (better.prompt_id, better.response_id, worse.prompt_id, worse.response_id)
    return Pair(
        pair_id=pair_id_of(*ids),
        prompt_id=ids[0], chosen_id=ids[1], rejected_prompt_id=ids[2], rejected_id=ids[3],
    )  # fmt: skip


def score(response: Response, aspect: str, value: float | None, hi: float = 5.0) -> Score:
    return Score(
        call_id=f"call-{response.response_id}", response_id=response.response_id, judge="j", judge_version="1",
        aspect=aspect, value=value, scale_lo=1.0, scale_hi=hi, rationale=f"{aspect} because",
    )  # fmt: skip


ITEMS = (
    RubricItem(kind="hard", text='The response says one "word".'),
    RubricItem(kind="principle", text="The response is calm.", weight=2.0),
)


ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")


def vote(sides: list[Response], winner: int | None, **facts: object) -> Vote:
    """A person's vote on two answers in the order shown; `winner` is a place among them."""
    ids = [side.response_id for side in sides]
    known = {"annotator": "hand/1", "annotator_kind": "human", "source": "hand", "strength": 2.0, **facts}
    record = str(known.pop("record", f"{known['annotator']} {ids}"))
    return Vote.of(
        prompt_id=sides[0].prompt_id, shown_first=ids[0], shown_second=ids[1],
        winner=None if winner is None else ids[winner], record=record, **known,
    )  # fmt: skip


def rubric_of(prompt: Prompt, **facts: object) -> Rubric:
    """An accepted rubric for a prompt."""
    known = {"writer": "contrastive:w", "writer_version": "1", "agreement": 1.0, "checked_by": "rubric:j", **facts}
    return Rubric.of(prompt.prompt_id, known.pop("items", ITEMS), **known)


def rubric_reply(rubric: Rubric, shown: list[Response], winner: Response | None, **facts: object) -> tuple[Call, Vote]:
    """A rubric judge's reply on two answers in the order shown, and the vote read in it."""
    ids = [side.response_id for side in shown]
    call_id = f"judged {rubric.rubric_id} {ids}"
    call = Call(
        call_id=call_id, status="ok", purpose="judge:rubric", engine="e", model="j", model_revision="", tries=1,
        subject=json.dumps({"about": f"{rubric.rubric_id}:{len(rubric.items)}", "shown": ids}),
        request=json.dumps({"messages": [{"role": "user", "content": f"By the rubric: {shown[0].text!r} or else?"}]}),
        raw_text=json.dumps({"winner": winner and winner.response_id}), finish_reason="stop",
        prompt_tokens=9, completion_tokens=3,
    )  # fmt: skip
    vote = Vote.of(
        prompt_id=rubric.prompt_id, shown_first=ids[0], shown_second=ids[1], winner=winner and winner.response_id,
        record=call_id, annotator="rubric:j", annotator_kind="ai", annotator_version="1", source="judge",
        call_id=call_id, **facts,
    )  # fmt: skip
    return call, vote


def store_rubrics(lake: Lake, rubrics: list[Rubric], replies: list[tuple[Call, Vote]]) -> None:
    """Rubrics with their items, and what a judge said by them."""
    items = [row for rubric in rubrics for row in rubric.item_rows()]
    lake.append(
        (RUBRICS, RUBRICS.rows(rubrics)),
        (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(items)),
        (CALLS, CALLS.rows([call for call, _ in replies])),
        (VOTES, VOTES.rows([vote for _, vote in replies])),
    )


def become_known_later(lake: Lake) -> None:
    """Say more about the answers of `source`: ratings, votes, a rubric, facts, and another licence and source."""
    asked = prompts()
    answered = [sides_of(prompt, texts) for prompt, texts in zip(asked, TEXTS, strict=True)]
    flat = [side for both in answered for side in both]
    scores = [replace(score(side, "honesty", 1.0), judge="late", call_id=f"late-{side.response_id}") for side in flat]
    scores += [replace(score(side, "overall", 1.0, hi=10.0), judge_version="2") for side in flat]
    votes = [vote(both, 1, annotator="hand/3", justification="No.") for both in answered]
    again = [replace(prompt, source="elsewhere", license="GPL-3.0", correct_answers=("yes",)) for prompt in asked]
    Arrivals(lake).append((PROMPTS, PROMPTS.rows(again)), (SCORES, SCORES.rows(scores)), (VOTES, VOTES.rows(votes)))
    rubrics = [rubric_of(prompt, writer_version="2", items=ITEMS[:1]) for prompt in asked]
    replies = [rubric_reply(one, both, both[0]) for one, both in zip(rubrics, answered, strict=True)]
    store_rubrics(lake, rubrics, replies)


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """One comparison for each of TEXTS, all with margin 2, chosen by model m, with scores; the first has a rubric.

    Two people voted on each: the first for what is chosen, the second, who saw it second, for none.
    """
    lake = Lake.create(tmp_path_factory.mktemp("source") / "warehouse")
    asked = prompts()
    answered = [sides_of(prompt, texts) for prompt, texts in zip(asked, TEXTS, strict=True)]
    flat = [side for both in answered for side in both]
    scores = [score(side, "honesty", 4.0 if side.model == "m" else 2.0) for side in flat]
    scores += [score(side, "overall", 8.0 if side.model == "m" else 3.0, hi=10.0) for side in flat]
    scores += [score(side, "truthfulness", None) for side in flat]
    scores += [score(side, aspect, 5.0) for side in flat for aspect in ATTRIBUTES]
    votes = [vote(both, 0, justification="It is\nbetter.") for both in answered]
    votes += [vote(both[::-1], None, annotator="hand/2", strength=0.0) for both in answered]
    lake.append((PROMPTS, PROMPTS.rows(asked)), (RESPONSES, RESPONSES.rows(flat)))
    lake.append((SCORES, SCORES.rows(scores)), (VOTES, VOTES.rows(votes)))
    rubric = rubric_of(asked[0])
    store_rubrics(lake, [rubric], [rubric_reply(rubric, answered[0], answered[0][0])])
    version = publish(lake, draft([pair_of(*both) for both in answered], margin=2.0)).version
    with lake:
        yield Source(lake=lake, version=version)


@pytest.fixture
def bring(lake):
    """Import a folder into an empty warehouse; returns the warehouse and what the import said."""

    def run(folder: Path, name: str, **settings: object) -> tuple[Lake, Imported]:
        return lake, import_paths(lake, IMPORTERS.build({"name": name, **settings}), [folder])

    return run


def comparisons(lake: Lake) -> set[tuple[str, str, str, float | None]]:
    """(prompt, better, worse, strength) of all votes; ids are hashes, so equal ids are equal texts and models."""
    rows = lake.con.execute("""
        select prompt_id, case verdict when 'a' then response_a else response_b end,
            case verdict when 'a' then response_b else response_a end, strength
        from votes where verdict != 'tie'
    """).fetchall()
    return set(rows)


def members(source: Source, margin: float | None = 2.0) -> set[tuple[str, str, str, float | None]]:
    rows = source.lake.con.execute("select prompt_id, chosen_id, rejected_id from pairs").fetchall()
    return {(*row, margin) for row in rows}


def ballots(lake: Lake, *columns: str) -> Counter[tuple[object, ...]]:
    """These columns of people's votes, one vote each: both answers in the order shown, who won, and what else."""
    rows = lake.con.execute(f"""
        select {", ".join(columns)} from (
            select
                cast(p.messages as varchar) as prompt, v.annotator, v.strength, v.justification,
                one.text as first, one.model as first_model, two.text as second, two.model as second_model,
                case when v.verdict = 'tie' then null when (v.verdict = 'a') = (shown_first = response_a)
                then one.text else two.text end as winner
            from votes as v
            join prompts as p using (prompt_id)
            join responses as one on one.response_id = v.shown_first
            join responses as two on two.response_id = if(shown_first = response_a, response_b, response_a)
            where v.annotator_kind = 'human'
        )
    """).fetchall()
    return Counter(rows)
