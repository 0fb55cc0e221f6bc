"""Which stored prompts a recipe works on."""

import json

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import chosen_prompts
from flows.recipe import Recipe
from schemas.errors import InputError


@pytest.fixture
def twice(lake, tmp_path):
    """Ten questions of `first`, and fifteen of `second`, five of them the same."""
    for source, numbers in (("first", range(10)), ("second", range(5, 20))):
        file = tmp_path / f"{source}.jsonl"
        file.write_text("".join(json.dumps({"prompt": f"Question {number}?"}) + "\n" for number in numbers))
        import_paths(lake, IMPORTERS.build({"name": "prompts", "source": source}), [file])
    return lake


def chosen(lake, sources, **choice):
    recipe = Recipe.model_validate({"name": "r", "prompts": {"sources": sources, **choice}})
    return {prompt.messages[0]["content"] for prompt in chosen_prompts(lake, recipe)}


def test_a_prompt_that_came_under_two_names_is_found_under_both(twice):
    assert chosen(twice, ["first"]) == {f"Question {number}?" for number in range(10)}
    assert chosen(twice, ["second"]) == {f"Question {number}?" for number in range(5, 20)}


def test_it_counts_once(twice):
    both = Recipe.model_validate({"name": "r", "prompts": {"sources": {"first": 99, "second": 99}}})
    ids = [prompt.prompt_id for prompt in chosen_prompts(twice, both)]
    assert len(ids) == len(set(ids)) == 20
    assert ids == sorted(ids)


def test_so_many_of_each_and_in_all(twice):
    assert len(chosen(twice, {"first": 3})) == 3
    assert len(chosen(twice, ["first", "second"], limit=4)) == 4


def test_parts_share_no_prompt_and_leave_none_out(twice):
    parts = [chosen(twice, ["first", "second"], part=[number, 3]) for number in (1, 2, 3)]
    assert len(set().union(*parts)) == sum(map(len, parts)) == 20


def test_a_source_that_is_none_is_one_sentence(twice):
    with pytest.raises(InputError, match="no prompts of source elsewhere; run"):
        chosen(twice, ["elsewhere"])
