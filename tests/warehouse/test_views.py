"""Each view against an answer worked out by hand."""

import re

import pytest

from schemas.calls import CALLS, Call
from schemas.funnel import Funnel
from schemas.models import MODELS
from schemas.pairs import Pair
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES, Response
from schemas.runs import RUNS, StageRun
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.conftest import ROOT
from tests.rows import draft, some_pairs, some_prompts
from warehouse.lake import Lake
from warehouse.readonly import query, reading
from warehouse.versions import publish
from warehouse.views import columns_of, row_of, view_texts

VIEWS = sorted(view_texts())
README = (ROOT / "warehouse" / "README.md").read_text()


@pytest.fixture
def prompt():
    return some_prompts(1)[0]


@pytest.fixture
def answers(lake, prompt):
    """One response of each of the models x, y and z to the same prompt."""
    lake.append((PROMPTS, PROMPTS.rows([prompt])))
    made = {
        model: Response.of(prompt.prompt_id, model=model, text=f"by {model}", source="hand", call_id=f"wrote {model}")
        for model in "xyz"
    }
    lake.append((RESPONSES, RESPONSES.rows(made.values())))
    return {model: response.response_id for model, response in made.items()}


@pytest.fixture
def vote(lake, prompt, answers):
    """Store a verdict: `vote("xy", "x")` is one for x, shown before y; None is a tie."""
    lines = iter(range(1000))

    def store(shown, winner, annotator="ann", **facts):
        lake.append(
            (
                VOTES,
                VOTES.rows(
                    [
                        Vote.of(
                            prompt_id=prompt.prompt_id,
                            shown_first=answers[shown[0]],
                            shown_second=answers[shown[1]],
                            winner=answers.get(winner),
                            record=f"line {next(lines)}",
                            annotator=annotator,
                            source="hand",
                            **{"annotator_kind": "human", **facts},
                        )
                    ]
                ),
            )
        )

    return store


def ask(lake, sql):
    return query(lake.folder, sql).to_pylist()


def test_win_rates(lake, vote):
    """x beats y twice, they tie once, z beats x once.

    x against y: (2 + 1/2) / 3 = 0.8333. Wilson with z^2 = 3.8415: middle (0.8333 + 3.8415/6) / (1 + 3.8415/3) = 0.6462,
    half width 1.96 / 2.2805 * sqrt(0.8333 * 0.1667 / 3 + 3.8415/36) = 0.3362.
    """
    vote("xy", "x")
    vote("yx", "x")
    vote("xy", None)
    vote("xz", "z")
    x_y, x_all = ask(lake, "from win_rates where model = 'x' and opponent is distinct from 'z' order by n")
    assert (x_y["opponent"], x_y["n"], x_y["wins"], x_y["ties"]) == ("y", 3, 2, 1)
    assert x_y["win_rate"] == pytest.approx(2.5 / 3)
    assert (x_y["low"], x_y["high"]) == (pytest.approx(0.3100, abs=1e-4), pytest.approx(0.9823, abs=1e-4))
    assert (x_all["opponent"], x_all["n"], x_all["win_rate"]) == (None, 4, 2.5 / 4)
    assert ask(lake, "select win_rate from win_rates where model = 'y' and opponent = 'x'")[0]["win_rate"] == (
        pytest.approx(0.5 / 3)
    )


def test_position_bias(lake, vote):
    """Three of four decided verdicts are for the first; of two comparisons in both orders, x-y is consistent.

    A tie in one order and a winner in the other are neither consistent nor flipped.
    """
    vote("xy", "x")
    vote("yx", "x")
    vote("xz", "x")
    vote("zx", "z")
    vote("yz", None)
    vote("xy", "y", annotator="other")
    vote("xz", "z", annotator="undecided")
    vote("zx", None, annotator="undecided")
    first, other, undecided = ask(lake, "from position_bias")
    assert first == {
        "annotator": "ann", "n": 5, "ties": 1, "first_rate": 0.75, "n_both_orders": 2, "consistent": 0.5,
        "flipped": 0.5,
    }  # fmt: skip
    assert (other["first_rate"], other["n_both_orders"], other["consistent"], other["flipped"]) == (0.0, 0, None, None)
    assert (undecided["consistent"], undecided["flipped"]) == (0.0, 0.0)


