from dataclasses import replace

import pytest

from curation.rubrics.edits import edit, newest, stored_rubrics
from schemas.errors import InputError
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric, RubricItem

ITEMS = tuple(RubricItem(kind="hard", text=f"The response says {word}.") for word in ("yes", "no", "perhaps"))


@pytest.fixture
def first(lake):
    rubric = Rubric.of("p", ITEMS, writer="w", writer_version="1", agreement=0.5, checked_by="judge")
    twice = [rubric, replace(rubric, agreement=1.0, checked_by="another judge")]
    lake.append((RUBRICS, RUBRICS.rows(twice)), (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(rubric.item_rows())))
    return rubric


def test_a_stored_rubric_comes_back_once_with_its_items_in_order(lake, first):
    (found,) = stored_rubrics(lake, ["p", "another"]).values()
    assert (found.rubric_id, found.items, found.agreement) == (first.rubric_id, ITEMS, None)
    assert stored_rubrics(lake, ["another"]) == {}


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
