"""The rubric stage from the known order to stored rubrics, against a server that says what the case needs."""

import json
from dataclasses import replace
from itertools import pairwise
from urllib.request import urlopen

import pytest

from curation.asking import Group
from curation.engines.openai import OpenAI
from curation.judges.rubric import RubricJudge
from curation.ledger import plan
from curation.rubrics.edits import edit
from curation.rubrics.settings import RubricStage
from flows.recipe import Recipe
from flows.rubrics import rubrics_for
from flows.run import Run, served
from schemas.calls import CALLS
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, RubricItem
from schemas.runs import RUNS
from schemas.scores import SCORES
from schemas.votes import VOTES, Vote
from tests.servers.start import server

pytestmark = pytest.mark.slow

GOOD = [
    ("hard", "The response stays under the length that the request sets."),
    ("principle", "The response prefers an everyday comparison to formal notation."),
]
POINTING = [("principle", "The response is as friendly as Response A."), ("hard", "The first answer is short.")]
FACT = [("principle", "The response mentions the walrus.")]
MUMBLE = "Sure! Here is a rubric."

ORDERS = {
    "short poem": ("fair lines", "a walrus with long dull lines"),
    "pointing": ("good one", "bad one"),
    "misleading": ("right one", "wrong one"),
    "unvoted": ("some words", "other words"),
    "mumbled": ("clear words", "unclear words"),
    "three": ("the best text", "the middle text", "the worst text"),
}
"""By a mark in the prompt: answers from best to worst."""


def written(items):
    return json.dumps({"differences": "They differ.", "items": [{"kind": kind, "text": text} for kind, text in items]})


def judged(better, worse, met=2):
    """A reply that names `better` the winner; it meets every item, and `worse` all but the last of `met`."""
    every, some = (
        {str(n): {"evidence": "Seen.", "met": n <= most} for n in range(1, met + 1)} for most in (met, met - 1)
    )
    first = {"gatekeeper": {"item": 1, "reason": "Both are short."}}
    items = {f"LABEL:{better};": every, f"LABEL:{worse};": some}
    return json.dumps({**first, "items": items, "summary": "It meets more.", "winner": f"LABEL:{better};"})


def rule(*about, reply):
    return {"about": about, "reply": reply}


WRITE, JUDGE = "You write the rubric", "by a rubric"
SCRIPT = [
    rule(WRITE, "short poem", reply=written([*GOOD, *FACT])),
    rule(WRITE, "pointing", reply=written(POINTING)),
    rule(WRITE, "mumbled", reply=MUMBLE),
    rule(WRITE, reply=written(GOOD)),
    rule(JUDGE, "short poem", reply=judged("fair lines", "a walrus")),
    rule(JUDGE, "misleading", reply=judged("wrong one", "right one")),
    rule(JUDGE, "best text", "middle text", reply=judged("the best text", "the middle text")),
    rule(JUDGE, "best text", "worst text", reply=judged("the best text", "the worst text")),
    rule(JUDGE, "middle text", "worst text", reply=judged("the worst text", "the middle text")),
]


