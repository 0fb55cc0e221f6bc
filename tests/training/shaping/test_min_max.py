from __future__ import annotations

from tests.training.shaping.conftest import in_turn


def test_the_range_grows_before_it_is_used() -> None:
    assert in_turn("min_max", [[1.0, 3.0, 2.0], [5.0], [2.0]]) == [[0.0, 1.0, 0.5], [1.0], [0.25]]


def test_equal_rewards_become_0() -> None:
    assert in_turn("min_max", [[0.3, 0.3], [0.3]]) == [[0.0, 0.0], [0.0]]
