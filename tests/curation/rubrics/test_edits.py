from dataclasses import replace
from datetime import timedelta

import pytest

from curation.rubrics.edits import edit, in_force, newest, stored_rubrics
from schemas.errors import InputError
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric, RubricItem
from warehouse.collect import collect, compact, garbage

ITEMS = tuple(RubricItem(kind="hard", text=f"The response says {word}.") for word in ("yes", "no", "perhaps"))


@pytest.fixture
def first(lake):
    rubric = Rubric.of("p", ITEMS, writer="w", writer_version="1", agreement=0.5, checked_by="judge")
    twice = [rubric, replace(rubric, agreement=1.0, checked_by="another judge")]
    lake.append((RUBRICS, RUBRICS.rows(twice)), (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(rubric.item_rows())))
    return rubric


def test_a_stored_rubric_comes_back_once_with_its_items_in_order(lake, first):
    (found,) = stored_rubrics(lake, ["p", "another"]).values()
    assert (found.rubric_id, found.items, found.agreement) == (first.rubric_id, ITEMS, 1.0)
    assert stored_rubrics(lake, ["another"]) == {}


def store(lake, *rubrics):
    """One commit each."""
    for rubric in rubrics:
        lake.append((RUBRICS, RUBRICS.rows([rubric])), (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(rubric.item_rows())))


def in_force_for(lake, prompt_id="p"):
    found = in_force(stored_rubrics(lake, [prompt_id]))
    return found[prompt_id].rubric_id if found else None


@pytest.mark.parametrize("words", [("yes", "no", "perhaps"), ("perhaps", "no", "yes")])
def test_the_rubric_that_was_stored_last_is_in_force(lake, words):
    """Whatever the ids, and whatever files were merged since."""
    items = {word: RubricItem(kind="hard", text=f"The response says {word}.") for word in words}
    made = [Rubric.of("p", [item], writer="w", writer_version="1", checked_by="checks") for item in items.values()]
    store(lake, *made, made[0])
    assert in_force_for(lake) == made[-1].rubric_id
    compact(lake)
    collect(lake, garbage(lake, timedelta(0)))
    assert in_force_for(lake) == made[-1].rubric_id
    assert in_force_for(lake, "another") is None


def test_a_rubric_that_was_rejected_last_or_replaced_is_not_in_force(lake, first):
    other = Rubric.of("p", ITEMS[:2], writer="w", writer_version="1", checked_by="judge")
    store(lake, other, replace(other, accepted=False, reason="low_agreement", checked_by="stricter"))
    assert in_force_for(lake) == first.rubric_id
    third = edit(lake, first, ITEMS[1:], "ann")
    assert in_force_for(lake) == third.rubric_id
    store(lake, replace(third, accepted=False, reason="low_agreement", checked_by="judge"))
    assert in_force_for(lake) is None
    store(lake, replace(other, checked_by="milder"))
    assert in_force_for(lake) == other.rubric_id


def test_an_edit_of_an_edit_is_the_newest(lake, first):
    second = edit(lake, first, ITEMS[:2], "ann")
    third = edit(lake, second, [replace(ITEMS[0], weight=2.0), ITEMS[1]], "ben")
    stored = stored_rubrics(lake, ["p"])
    assert [one.parent_id for one in (stored[first.rubric_id], second, third)] == [
        None,
        first.rubric_id,
        second.rubric_id,
    ]
    assert newest(first, stored) == newest(second, stored) == stored[third.rubric_id]
    assert [item.weight for item in stored[third.rubric_id].items] == [2.0, 1.0]
    assert stored[third.rubric_id].writer == "ben"


def test_no_two_edits_of_one_rubric_and_no_way_back(lake, first):
    second = edit(lake, first, ITEMS[:2], "ann")
    with pytest.raises(InputError, match=f"edit {second.rubric_id}"):
        edit(lake, first, ITEMS[:1], "ben")
    with pytest.raises(InputError, match="says the same"):
        edit(lake, second, ITEMS, "ben")
    assert len(stored_rubrics(lake, ["p"])) == 2
