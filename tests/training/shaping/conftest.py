"""Rewards to shape."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import strategies as st

from training.shaping import SHAPING, Given

SMALL = st.floats(-8, 8, width=32)
BATCHES = st.lists(st.lists(SMALL, min_size=1, max_size=5), min_size=1, max_size=5)


def given_rewards(rewards: Sequence[float], references: Sequence[float] = (0.0,), tokens: int = 5) -> Given:
    """B responses, all to a prompt with these references."""
    size = len(rewards)
    shared = torch.tensor([list(references)]).expand(size, -1)
    return Given(torch.tensor(rewards), shared, torch.full((size,), tokens))


def given_steps(*responses: Sequence[float]) -> Given:
    """The steps of B responses, short ones filled with NaN."""
    most = max(map(len, responses))
    steps = torch.tensor([[*one, *[torch.nan] * (most - len(one))] for one in responses])
    return Given(steps, torch.zeros(len(responses), 0), torch.full((len(responses),), 5))


def shaped(spec: object, given: Given) -> list:
    """What a fresh transform makes of one batch."""
    transform = SHAPING.build(spec)
    return transform(given, transform.start()).rewards.tolist()


def in_turn(spec: object, batches: Sequence[Sequence[float]]) -> list[list[float]]:
    """What one transform makes of several batches."""
    transform = SHAPING.build(spec)
    state, found = transform.start(), []
    for batch in batches:
        after = transform(given_rewards(batch), state)
        found.append(after.rewards.tolist())
        state = after.state
    return found


def close(expected: object, rel: float = 1e-6) -> object:
    return pytest.approx(expected, rel=rel, abs=1e-6)