def test_a_judge_that_always_takes_the_first_is_right_about_nothing(lake, vote):
    """`methods/reward.md` 13.4: accuracy 0, inconsistency 1."""
    for pair in ("xy", "xz", "yz"):
        vote(pair, pair[0])
        for shown in (pair, pair[::-1]):
            vote(shown, shown[0], annotator="judge", annotator_kind="ai")
    (bias,) = ask(lake, "from position_bias where annotator = 'judge'")
    (beside,) = ask(lake, "from agreement where judge = 'judge' and other is null")
    assert (bias["first_rate"], bias["consistent"], bias["flipped"]) == (1.0, 0.0, 1.0)
    assert (beside["accuracy"], beside["n_known"]) == (0.0, 3)


def test_agreement_inputs(lake, vote, answers):
    vote("xy", "x")
    vote("yx", None)
    vote("xy", "y", annotator="other")
    is_a = answers["x"] < answers["y"]
    rows = ask(lake, "from agreement_inputs")
    assert [(row["annotator"], row["value"], row["n"]) for row in rows] == [
        ("ann", 0.75 if is_a else 0.25, 2),
        ("other", 0.0 if is_a else 1.0, 1),
    ]
    assert len({row["comparison"] for row in rows}) == 1


def test_verdicts_are_those_of_the_latest_judge_version(lake, vote, answers):
    for version, winner in (("9", "x"), ("10", "y")):
        vote("xy", winner, annotator="judge", annotator_kind="ai", annotator_version=version, call_id="c")
    vote("yx", "x", annotator="judge", annotator_kind="ai", annotator_version="9", call_id="d")
    vote("xy", "x")
    rows = ask(lake, "from verdicts order by annotator, annotator_version")
    assert [(row["annotator"], row["annotator_version"], row["winner"]) for row in rows] == [
        ("ann", None, answers["x"]),
        ("judge", "10", answers["y"]),
        ("judge", "9", answers["x"]),
    ]
    assert (rows[0]["shown_second"], rows[0]["loser"]) == (answers["y"], answers["y"])


def test_a_failed_reading_of_the_latest_version_leaves_no_verdict(lake, vote):
    ai = {"annotator_kind": "ai", "call_id": "c"}
    vote("xy", "x", annotator_version="1", **ai)
    vote("xy", None, annotator_version="2", failure="unparsable", **ai)
    assert ask(lake, "from verdicts") == []


def test_funnel(lake):
    funnels = [
        Funnel(stage="generate", unit="responses", read=5, kept=5),
        Funnel(stage="judge", unit="verdicts", read=9, kept=6, dropped={"unparsable": 2, "refused": 1}),
    ]
    for funnel in funnels:
        lake.append((RUNS, RUNS.rows([StageRun.of("run", funnel, recipe="{}", seconds=1.0)])))
    rows = ask(lake, "select stage, unit, read, kept, dropped, reasons from funnel order by stage")
    assert [tuple(row.values()) for row in rows] == [
        ("generate", "responses", 5, 5, 0, []),
        ("judge", "verdicts", 9, 6, 3, [("refused", 1), ("unparsable", 2)]),
    ]


def test_members_are_all_members_of_all_versions(lake):
    pairs = some_pairs(lake, 3)
    a, b, c = (pair.pair_id for pair in pairs)
    publish(lake, draft(pairs[:2]))
    publish(lake, draft(pairs[1:]))
    publish(lake, draft(pairs[1:], margin=2.0))
    rows = ask(lake, "select version, pair_id, since, margin from members")
    assert {tuple(row.values()) for row in rows} == {
        (1, a, 1, 1.0), (1, b, 1, 1.0), (2, b, 1, 1.0), (2, c, 2, 1.0), (3, b, 3, 2.0), (3, c, 3, 2.0),
    }  # fmt: skip


