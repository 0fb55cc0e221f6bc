import json
from dataclasses import replace

import pyarrow as pa
import pytest

from schemas.calls import CALLS
from schemas.errors import WarehouseError
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.votes import VOTES
from tests.rows import draft
from tests.warehouse.exporters.conftest import pair_of, rubric_of, rubric_reply, store_rubrics
from warehouse.exporters import export_folder
from warehouse.exporters.rubric_judge import RubricJudge
from warehouse.versions import publish


@pytest.fixture
def asked():
    return [Prompt.of(user(f"Ask {n}."), source="hand") for n in range(3)]


@pytest.fixture
def answered(asked):
    """A good and a bad answer to each prompt."""
    return [
        [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in ("good", "bad")]
        for prompt in asked
    ]


@pytest.fixture
def version(lake, asked, answered):
    lake.append((PROMPTS, PROMPTS.rows(asked)), (RESPONSES, RESPONSES.rows([one for both in answered for one in both])))
    return publish(lake, draft([pair_of(*both) for both in answered])).version


def export(lake, version, folder):
    done = export_folder(lake, version, folder, RubricJudge(), lake.snapshot())
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return done.funnel, [json.loads(line) for line in lines]


def test_a_row_is_what_was_asked_and_a_right_reply(lake, asked, answered, version, tmp_path):
    """Right in one order and wrong in the other; a tie and an unread reply; a rubric that was not accepted."""
    (good, bad), (fine, poor), (well, ill) = answered
    rubrics = [rubric_of(asked[0]), rubric_of(asked[1]), rubric_of(asked[2], accepted=False, agreement=0.0)]
    replies = [
        rubric_reply(rubrics[0], [good, bad], good),
        rubric_reply(rubrics[0], [bad, good], bad),
        rubric_reply(rubrics[1], [fine, poor], None),
        rubric_reply(rubrics[1], [poor, fine], None, failure="wrong_item_count"),
        rubric_reply(rubrics[2], [well, ill], well),
    ]
    store_rubrics(lake, rubrics, replies)
    funnel, rows = export(lake, version, tmp_path / "out")
    assert (funnel.read, funnel.kept) == (5, 1)
    assert funnel.dropped == {"tie_or_wrong_verdict": 2, "reply_without_verdict": 1, "rubric_not_accepted": 1}
    call, _ = replies[0]
    (row,) = rows
    assert row == {"messages": [*json.loads(call.request)["messages"], {"role": "assistant", "content": call.raw_text}]}


def test_every_row_is_right_by_the_version(lake, asked, answered, version, tmp_path):
    """Whatever the votes say, the winner in a row is the chosen answer of its pair."""
    rubrics = [rubric_of(prompt) for prompt in asked]
    replies = [
        rubric_reply(rubric, shown, winner)
        for rubric, both in zip(rubrics, answered, strict=True)
        for shown in (both, both[::-1])
        for winner in both[: 1 + (shown is both)]
    ]
    replies = [(replace(call, call_id=f"{n}"), replace(vote, call_id=f"{n}")) for n, (call, vote) in enumerate(replies)]
    store_rubrics(lake, rubrics, replies)
    funnel, rows = export(lake, version, tmp_path / "out")
    chosen = {both[0].response_id for both in answered}
    assert {json.loads(row["messages"][-1]["content"])["winner"] for row in rows} == chosen
    assert (funnel.read, len(rows)) == (9, 6)


def test_the_latest_reading_and_attempt_count(lake, asked, answered, version, tmp_path):
    rubric, (good, bad) = rubric_of(asked[0]), answered[0]
    call, vote = rubric_reply(rubric, [good, bad], good)
    store_rubrics(lake, [rubric], [(call, vote)])
    _, wrong = rubric_reply(rubric, [good, bad], bad)
    again = replace(call, attempt=1, raw_text="said again")
    lake.append((CALLS, CALLS.rows([again])))
    _, rows = export(lake, version, tmp_path / "one")
    assert rows[0]["messages"][-1]["content"] == "said again"
    lake.append((VOTES, VOTES.rows([replace(wrong, annotator_version="10", vote_id="later")])))
    with pytest.raises(WarehouseError, match="1 tie_or_wrong_verdict"):
        export(lake, version, tmp_path / "two")


def test_verdicts_of_other_judges_and_people_are_no_rows(lake, asked, answered, version, tmp_path):
    rubric, (good, bad) = rubric_of(asked[0]), answered[0]
    call, vote = rubric_reply(rubric, [good, bad], good)
    others = [
        replace(vote, vote_id="p", annotator="pairwise:j"),
        replace(vote, vote_id="h", annotator="rubric:h", call_id=None, annotator_kind="human"),
    ]
    store_rubrics(lake, [rubric], [(call, others[0])])
    lake.append((VOTES, VOTES.rows(others[1:])))
    with pytest.raises(WarehouseError, match="has nothing that rubric_judge can carry"):
        export(lake, version, tmp_path / "out")


@pytest.mark.parametrize(
    ("best_first", "kept"),
    [
        pytest.param(("good", "bad"), True, id="as-the-version"),
        pytest.param(("bad", "good"), False, id="the-version-was-turned-around"),
        pytest.param(("good",), True, id="an-answer-that-came-later"),
    ],
)
def test_a_verdict_is_right_by_the_order_that_the_rubric_came_from(
    lake, asked, answered, version, tmp_path, best_first, kept
):
    by_text = {side.text: side for side in answered[0]}
    rubric = rubric_of(asked[0], contrasted=tuple(by_text[text].response_id for text in best_first))
    store_rubrics(lake, [rubric], [rubric_reply(rubric, answered[0], by_text["good"])])
    if kept:
        assert export(lake, version, tmp_path / "out")[0].kept == 1
    else:
        with pytest.raises(WarehouseError, match="1 tie_or_wrong_verdict"):
            export(lake, version, tmp_path / "out")


def test_a_judge_is_not_right_because_it_says_so(lake, asked, answered, version, tmp_path):
    """The version's label is the judge's own: without a known order nobody else has seen these answers."""
    made = draft([pair_of(*both) for both in answered], dataset="own")
    sources = pa.array(["rubric:j", "rubric:j", "rubric:j+human:hand"])
    place = made.members.schema.get_field_index("label_source")
    own = publish(
        lake, replace(made, members=made.members.set_column(place, made.members.schema.field(place), sources))
    )
    rubrics = [rubric_of(prompt) for prompt in asked]
    rubrics[1] = rubric_of(asked[1], contrasted=tuple(side.response_id for side in answered[1]))
    replies = [rubric_reply(rubric, both, both[0]) for rubric, both in zip(rubrics, answered, strict=True)]
    store_rubrics(lake, rubrics, replies)
    funnel, rows = export(lake, own.version, tmp_path / "out")
    assert (len(rows), funnel.dropped) == (2, {"label_by_the_judge_itself": 1})
