"""Rubrics for new prompts, stored, written by hand and edited: through recipes and commands, on a scripted server."""

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from flows.__main__ import app
from flows.curate import curate_into
from flows.recipe import Recipe
from flows.rubrics_by_hand import change_of
from schemas.errors import ConfigError, InputError
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from tests.servers.start import server
from warehouse.readonly import query

pytestmark = pytest.mark.slow

ORDERS = {
    "short poem": ("fair lines", "dull lines"),
    "hard riddle": ("keen words", "blunt words"),
    "mumbled thing": ("clear speech", "vague speech"),
}
"""By a mark in the prompt: what the judge prefers, and what it does not. Nobody has voted on any of them."""
ITEMS = [
    {"kind": "hard", "text": "The response keeps to what the request asks for."},
    {"kind": "principle", "text": "The response prefers plain words to grand ones."},
]
PLAINER = "The response says in plain words what it has to say."
NEW, JUDGE, CRITERION = "Write the rubric by which", "by a rubric", "by a single criterion"


def judged(better, worse):
    every = {str(n): {"evidence": "Seen.", "met": True} for n in (1, 2)}
    some = {str(n): {"evidence": "Seen.", "met": n == 1} for n in (1, 2)}
    items = {f"LABEL:{better};": every, f"LABEL:{worse};": some}
    first = {"gatekeeper": {"item": 1, "reason": "Both do."}, "items": items}
    return json.dumps({**first, "summary": "It meets more.", "winner": f"LABEL:{better};"})


def rated(better, worse):
    return json.dumps({"rationale": "So.", "ratings": {f"LABEL:{better};": 5, f"LABEL:{worse};": 2}})


SCRIPT = [
    {"about": [NEW, "mumbled"], "reply": "Sure! Here is a rubric."},
    {"about": [NEW], "reply": json.dumps({"items": [*ITEMS, {"kind": "hard", "text": "Answer 1 is long."}]})},
    *({"about": [JUDGE, mark], "reply": judged(*both)} for mark, both in ORDERS.items()),
    *({"about": [CRITERION, mark], "reply": rated(*both)} for mark, both in ORDERS.items()),
    *(
        {"about": [mark], "reply": json.dumps({"rationale": "So.", "verdict": f"LABEL:{better};"})}
        for mark, (better, _) in ORDERS.items()
    ),
]
STUDENT = {"writer": {"name": "prompt_only", "model": "student"}}
RUBRIC, CRITERIA = ({"name": name, "model": "critic"} for name in ("rubric", "criteria"))


@pytest.fixture
def run(lake, tmp_path, prefect_api):
    """Runs a recipe on the three prompts; returns the calls that it made, by purpose and mark of the prompt."""
    prompts = [Prompt.of(user(f"Write a {mark}."), source="hand") for mark in ORDERS]
    made = [
        Response.of(prompt.prompt_id, model="m", text=text, source="hand")
        for prompt, texts in zip(prompts, ORDERS.values(), strict=True)
        for text in texts
    ]
    lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(made)))
    marks = {prompt.prompt_id: mark for prompt, mark in zip(prompts, ORDERS, strict=True)}
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    with server("scripted.py", tmp_path / "script.json") as url:
        engine = {"name": "openai", "base_urls": [url]}

        def once(rubrics, judges, **more):
            before = asked(lake, marks)
            fields = {"prompts": {"sources": ["hand"]}, "pair": {"name": "majority"}, "publish": {"dataset": "d"}}
            recipe = {"name": "r", "engine": engine, "rubrics": rubrics, "judges": judges, **fields, **more}
            curate_into(lake, Recipe.model_validate(recipe))
            return asked(lake, marks) - before

        yield once


def asked(lake, marks):
    rows = lake.con.execute("select purpose, subject->>'$.prompt_id' from calls").fetchall()
    return Counter((purpose.partition(":")[2], marks[prompt_id]) for purpose, prompt_id in rows)


