import pytest

from curation.rubrics.known import known_orders
from curation.rubrics.settings import KnownOrder
from schemas.calls import CALLS, Call
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote

PROMPT = Prompt.of(user("Say it."), source="hand")
OTHER = Prompt.of(user("Say nothing."), source="hand")
ANSWERS = {text: Response.of(PROMPT.prompt_id, model="m", text=text, source="hand") for text in ("x", "y", "z")}


@pytest.fixture
def stored(lake):
    lake.append(
        (PROMPTS, PROMPTS.rows([PROMPT, OTHER])),
        (RESPONSES, RESPONSES.rows(list(ANSWERS.values()))),
        (CALLS, CALLS.rows([_call(name, model) for name, model in (("j1", "m1"), ("j2", "m2"), ("v", "m1"))])),
    )
    return lake


def _call(call_id, model):
    return Call(
        call_id=call_id, status="ok", purpose="p", engine="e", model=model, model_revision="", request="{}",
        raw_text="", finish_reason="stop", prompt_tokens=1, completion_tokens=1,
    )  # fmt: skip


def vote(lake, better, worse, winner=None, annotator="ann", **facts):
    shown = [ANSWERS[name].response_id for name in (better, worse)]
    cast = Vote.of(
        prompt_id=PROMPT.prompt_id, shown_first=shown[0], shown_second=shown[1],
        winner=ANSWERS[winner or better].response_id, record=f"{annotator} {facts}", annotator=annotator, source="hand",
        **{"annotator_kind": "human", **facts},
    )  # fmt: skip
    lake.append((VOTES, VOTES.rows([cast])))


def rate(lake, values, call_id="j1", judge="aspects", version="1", aspect="overall"):
    rows = [
        Score(
            call_id=call_id, response_id=ANSWERS[name].response_id, judge=judge, judge_version=version, aspect=aspect,
            value=value, scale_lo=0.0, scale_hi=100.0,
        )
        for name, value in values.items()
    ]  # fmt: skip
    lake.append((SCORES, SCORES.rows(rows)))


def order(lake, **settings):
    """The texts of the prompt's answers, best first; the other prompt has none."""
    found = known_orders(lake, [PROMPT, OTHER], KnownOrder(**{"answers": 3, **settings}))
    assert found.keys() <= {PROMPT.prompt_id}
    return "".join(response.text for response in found.get(PROMPT.prompt_id, ()))


def test_imported_votes_order_and_ties_do_not(stored):
    vote(stored, "x", "y")
    vote(stored, "y", "z")
    vote(stored, "x", "z")
    assert order(stored) == "xyz"
    assert order(stored, answers=2) == "xz"
    vote(stored, "z", "x", annotator="ben")
    assert order(stored) == "xy"  # x and z are even, so their order is unknown


def test_verdicts_of_judges_count_only_where_they_are_named(stored):
    vote(stored, "x", "y", annotator="pairwise:m1", annotator_kind="ai", call_id="v", annotator_version="1")
    assert order(stored) == ""
    assert order(stored, annotators=["pairwise:m1"]) == "xy"


def test_the_latest_reading_of_a_reply_counts(stored):
    judge = {"annotator": "pairwise:m1", "annotator_kind": "ai", "call_id": "v"}
    vote(stored, "x", "y", annotator_version="9", **judge)
    vote(stored, "x", "y", winner="y", annotator_version="10", **judge)
    assert order(stored, annotators=["pairwise:m1"]) == "yx"


def test_scores_order_and_equal_ones_do_not(stored):
    rate(stored, {"x": 1.0, "y": 5.0, "z": 5.0})
    best_first = order(stored, by="scores", annotators=["aspects:m1"])
    assert best_first in ("yx", "zx")
    rate(stored, {"y": 1.0}, aspect="honesty")
    assert order(stored, by="scores", annotators=["aspects:m1"]) == "zyx"


def test_an_ensemble_needs_all_of_its_members(stored):
    """m1 prefers y by little, m2 x by much: the scales differ, so the standardised means decide."""
    rate(stored, {"x": 90.0, "y": 91.0, "z": 10.0})
    assert order(stored, by="scores", annotators=["aspects:m1", "aspects:m2"]) == ""
    rate(stored, {"x": 3.0, "y": 1.0, "z": 0.0}, call_id="j2")
    assert order(stored, by="scores", annotators=["aspects:m1", "aspects:m2"]) == "xyz"
    assert order(stored, by="scores", annotators=["aspects:m1", "aspects:m2"], answers=2) == "xz"


def test_a_rule_has_no_model(stored):
    rate(stored, {"x": 0.0, "y": 1.0}, call_id="computed", judge="ifeval")
    assert order(stored, by="scores", annotators=["ifeval"]) == "yx"


def test_an_order_by_scores_says_whose():
    with pytest.raises(ValueError, match="annotators"):
        KnownOrder(by="scores")
