from __future__ import annotations

from tests.training.shaping.conftest import close, given_rewards, in_turn, shaped


def test_worked_numbers_one_reward_at_a_time() -> None:
    """Running means 1, 1.5, 2.3333 and population deviations 0, .5, 1.2472, each with the reward it is used on."""
    assert in_turn("standardise", [[1.0], [2.0], [4.0]]) == [[0.0], [1.0], close([1.3363062])]


def test_a_batch_is_counted_before_it_is_standardised() -> None:
    assert shaped("standardise", given_rewards([1.0, 2.0, 4.0])) == close([-1.0690450, -0.2672612, 1.3363062])


def test_equal_rewards_become_0() -> None:
    assert in_turn("standardise", [[0.1] * 7, [0.1] * 3]) == [[0.0] * 7, [0.0] * 3]


def test_worked_numbers_of_ppo_max() -> None:
    """Deviations 1.290994 and 2.160247, by n - 1; the means are 2.5 and 3.666667."""
    spec = {"name": "standardise", "unbiased": True}
    first, second = in_turn(spec, [[1.0, 2.0, 3.0, 4.0], [5.0, 7.0]])
    assert first[0] == close(-1.161895)
    assert second == close([0.617213, 1.543033])
    clipped = in_turn({**spec, "most": 0.8}, [[1.0, 2.0, 3.0, 4.0], [5.0, 7.0]])
    assert clipped == [close([-0.8, -0.3872983, 0.3872983, 0.8]), close([0.617213, 0.8])]


def test_one_reward_is_0() -> None:
    assert in_turn({"name": "standardise", "unbiased": True}, [[3.0]]) == [[0.0]]
