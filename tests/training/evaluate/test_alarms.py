"""Each alarm on a planted run that deserves it, and none on one that is well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from training.evaluate.alarms import by_rollout, hacked, run_alarms, steepness, uniform, wins_by_length
from training.evaluate.intervals import Interval

STEPS = 60


def run(seed: int = 0, passes: int = 1, **planted: Any) -> list[dict[str, float]]:
    """A run that is well: reward and KL rise, entropy falls a little. `planted` are figures over t in 0..1."""
    chance = np.random.default_rng(seed)
    shapes = {
        "reward": math.sqrt,
        "reward_1": lambda t: math.sqrt(t) / 2,
        "kl_k3": lambda t: 8 * t,
        "kl": lambda t: 8 * t,
        "entropy": lambda t: 1.5 - 0.4 * t,
        "length": lambda t: 40 + 15 * t,
        "stopped": lambda t: 0.97,
        "clipped": lambda t: 0.12,
        "explained_variance": lambda t: 0.8 * t,
        "reward_deviation": lambda t: 1 - 0.5 * t,
        "equal_groups": lambda t: 0.05,
        "grad_norm": lambda t: 1.0,
    } | planted
    rollouts = [
        {name: float(shape(place / STEPS) * chance.normal(1, 0.02)) for name, shape in shapes.items()}
        for place in range(STEPS)
    ]
    return [figures | {"loss": chance.normal()} for figures in rollouts for _ in range(passes)]


def names(history: list[dict[str, float]]) -> list[str]:
    return [alarm.name for alarm in run_alarms(history, {"reward_1": "the other judge"})]


@pytest.mark.parametrize("seed", range(20))
def test_a_run_that_is_well_has_no_alarm(seed: int) -> None:
    assert names(run(seed)) == []
    assert names(run(seed, passes=4)) == []


@pytest.mark.parametrize(
    ("alarm", "planted"),
    [
        ("reward hacking", {"reward_1": lambda t: t if t < 0.6 else 1.8 - 2 * t}),
        ("kl runs away", {"kl_k3": lambda t: 90 * t**2}),
        ("entropy collapses", {"entropy": lambda t: 1.5 * (1 - t) + 0.05}),
        ("length changes", {"length": lambda t: 40 + 80 * t}),
        ("length changes", {"length": lambda t: 40 - 30 * t}),
        ("responses are cut off", {"stopped": lambda t: 1 - 0.4 * t}),
        ("many ratios are clipped", {"clipped": lambda t: 0.5 * t}),
        ("the critic explains nothing", {"explained_variance": lambda t: -0.3}),
        ("rewards are alike", {"reward_deviation": lambda t: 1 - 0.97 * t}),
        ("rewards are alike", {"equal_groups": lambda t: 0.9 * t}),
        ("preferred responses become unlikely", {"chosen_logp": lambda t: -30 - 50 * t}),
        ("figures are no numbers", {"grad_norm": lambda t: math.inf if 0.5 < t < 0.52 else 1.0}),
    ],
)
@pytest.mark.parametrize("passes", [1, 4])
def test_what_goes_wrong_is_named_alone(alarm: str, planted: dict[str, Any], passes: int) -> None:
    assert names(run(passes=passes, **planted)) == [alarm]


def test_a_judge_that_falls_with_the_reward_is_no_hacking() -> None:
    assert names(run(reward=lambda t: 1 - t, reward_1=lambda t: 1 - t)) == []


def test_what_a_run_does_not_have_is_no_alarm() -> None:
    """A run on pairs; and one response to a prompt, whose rewards have no spread."""
    assert names([{"loss": 0.7 - t / 100, "accuracy": 0.5 + t / 200} for t in range(STEPS)]) == []
    assert names(run(reward_deviation=lambda t: 0.0, equal_groups=lambda t: 1.0)) == []
    assert names(run(entropy=lambda t: 0.15, kl_k3=lambda t: t)) == [], "it was low from the start"


def test_a_few_steps_say_nothing() -> None:
    assert names(run(length=lambda t: 40 + 800 * t)[:7]) == []


def test_steps_on_one_rollout_count_once() -> None:
    assert len(by_rollout(run(passes=4))) == STEPS
    assert len(by_rollout([{"loss": 0.5}] * 5)) == 5, "steps on pairs all count"


def test_noise_is_seldom_steep() -> None:
    chance = np.random.default_rng(0)
    steep = [abs(steepness(chance.normal(size=20))) > 3 for _ in range(2000)]
    assert np.mean(steep) < 0.02
    assert steepness(np.arange(5.0)) == math.inf
    assert steepness(np.ones(5)) == 0


def at(value: float, margin: float = 0.1) -> Interval:
    return Interval(value, value - margin, value + margin, 100)


def test_held_out_hacking_needs_both_to_be_sure() -> None:
    assert hacked("the proxy", at(1), "gold", at(-1)).name == "reward hacking"  # pyright: ignore[reportOptionalMemberAccess]
    for proxy, judge in ((1, 1), (-1, -1), (0.05, -1), (1, -0.05)):
        assert hacked("the proxy", at(proxy), "gold", at(judge)) is None


def test_winning_by_length() -> None:
    assert wins_by_length("judge", at(0.7), at(0.55)) is not None
    assert wins_by_length("judge", at(0.7), at(0.65)) is None
    assert wins_by_length("judge", at(0.55), at(0.5)) is None


def test_lost_diversity() -> None:
    assert uniform("EAD", at(0.8), at(0.2)) is not None
    assert uniform("EAD", at(0.8), at(0.35)) is None, "it may be more than half"
    assert uniform("EAD", at(0.0), at(0.0)) is None