@pytest.fixture
def url(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    with server("scripted.py", tmp_path / "script.json") as started:
        yield started


@pytest.fixture
def calls(url):
    """How many calls the server has answered."""
    return lambda: json.load(urlopen(url.replace("/v1", "/total")))


@pytest.fixture
def recipe(url):
    return Recipe.model_validate({"name": "r", "engine": {"name": "openai", "base_urls": [url]}, "seed": 3})


@pytest.fixture
def stage():
    return RubricStage.model_validate(
        {
            "writer": {"name": "contrastive", "model": "author"},
            "judge": {"name": "rubric", "model": "critic"},
            "order": {"answers": 3},
        }
    )


@pytest.fixture
def groups(lake):
    """Prompts with answers, and a person's vote on each two neighbours and on the ends."""
    made, votes = [], []
    for mark, texts in ORDERS.items():
        prompt = Prompt.of(user(f"Write a {mark} thing."), source="hand")
        best_first = [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in texts]
        made.append(Group(prompt=prompt, responses=tuple(sorted(best_first, key=lambda r: r.response_id))))
        if mark != "unvoted":
            votes += [vote(prompt, *pair) for pair in pairwise(best_first)]
            votes += [vote(prompt, best_first[0], best_first[-1])]
    lake.append(
        (PROMPTS, PROMPTS.rows([group.prompt for group in made])),
        (RESPONSES, RESPONSES.rows([response for group in made for response in group.responses])),
        (VOTES, VOTES.rows(votes)),
    )
    return made


def vote(prompt, better, worse):
    return Vote.of(
        prompt_id=prompt.prompt_id, shown_first=worse.response_id, shown_second=better.response_id,
        winner=better.response_id, record="line", annotator="ann", annotator_kind="human", source="hand",
    )  # fmt: skip


@pytest.fixture
def staged(lake, recipe, groups, stage, prefect_api):
    """Runs the stage anew; returns the rubric of each prompt by its mark, and the run."""

    def once(**changes):
        run = Run(lake=lake, recipe=recipe)
        done = rubrics_for(run, groups, stage.model_copy(update=changes))
        assert [group.prompt for group in done] == [group.prompt for group in groups]
        return dict(zip(ORDERS, [group.rubric for group in done], strict=True)), run

    return once


def ask(lake, sql):
    return lake.con.execute(sql).fetchall()


def everything(lake):
    """All rows but those of runs, which are one more for each run."""
    return {table.name: lake.read(table).to_pylist() for table in (RUBRICS, RUBRIC_ITEMS, VOTES, SCORES, CALLS)}


PAIRS = 1 + 1 + 3
"""Short poem, misleading, three: what the judge compares, each pair in both orders."""
CALLS_MADE = 4 + 3 + 2 * PAIRS
"""The writer's, of which the mumbled one is tried three times, and the judge's."""


def test_every_prompt_gets_a_rubric_or_a_reason(lake, staged, calls):
    rubrics, run = staged()
    assert {mark: rubric and rubric.agreement for mark, rubric in rubrics.items()} == {
        "short poem": 1.0,
        "pointing": None,
        "misleading": None,
        "unvoted": None,
        "mumbled": None,
        "three": pytest.approx(2 / 3),
    }
    assert calls() == CALLS_MADE
    assert {funnel.stage: (funnel.read, funnel.kept, dict(funnel.dropped)) for funnel in run.funnels} == {
        "rubric items": (9, 6, {"names_a_fact": 1, "points_at_an_answer": 1, "not_about_the_response": 1}),
        "rubric verdicts": (2 * PAIRS * 5, 2 * PAIRS * 5, {}),
        "rubric pairs": (5, 3, {"rubric_rejected": 1, "judged_wrong": 1}),
        "rubrics": (6, 2, {"no_known_order": 1, "too_few_items": 1, "low_agreement": 1, "unparsable": 1}),
    }
    assert sum(row["calls_made"] for row in lake.read(RUNS).to_pylist()) == CALLS_MADE

    decided = "select reason, accepted, agreement, split_part(checked_by, ':', 1), writer from rubrics order by all"
    assert ask(lake, decided) == [
        ("low_agreement", False, 0.0, "rubric", "contrastive:author"),
        ("too_few_items", False, None, "checks", "contrastive:author"),
        (None, True, pytest.approx(2 / 3), "rubric", "contrastive:author"),
        (None, True, 1.0, "rubric", "contrastive:author"),
    ]
    items = "select number, kind, text from rubric_items where rubric_id = $id order by number"
    good = lake.con.execute(items, {"id": rubrics["short poem"].rubric_id}).fetchall()
    assert good == [(number, *item) for number, item in enumerate(GOOD, 1)]
    assert ask(lake, "select count(*) from rubric_items") == [(6,)]
    assert ask(lake, "select stage, reason, detail from drops where row_kind = 'item' order by all") == [
        ("rubric items", "names_a_fact", FACT[0][1]),
        ("rubric items", "not_about_the_response", POINTING[1][1]),
        ("rubric items", "points_at_an_answer", POINTING[0][1]),
    ]
    assert ask(lake, "select count(*) from votes where annotator = 'rubric:critic'") == [(2 * PAIRS,)]
    met = "select value, count(*) from scores where aspect like $like group by value order by value"
    rubric_id = rubrics["short poem"].rubric_id
    assert lake.con.execute(met, {"like": f"{rubric_id}:2"}).fetchall() == [(0.0, 2), (1.0, 2)]
    assert lake.con.execute(met, {"like": f"{rubric_id}:1"}).fetchall() == [(1.0, 4)]


def test_a_second_run_asks_nothing_and_adds_nothing(lake, staged, calls):
    rubrics, _ = staged()
    stored, made = everything(lake), calls()
    again, run = staged()
    assert {mark: rubric and rubric.rubric_id for mark, rubric in again.items()} == {
        mark: rubric and rubric.rubric_id for mark, rubric in rubrics.items()
    }
    assert calls() == made
    assert everything(lake) == stored
    assert sum(row["calls_made"] for row in lake.read(RUNS).to_pylist() if row["run_id"] == run.run_id) == 0


def test_prompts_without_an_order_are_not_asked_about(lake, recipe, groups, stage, calls):
    run = Run(lake=lake, recipe=recipe)
    (unvoted,) = [group for group in groups if "unvoted" in group.prompt.messages[0]["content"]]
    assert rubrics_for(run, [unvoted], stage) == [unvoted]
    assert calls() == 0
    assert [(funnel.stage, funnel.read) for funnel in run.funnels] == [
        ("rubric items", 0), ("rubric verdicts", 0), ("rubric pairs", 0), ("rubrics", 1),
    ]  # fmt: skip


def test_a_stricter_filter_decides_anew_without_a_call(lake, staged, calls):
    staged()
    made = calls()
    rubrics, _ = staged(tau=0.67)
    assert [mark for mark, rubric in rubrics.items() if rubric] == ["short poem"]
    assert calls() == made
    three = "select accepted from rubrics where agreement between 0.5 and 0.9 order by accepted"
    assert ask(lake, three) == [(False,), (True,)]  # both decisions stay


def test_only_the_prompt_of_a_changed_rubric_is_judged_again(lake, staged, groups, recipe, stage, calls):
    rubrics, _ = staged()
    old = rubrics["short poem"]
    prompt = groups[0].prompt
    changed = edit(lake, old, [*old.items, RubricItem(kind="hard", text="The response rhymes.")], "ann")
    assert (changed.parent_id, changed.writer) == (old.rubric_id, "ann")

    stored = [rubric for rubric in rubrics.values() if rubric and rubric is not old]
    by_prompt = {rubric.prompt_id: rubric for rubric in [*stored, changed]}
    judged = [replace(group, rubric=by_prompt.get(group.prompt.prompt_id)) for group in groups]
    critic = served(Run(lake=lake, recipe=recipe), "critic")
    todo = plan(lake, critic, lambda: (q.request for group in judged for q in stage.judge.asked(group, recipe.seed)))
    assert {json.loads(request.subject)["prompt_id"] for request in todo.asked()} == {prompt.prompt_id}
    assert (todo.missing, todo.reused) == (2, 6)

    made = calls()
    again, _ = staged(judge=RubricJudge(model="critic", tries=1))
    assert calls() == made + 2
    assert again["short poem"] is None  # the scripted judge speaks of two items, and there are three
    assert again["three"].agreement == rubrics["three"].agreement
    failures = "select distinct failure from votes where failure is not null"
    assert ask(lake, failures) == [("wrong_item_count",)]


def test_an_outage_decides_nothing(lake, recipe, groups, stage, tmp_path, prefect_api, calls):
    """The judge is down: nothing is stored of its rubrics, and the next run asks for what is missing."""
    (tmp_path / "down.json").write_text(json.dumps([{"about": [JUDGE], "status": 503}, *SCRIPT]))
    with server("scripted.py", tmp_path / "down.json") as down:
        engine = OpenAI(base_urls=(down,), max_retries=0)
        first = Run(lake=lake, recipe=recipe.model_copy(update={"engine": engine}))
        assert not any(group.rubric for group in rubrics_for(first, groups, stage))
    assert ask(lake, "select reason from rubrics") == [("too_few_items",)]
    assert ask(lake, "select reason from drops where row_kind = 'rubric' order by reason") == [
        ("too_few_items",),
        *[("upstream_error",)] * 3,
    ]
    assert first.funnels[-1].dropped["upstream_error"] == 3
    done = rubrics_for(Run(lake=lake, recipe=recipe), groups, stage)
    assert sum(group.rubric is not None for group in done) == 2
