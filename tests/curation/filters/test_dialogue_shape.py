import json

import pytest

from curation.filters import filtered
from curation.filters.dialogue_shape import DialogueShape
from curation.importers.trl import Trl
from curation.importing import import_paths
from schemas.drops import DROPS
from schemas.prompts import PROMPTS, Prompt


def prompt(*turns):
    return Prompt.of([{"role": role, "content": text} for role, text in turns], source="hand")


U, A, S = ("user", "Hi."), ("assistant", "Hello."), ("system", "Be brief.")


@pytest.mark.parametrize("turns", [[U], [U, A, U], [S, U], [S, U, A, U, A, U]], ids=len)
def test_a_conversation_stays(turns):
    assert DialogueShape().fault(prompt(*turns)) is None


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        pytest.param([A, U], "roles_do_not_alternate", id="the-model-begins"),
        pytest.param([U, U], "roles_do_not_alternate", id="the-user-twice"),
        pytest.param([U, A, A, U], "roles_do_not_alternate", id="the-model-twice"),
        pytest.param([U, A, S, U], "roles_do_not_alternate", id="a-late-system-turn"),
        pytest.param([U, ("usre", "Hello."), U], "roles_do_not_alternate", id="a-misspelt-role"),
        pytest.param([U, ("assistant", " \n"), U], "empty_turn", id="an-empty-turn"),
    ],
)
def test_what_is_no_conversation_is_left_out(turns, reason):
    assert DialogueShape().fault(prompt(*turns)).reason == reason


def test_ten_malformed_comparisons_go_and_no_other(lake, tmp_path):
    """`methods/data.md` 7(g)1: some fall out when they are read, the others by this filter."""
    user, bot = ({"role": role, "content": f"{role} speaks"} for role in ("user", "assistant"))
    yes, no = ({"role": "assistant", "content": text} for text in ("Yes.", "No."))
    empty = {"role": "assistant", "content": ""}
    malformed = [
        {"chosen": [user, yes, user], "rejected": [user, no, user]},  # odd: it ends with the user
        {"chosen": [user, yes, user], "rejected": [user, no]},
        {"chosen": [user, bot, user, yes], "rejected": [user, no]},  # unequal numbers of turns
        {"chosen": [yes], "rejected": [no]},  # no request
        {"chosen": [user, user, yes], "rejected": [user, user, no]},
        {"chosen": [user, bot, bot, user, yes], "rejected": [user, bot, bot, user, no]},
        {"chosen": [bot, user, yes], "rejected": [bot, user, no]},
        {"chosen": [user, empty, user, yes], "rejected": [user, empty, user, no]},
        {"chosen": [user, bot, user, yes], "rejected": [user, empty, user, no]},  # another context
        {"chosen": [user, yes], "rejected": [user, yes]},
    ]
    good = [
        {
            "chosen": [{"role": "user", "content": f"Ask {i}."}, yes],
            "rejected": [{"role": "user", "content": f"Ask {i}."}, no],
        }
        for i in range(10)
    ]
    mixed = [record for both in zip(good, malformed, strict=True) for record in both]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in mixed))
    done = import_paths(lake, Trl(), [file])
    rows = [row for row in lake.read(PROMPTS).to_pylist()]
    prompts = [Prompt.of(row["messages"], source=row["source"]) for row in rows]
    kept, drops = filtered([DialogueShape()], prompts)
    assert done.funnel.kept - len(drops) == len(kept) == 10
    assert {one.messages[0]["content"] for one in kept} == {f"Ask {i}." for i in range(10)}
    unread = {row["line"] for row in lake.read(DROPS).to_pylist() if row["stage"] == "import"}
    assert len(unread) + len(drops) == 10
    assert all(line % 2 == 0 for line in unread)