def _call(call_id, tokens, cost, attempt=0):
    return Call(
        call_id=call_id, attempt=attempt, status="ok", purpose="p", engine="e", model="m", model_revision="",
        request="{}", raw_text="", finish_reason="stop", prompt_tokens=tokens, completion_tokens=1, cost_usd=cost,
    )  # fmt: skip


def test_cost_per_pair(lake, vote, prompt, answers):
    """Behind the pair x over y: two calls that wrote, one in two attempts that rated both, and one that compared."""
    vote("yx", "x", annotator_kind="ai", call_id="compared")
    rated = {"judge": "j", "judge_version": "1", "aspect": "a", "value": 1.0, "scale_lo": 0.0, "scale_hi": 1.0}
    scores = [Score(call_id="rated", response_id=answers[model], **rated) for model in "xyz"]
    calls = [
        *(_call("wrote x", 10, 0.25), _call("wrote y", 20, None), _call("wrote z", 1000, 9.0)),
        *(_call("rated", 100, 0.5), _call("rated", 100, 0.5, attempt=1), _call("compared", 40, 0.25)),
    ]
    lake.append((SCORES, SCORES.rows(scores)), (CALLS, CALLS.rows(calls)))
    pair = Pair(
        pair_id="x over y",
        prompt_id=prompt.prompt_id,
        chosen_id=answers["x"],
        rejected_prompt_id=prompt.prompt_id,
        rejected_id=answers["y"],
    )
    publish(lake, draft([pair]))
    assert ask(lake, "from cost_per_pair") == [
        {
            "dataset": "hand", "version": 1, "n_pairs": 1, "calls": 4, "prompt_tokens": 270, "completion_tokens": 5,
            "cost_usd": 1.5, "tokens_per_pair": 275.0, "usd_per_pair": 1.5,
        }
    ]  # fmt: skip


def test_policy_age(lake, prompt, answers):
    """Two versions with responses of x and y: x begot the policy of the first, and that the policy of the second."""
    ids = {"prompt_id": prompt.prompt_id, "rejected_prompt_id": prompt.prompt_id}
    for number, (chosen, rejected) in enumerate(("xy", "yx"), 1):
        pair = Pair(pair_id=f"{chosen}{rejected}", chosen_id=answers[chosen], rejected_id=answers[rejected], **ids)
        version = publish(lake, draft([pair])).version
        model = dict.fromkeys(MODELS.columns.names, "x") | {
            "model_id": str(number), "kind": "policy", "objective": '{"name": "dpo"}',
            "base": "x" if number == 1 else "hand@1/dpo", "dataset": version.dataset, "version": version.version,
            "created_at": version.created_at,
        }  # fmt: skip
        lake.append((MODELS, MODELS.rows([model])))
    rows = ask(lake, "select version, base, model, responses, age from policy_age")
    assert [tuple(row.values()) for row in rows] == [
        (1, "x", "x", 1, 0), (1, "x", "y", 1, None), (2, "hand@1/dpo", "x", 1, 1), (2, "hand@1/dpo", "y", 1, None),
    ]  # fmt: skip


def test_strength_histogram(lake, vote):
    """Strengths 0, 1, 1 and 4: bins are 0.2 wide, 1 begins bin 5, and the largest lies in the last bin."""
    for strength in (0.0, 1.0, 1.0, 4.0, None):
        vote("xy", "x", strength=strength)
    pairs = some_pairs(lake, 2)
    publish(lake, draft(pairs, margin=9.0))
    publish(lake, draft(pairs, margin=0.0))
    rows = ask(lake, "from strength_histogram")
    assert [tuple(row.values()) for row in rows if row["measure"] == "strength"] == [
        ("strength", "ann", None, 0, 0.0, 0.2, 1),
        ("strength", "ann", None, 5, 1.0, 1.2, 2),
        ("strength", "ann", None, 19, 3.8, 4.0, 1),
    ]
    assert [tuple(row.values()) for row in rows if row["measure"] == "margin"] == [
        ("margin", "hand", "hand", 0, 0.0, 0.05, 2)
    ]


