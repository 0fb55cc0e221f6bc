from __future__ import annotations

from tests.training.shaping.conftest import close, given_rewards, in_turn, shaped


def test_worked_numbers_one_reward_at_a_time() -> None:
    """4 is above 2.3333 + 1.2472; 1 is 1 - 0, and 2 is 1.5 + 0.5."""
    assert in_turn("clip", [[1.0], [2.0], [4.0]]) == [[1.0], [2.0], close([3.5805525])]


def test_both_ends_are_held() -> None:
    """Mean 0, deviation 5."""
    assert shaped("clip", given_rewards([-5.0, 5.0, -7.0, 7.0, 1.0, -1.0])) == close([-5, 5, -5, 5, 1, -1])
