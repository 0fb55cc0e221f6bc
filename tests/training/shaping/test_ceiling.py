from __future__ import annotations

from tests.training.shaping.conftest import given_rewards, shaped


def test_rewards_stop_at_the_cap() -> None:
    assert shaped({"name": "ceiling", "cap": 2.0}, given_rewards([-9.0, 1.5, 2.0, 7.0])) == [-9.0, 1.5, 2.0, 2.0]