AUDITED = [
    pytest.param(10, (1, 2, 3), True, id="best-and-mean-2"),
    pytest.param(9, (2, 2), True, id="9-and-2"),
    pytest.param(9, (2, 2, 2, 3), False, id="9-and-2.25"),
    pytest.param(8, (1, 1), False, id="8-and-1"),
    pytest.param(2, (4, 5), True, id="2-and-4.5"),
    pytest.param(2, (4, 5, 4), False, id="2-and-4.33"),
    pytest.param(3, (5, 5), False, id="3-and-5"),
    pytest.param(1, (1, None), False, id="both-worst"),
    pytest.param(10, (1, None), True, id="what-does-not-apply-is-no-rating"),
    pytest.param(10, (), None, id="no-aspect-rated"),
    pytest.param(None, (1, 1), None, id="no-overall-score"),
]


@pytest.mark.parametrize(("overall", "aspects", "flag"), AUDITED)
def test_overall_audit(lake, answers, overall, aspects, flag):
    """Other scales and older readings do not count."""

    def score(aspect, value, version="2", lo=1.0, hi=5.0):
        facts = {"judge": "j", "judge_version": version, "scale_lo": lo, "scale_hi": hi}
        return Score(call_id=f"c {aspect}", response_id=answers["x"], aspect=aspect, value=value, **facts)

    rows = [score("overall", overall, hi=10.0), score("length", 0.0, lo=0.0, hi=1.0)]
    rows += [score(f"aspect {n}", value) for n, value in enumerate(aspects)]
    rows += [score("overall", 5.0, version="1", hi=10.0), score("aspect 0", 3.0, version="1") if aspects else rows[0]]
    lake.append((SCORES, SCORES.rows(rows)))
    found = ask(lake, "from overall_audit")
    assert [row["audit_flag"] for row in found] == ([] if flag is None else [flag])
    if found:
        rated = [value for value in aspects if value is not None]
        assert (found[0]["fine_grained_score"], found[0]["n_aspects"]) == (sum(rated) / len(rated), len(rated))
        assert (found[0]["judge"], found[0]["model"], found[0]["overall_score"]) == ("j", "x", overall)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A reader of a warehouse without rows."""
    folder = tmp_path_factory.mktemp("empty") / "warehouse"
    Lake.create(folder).con.close()
    with reading(folder) as reader:
        yield reader


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_warehouse_gives_an_empty_answer(empty, view):
    with empty.ask(f"from {view}") as answer:
        assert answer.rows().to_pylist() == []


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_has_a_comment(empty, view):
    assert empty.relations[view] == list(columns_of(view))


@pytest.mark.parametrize("view", VIEWS)
def test_the_readme_says_what_a_row_is(view):
    assert f"| `{view}` | {row_of(view)} |" in README


def test_the_readme_names_no_view_that_is_gone():
    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == VIEWS


def test_show_tables_lists_views_and_tables(lake):
    listed = {row["name"] for row in ask(lake, "show tables")}
    assert {*VIEWS, "votes", "pairs"} <= listed


def test_views_see_the_data_of_a_version(lake):
    pairs = some_pairs(lake, 4)
    publish(lake, draft(pairs[:1]))
    publish(lake, draft(pairs))
    count = "select count(*) as n from members"
    assert query(lake.folder, count, at="hand@1").to_pylist() == [{"n": 1}]
    assert query(lake.folder, count).to_pylist() == [{"n": 5}]


def test_a_view_is_left_out_where_its_columns_are_not_there_yet(lake):
    publish(lake, draft(some_pairs(lake, 1)))
    lake.con.execute("alter table runs drop column funnel")
    with reading(lake.folder) as reader:
        assert "funnel" not in reader.relations
        assert "members" in reader.relations
    with reading(lake.folder, at="hand@1") as reader:
        assert "funnel" in reader.relations
