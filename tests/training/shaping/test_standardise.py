from __future__ import annotations

from tests.training.shaping.conftest import close, given_rewards, in_turn, shaped


def test_worked_numbers_one_reward_at_a_time() -> None:
    """Running means 1, 1.5, 2.3333 and population deviations 0, .5, 1.2472, each with the reward it is used on."""
    assert in_turn("standardise", [[1.0], [2.0], [4.0]]) == [[0.0], [1.0], close([1.3363062])]


def test_a_batch_is_counted_before_it_is_standardised() -> None:
    assert shaped("standardise", given_rewards([1.0, 2.0, 4.0])) == close([-1.0690450, -0.2672612, 1.3363062])


def test_equal_rewards_become_0() -> None:
    assert in_turn("standardise", [[0.1] * 7, [0.1] * 3]) == [[0.0] * 7, [0.0] * 3]
