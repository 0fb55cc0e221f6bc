"""The simulated world: prompts read back, writers of known skill, slips that are counted."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.sandbox.world import SUBJECTS, Extra, Instruction, instructions, parse
from training.sandbox.writer import ASPECTS, demonstrate

SEEDS = st.integers(0, 50)
SKILLS = st.floats(0, 1)


@given(seed=SEEDS)
def test_parse_inverts_text(seed: int):
    for instruction in instructions(20, seed):
        assert parse(instruction.text) == instruction


@given(seed=SEEDS, short=st.integers(0, 30), more=st.integers(0, 30))
def test_fewer_instructions_are_a_prefix_of_more(seed: int, short: int, more: int):
    assert instructions(short + more, seed)[:short] == instructions(short, seed)


def test_prompts_are_distinct_and_there_are_many():
    assert len({instruction.text for instruction in instructions(20_000, 0)}) == 20_000


@pytest.mark.parametrize("text", ["", "paint the house.", "list nine fruits. shout.", "shout."])
def test_other_text_is_refused(text: str):
    with pytest.raises(ValueError):
        parse(text)


def test_an_impossible_instruction_cannot_be_made():
    with pytest.raises(ValueError, match="no subject"):
        Instruction(family="color", subject="hammer")
    with pytest.raises(ValueError, match="cannot ask"):
        Instruction(family="list", subject="fruits")


@given(seed=SEEDS)
def test_full_skill_plants_no_slip(seed: int):
    for instruction in instructions(10, seed):
        written = demonstrate(instruction, 1.0, random.Random(seed))
        assert written.slips == {}
        assert set(written.ratings().values()) == {5}


@given(seed=SEEDS, skill=SKILLS)
def test_ratings_are_whole_numbers_from_one_to_five(seed: int, skill: float):
    instruction = instructions(1, seed)[0]
    ratings = demonstrate(instruction, skill, random.Random(seed)).ratings()
    assert tuple(ratings) == ASPECTS
    assert all(type(rating) is int and 1 <= rating <= 5 for rating in ratings.values())


@given(seed=SEEDS, skill=SKILLS)
def test_the_same_dice_write_the_same_answer(seed: int, skill: float):
    instruction = instructions(1, seed)[0]
    first, second = (demonstrate(instruction, skill, random.Random(seed)) for _ in range(2))
    assert first == second


def test_a_missed_add_on_is_rated_down_where_it_was_missed():
    asked = Instruction(family="color", subject="banana", extras=(Extra("shout"), Extra("greet")))
    written = (demonstrate(asked, 0.0, random.Random(seed)) for seed in range(20))
    assert {demonstration.ratings()["instruction_following"] for demonstration in written} == {1}


@pytest.mark.parametrize("skill", [-0.1, 1.1])
def test_skill_is_a_share(skill: float):
    with pytest.raises(ValueError, match="share"):
        demonstrate(instructions(1, 0)[0], skill, random.Random(0))


def test_every_family_is_drawn():
    assert {instruction.family for instruction in instructions(200, 0)} == set(SUBJECTS)