@pytest.fixture
def prefinery(lake):
    """Calls a command on the warehouse; returns the rows that it prints."""

    def command(*arguments):
        done = CliRunner().invoke(app, [*map(str, arguments), "-w", str(lake.folder)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if "json" in arguments else done.stdout.strip()

    return command


def show(prefinery, *wanted):
    return prefinery("rubrics", "show", *wanted, "--format", "json")


def rubric_ids(prefinery, state="in force"):
    """Rubric ids by the mark of their prompts."""
    rows = [row for row in show(prefinery) if row["state"] == state]
    return {mark: row["rubric_id"] for row in rows for mark in ORDERS if mark in row["prompt"]}


def drops(lake, stage):
    rows = lake.con.execute("select row_kind, reason from drops where stage = $stage", {"stage": stage}).fetchall()
    return Counter(rows)


def winners(lake):
    """Chosen texts of the last version."""
    chosen = (
        "select text from members join pairs using (pair_id) join responses on response_id = chosen_id "
        "where version = (select max(version) from datasets)"
    )
    return {row["text"] for row in query(lake.folder, chosen).to_pylist()}


ALL_NEW = {
    **{("prompt_only", mark): 1 for mark in ORDERS},
    ("rubric", "short poem"): 2,
    ("rubric", "hard riddle"): 2,
}


def test_rubrics_of_new_prompts_make_pairs(run, lake, prefinery):
    """Nobody has said which answer is better: the prompt alone gives the rubric, and the rubric the pairs."""
    assert run(STUDENT, [RUBRIC]) == ALL_NEW
    assert winners(lake) == {"fair lines", "keen words"}
    assert drops(lake, "rubrics") == {("call", "unparsable"): 1}
    assert drops(lake, "rubric items") == {("item", "not_about_the_response"): 2}
    assert drops(lake, "judge") == {("prompt", "no_rubric"): 1}
    decided = "select distinct writer, accepted, agreement, contrasted, checked_by from rubrics"
    assert lake.con.execute(decided).fetchall() == [("prompt_only:student", True, None, None, "checks:1")]
    assert rubric_ids(prefinery).keys() == {"short poem", "hard riddle"}
    assert run(STUDENT, [RUBRIC]) == {}


def test_stored_rubrics_are_used_without_a_writer(run, lake):
    run(STUDENT, [RUBRIC])
    assert run({"stored": True}, [RUBRIC, CRITERIA]) == {("criteria", "short poem"): 2, ("criteria", "hard riddle"): 2}
    assert drops(lake, "rubrics")["prompt", "no_stored_rubric"] == 1
    assert lake.con.execute("select count(*) from rubrics").fetchone() == (2,)
    assert run({"stored": True, **STUDENT}, [RUBRIC]) == {}  # the mumbled reply is in the ledger


def test_an_edit_asks_again_only_what_depends_on_it(run, lake, prefinery):
    run(STUDENT, [RUBRIC, CRITERIA])
    old = rubric_ids(prefinery)
    new = prefinery("rubrics", "edit", old["short poem"], "--reword", f"2={PLAINER}", "--by", "ann")
    assert rubric_ids(prefinery) == {**old, "short poem": new}
    assert rubric_ids(prefinery, "replaced") == {"short poem": old["short poem"]}
    judges = [RUBRIC, CRITERIA]
    assert run({"stored": True}, judges) == {("rubric", "short poem"): 2, ("criteria", "short poem"): 1}
    aspects = "select distinct aspect from scores where judge = 'criteria' order by aspect"
    assert {aspect for (aspect,) in lake.con.execute(aspects).fetchall()} == {*(one["text"] for one in ITEMS), PLAINER}
    assert run(STUDENT, judges) == {}  # the writer's own rubric has become the edited one
    weighed = prefinery("rubrics", "edit", new, "--weigh", "1=3")
    assert [row["weight"] for row in show(prefinery, weighed)] == [3.0, 1.0]
    assert run({"stored": True}, judges) == {("rubric", "short poem"): 2}


def test_a_rubric_by_hand_is_judged_by(run, lake, prefinery, tmp_path):
    """It replaces what a model wrote, and stands where no model wrote anything."""
    run(STUDENT, [RUBRIC])
    items = [ITEMS[0], {"kind": "principle", "text": PLAINER, "weight": 2}]
    records = [{"prompt": f"Write a {mark}.", "items": items} for mark in ("short poem", "mumbled thing")]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    command = ("rubrics", "import", tmp_path / "mine.jsonl", "--by", "ann", "--format", "json")
    assert [row["rows"] for row in prefinery(*command)] == [2, 2]
    assert [row["rows"] for row in prefinery(*command)] == [2, 0]
    assert run({"stored": True}, [RUBRIC]) == {("rubric", "short poem"): 2, ("rubric", "mumbled thing"): 2}
    assert winners(lake) == {better for better, _ in ORDERS.values()}
    mine = rubric_ids(prefinery)["mumbled thing"]
    assert [(row["kind"], row["text"], row["weight"]) for row in show(prefinery, mine)] == [
        ("hard", ITEMS[0]["text"], 1.0),
        ("principle", PLAINER, 2.0),
    ]
    prompt_id = next(row["prompt_id"] for row in show(prefinery) if "short poem" in row["prompt"])
    assert Counter(row["state"] for row in show(prefinery, prompt_id)) == {"in force": 2, "older": 2}


def test_an_adaptive_panel_goes_on_where_there_is_no_rubric(run, lake):
    """A prompt without a rubric is left to the judges that need none, and to nobody where all go by rubrics."""
    pairwise = {"name": "pairwise", "model": "critic"}
    panel = {"prices": {"rubric:critic": 1, "pairwise:critic": 5}, "probed": 1}
    done = run(STUDENT, [RUBRIC, pairwise], adaptive=panel)
    assert done == {**ALL_NEW, **{("pairwise", mark): 2 for mark in ORDERS}}
    assert winners(lake) == {better for better, _ in ORDERS.values()}
    assert drops(lake, "judge") == {("prompt", "no_rubric"): 1}
    assert run(STUDENT, [RUBRIC], adaptive={"prices": {"rubric:critic": 1}, "probed": 1}) == {}


@pytest.mark.parametrize("judge", [RUBRIC, CRITERIA], ids=lambda judge: judge["name"])
def test_judges_by_rubrics_need_a_stage_that_gives_rubrics(judge):
    fields = {"name": "r", "engine": {"name": "vllm"}, "prompts": {"sources": ["hand"]}, "judges": [judge]}
    with pytest.raises(ValueError, match=f"{judge['name']}:critic judges by rubrics; add `rubrics:`, as in"):
        Recipe.model_validate(fields)
    assert Recipe.model_validate(fields | {"rubrics": {"stored": True}})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"add": ["soft: The response sings."]}, "write hard:TEXT or principle:TEXT", id="kind"),
        pytest.param({"reword": ["two=x"]}, "write the number of an item", id="no-number"),
        pytest.param({"weigh": ["1=nan"]}, "nan is no weight", id="no-weight"),
        pytest.param({}, "Nothing is changed", id="nothing"),
    ],
)
def test_an_option_that_is_none_is_a_sentence(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        change_of(**{"add": [], "reword": [], "weigh": [], "drop": [], **options})


def test_a_wrong_edit_is_a_sentence_and_changes_nothing(by_hand, prefinery):
    wrong = {
        ("--drop", 3): "There is no item 3; the rubric has items 1 to 2",
        ("--drop", 2): "2 to 10 items, and this one 1",
        ("--add", "hard: It sings."): 'does not begin with "The response"',
        ("--reword", f"1={ITEMS[0]['text']}"): "says the same",
    }
    for arguments, sentence in wrong.items():
        with pytest.raises(InputError, match=sentence):
            prefinery("rubrics", "edit", by_hand, *arguments)
    assert [row["rubric_id"] for row in show(prefinery)] == [by_hand]


@pytest.fixture
def by_hand(lake, tmp_path, prefinery):
    """The id of a rubric that was imported."""
    lake.append((PROMPTS, PROMPTS.rows([Prompt.of(user("Sing."), source="hand")])))
    (tmp_path / "mine.yaml").write_text(json.dumps({"prompt": "Sing.", "items": ITEMS}))
    prefinery("rubrics", "import", tmp_path / "mine.yaml")
    (row,) = show(prefinery)
    return row["rubric_id"]


def test_an_edit_adds_and_drops(by_hand, prefinery):
    edited = prefinery("rubrics", "edit", by_hand, "--drop", 1, "--add", "hard: The response rhymes.", "--by", "ben")
    assert [row["text"] for row in show(prefinery, edited)] == [ITEMS[1]["text"], "The response rhymes."]
    assert {row["rubric_id"]: (row["state"], row["writer"], row["replaces"]) for row in show(prefinery)} == {
        by_hand: ("replaced", "hand", None),
        edited: ("in force", "ben", by_hand),
    }
    with pytest.raises(InputError, match=f"has been replaced; edit {edited}"):
        prefinery("rubrics", "edit", by_hand, "--drop", 1, "--add", "hard: The response hums.")
    with pytest.raises(InputError, match="is a prompt; name one of its rubrics"):
        prefinery("rubrics", "edit", show(prefinery)[0]["prompt_id"], "--drop", 1)
    with pytest.raises(InputError, match="no rubric absent"):
        show(prefinery, "absent")
