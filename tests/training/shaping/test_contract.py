"""What every transform promises, by existing."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError, InputError
from tests.training.shaping.conftest import BATCHES, SMALL, given_rewards
from training.shaping import SHAPING, Given, Transform, chain_of, shape, start

SETTINGS: dict[str, dict[str, Any]] = {"ceiling": {"cap": 0.5}, "step_clip": {"threshold": 0.5}}
"""Of transforms that have no natural default."""
ALL = [SHAPING.build({"name": name, **SETTINGS.get(name, {})}) for name in SHAPING.classes]
each = pytest.mark.parametrize("transform", ALL, ids=lambda one: one.name)
STEPS = ("delta", "step_clip")


def rewards_for(transform: Transform, rewards: list[float]) -> Given:
    """Rewards in the shape that it reads: responses of one step each, for transforms of steps."""
    made = given_rewards(rewards, [0.5, -0.5, 0.0, 1.0])
    return made._replace(rewards=made.rewards[:, None]) if transform.name in STEPS else made


@each
@given(st.lists(SMALL, min_size=2, max_size=6))
def test_a_higher_reward_never_becomes_the_lower_one(transform: Transform, rewards: list[float]) -> None:
    found = transform(rewards_for(transform, sorted(rewards)), transform.start()).rewards.flatten()
    assert (found.diff() >= 0).all()


@each
def test_extreme_rewards_stay_finite(transform: Transform) -> None:
    found = transform(rewards_for(transform, [-1e30, -1e4, 0.0, 1e4, 1e30]), transform.start())
    assert found.rewards.isfinite().all()
    assert all(map(math.isfinite, found.state.values()))


@each
def test_bfloat16_becomes_float32_before_anything_is_computed(transform: Transform) -> None:
    half = rewards_for(transform, [16.0, 0.3, -2.0])
    half = half._replace(rewards=half.rewards.bfloat16(), references=half.references.bfloat16())
    whole = half._replace(rewards=half.rewards.float(), references=half.references.float())
    found, expected = (transform(given, transform.start()).rewards for given in (half, whole))
    assert found.dtype == torch.float32
    assert found.equal(expected)


@each
def test_nothing_given_is_changed(transform: Transform) -> None:
    given, state = rewards_for(transform, [1.0, -2.0, 0.5]), transform.start()
    before = [part.clone() for part in given], dict(state)
    transform(given, state)
    assert all(part.equal(old) for part, old in zip(given, before[0], strict=True))
    assert dict(state) == before[1]


@each
@given(batches=BATCHES)
def test_a_state_that_was_stored_goes_on_as_if_nothing_had_been(transform: Transform, batches: list) -> None:
    state = stored = transform.start()
    for batch in batches:
        given = rewards_for(transform, batch)
        one = transform(given, state)
        other = transform(given, json.loads(json.dumps(stored)))
        assert one.rewards.equal(other.rewards)
        assert one.state == other.state
        state, stored = one.state, other.state


@pytest.mark.parametrize("transform", [one for one in ALL if one.start()], ids=lambda one: one.name)
def test_statistics_take_a_batch_in_before_they_are_used_on_it(transform: Transform) -> None:
    """What is made of a batch after others is what is made of its rows when all come as one."""
    first, second = [0.5, -3.0, 1.0], [4.0, -1.0]
    state = transform(given_rewards(first), transform.start()).state
    after = transform(given_rewards(second), state)
    together = transform(given_rewards(first + second), transform.start())
    assert after.rewards.tolist() == pytest.approx(together.rewards[len(first) :].tolist(), rel=1e-6)
    assert dict(after.state) == pytest.approx(dict(together.state))


@each
def test_spec_rebuilds_the_transform(transform: Transform) -> None:
    assert SHAPING.build(transform.spec()) == transform
    assert type(transform).__doc__


@each
def test_one_that_reads_references_says_when_there_are_none(transform: Transform) -> None:
    bare = rewards_for(transform, [1.0, 2.0])._replace(references=torch.zeros(2, 0))
    if transform.reads_references:
        with pytest.raises(InputError, match=f"{transform.name} needs reference rewards"):
            transform(bare, transform.start())
    else:
        assert transform(bare, transform.start()).rewards.isfinite().all()


def test_a_chain_is_its_transforms_in_turn() -> None:
    """min(1.3, 1) against 0: s(1) = .7310586."""
    chain = chain_of([{"name": "ceiling", "cap": 1.0}, "par"])
    found, states = shape(chain, given_rewards([1.3, 0.0]), start(chain))
    assert found.tolist() == pytest.approx([0.7310586, 0.5])
    assert states == ({}, {})


def test_each_transform_of_a_chain_has_its_own_statistics() -> None:
    chain = chain_of(["standardise", "min_max"])
    _, states = shape(chain, given_rewards([1.0, 2.0, 4.0]), start(chain))
    found, after = shape(chain, given_rewards([4.0]), json.loads(json.dumps(states)))
    assert states[0]["mean"] == pytest.approx(7 / 3)
    assert states[1]["greatest"] == pytest.approx(1.3363062)
    assert after[0]["n"] == 4
    standardised = (4 - 2.75) / math.sqrt(6.75 / 4)
    assert found.tolist() == pytest.approx([(standardised + 1.0690450) / (1.3363062 + 1.0690450)])


def test_nothing_is_compared_with_references_on_another_scale() -> None:
    with pytest.raises(ConfigError, match="name it before standardise"):
        chain_of(["clip", "standardise", "par"])
    assert len(chain_of(["clip", "length", "par", "standardise"])) == 4


def test_no_transforms_leave_rewards_as_they_are() -> None:
    found, states = shape((), given_rewards([1.5]), ())
    assert (found.tolist(), states) == ([1.5], ())
