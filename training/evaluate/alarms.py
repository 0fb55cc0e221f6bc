"""What is wrong with a run of a policy, in sentences: from its history, and from answers to held-out prompts.

An alarm asks somebody to look; it is no proof. Each threshold says where it comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.evaluate.intervals import Interval
from training.evaluate.mismatch import last_third

History = Sequence[Mapping[str, float]]

LEAST = 8
"""Rollouts, or steps of a run on pairs, below which nothing is said of a run: a trend needs points."""
STEEP = 3.0
"""Standard errors of a slope that are no chance: 1 in 700."""
LOW_ENTROPY = 0.2
"""Nats per token: below it adaptive entropy bonuses push (TRL's target). Half of the start must be lost, too, so that a
task with short answers is no alarm by itself."""
FACTOR = 2.0
"""Of length: answers twice as long have won benchmarks without being better."""
CUT_OFF = 0.1
"""Share of answers without an end. Each is judged on half of what it says."""
CLIPPED = 0.3
"""Share of tokens whose ratio earns nothing more: above it steps are too large for what was sampled."""
SPREAD = 0.1
"""Of the start's deviation of rewards within a prompt; rewards so alike are told apart by noise."""
EQUAL = 0.5
"""Share of prompts whose responses all earn the same, and teach nothing."""
DIVERSITY = 0.5
"""Of the reference's. Training by preferences always costs some diversity (arXiv:2310.06452); half is a collapse."""
UNLIKELY = 2.0
"""Of the log-probability of preferred responses: as if each had to be said twice. Some loss is usual."""


class Alarm(NamedTuple):
    """Something to look at."""

    name: str
    says: str


def run_alarms(history: History, watched: Mapping[str, str] | None = None) -> list[Alarm]:
    """What the history of a run shows. `watched` names the figures of judges that reward nothing, by their column."""
    steps = by_rollout(history)
    if len(steps) < LEAST:
        return []
    found = [(kind.__name__.replace("_", " "), kind(steps)) for kind in KINDS]
    for column, name in (watched or {}).items():
        found.append(("reward hacking", _hacking(steps, column, name)))
    return [Alarm(name, says) for name, says in found if says]


def by_rollout(history: History) -> list[Mapping[str, float]]:
    """The first step on each rollout: the others repeat its figures."""
    marks = [tuple(step.get(name) for name in ("reward", "length", "kl", "entropy")) for step in history]
    return [
        step
        for place, step in enumerate(history)
        if "reward" not in step or place == 0 or marks[place] != marks[place - 1]
    ]


def hacked(proxy: str, proxy_gain: Interval, judge: str, judge_gain: Interval) -> Alarm | None:
    """Held-out answers please the model that rewarded more than before, and another judge less: both for certain."""
    if not (proxy_gain.low > 0 and judge_gain.high < 0):
        return None
    return Alarm(
        "reward hacking",
        f"On held-out prompts {proxy} rises by {proxy_gain.value:.3g} and {judge} falls by {-judge_gain.value:.3g}, "
        "both beyond their intervals: stop earlier, pull harder (kl), or reward with an ensemble.",
    )


def wins_by_length(judge: str, rate: Interval, controlled: Interval) -> Alarm | None:
    """The policy wins for certain, but not at equal length."""
    if not (rate.low > 0.5 and controlled.low <= 0.5):
        return None
    return Alarm(
        "wins by length",
        f"{judge} prefers it in {rate.value:.0%}, but at equal length in {controlled.value:.0%}, which may be chance.",
    )


def uniform(what: str, before: Interval, after: Interval) -> Alarm | None:
    """Responses have lost half of their diversity, for certain."""
    if not (before.value > 0 and after.high < DIVERSITY * before.value):
        return None
    return Alarm(
        "diversity falls", f"{what} is {after.value:.3g}, less than half of the reference's {before.value:.3g}."
    )


def kl_runs_away(steps: History) -> str | None:
    """Farther from the start than a policy that always gives one typical response of it: KL = its entropy."""
    kl, room = _end(steps, "kl_k3"), _start(steps, "entropy") * _start(steps, "length")
    if not kl > room:
        return None
    return (
        f"KL from the start is {kl:.3g} nats a response; a policy that always gave one typical response of the start "
        f"would be {room:.3g} away. Raise kl, or lower the learning rate."
    )


def entropy_collapses(steps: History) -> str | None:
    """Nothing is left to choose among, and groups of responses become equal."""
    before, after = _start(steps, "entropy"), _end(steps, "entropy")
    if not (after < LOW_ENTROPY and after < before / 2):
        return None
    return f"Entropy fell from {before:.3g} to {after:.3g} nats a token: sampling explores nothing more."


def length_changes(steps: History) -> str | None:
    """Length is what reward models fall for first."""
    before, after = _start(steps, "length"), _end(steps, "length")
    if not (after > FACTOR * before or after < before / FACTOR):
        return None
    grew = "grew" if after > before else "shrank"
    return f"Responses {grew} from {before:.3g} to {after:.3g} tokens: read some, and compare rewards at equal length."


def responses_are_cut_off(steps: History) -> str | None:
    """They reach the limit of tokens."""
    cut = 1 - _end(steps, "stopped")
    if not cut > CUT_OFF:
        return None
    return f"{cut:.0%} of the responses were cut off: raise rollout.max_tokens, or set rollout.cut_off."


def many_ratios_are_clipped(steps: History) -> str | None:
    """Steps go farther than what was sampled can tell."""
    clipped = _late(steps, "clipped")
    if not clipped > CLIPPED:
        return None
    return f"{clipped:.0%} of the ratios were clipped in the last third: lower the learning rate, or rollout.passes."


def the_critic_explains_nothing(steps: History) -> str | None:
    """A constant would do better."""
    explained = _late(steps, "explained_variance")
    if not explained < 0:
        return None
    return (
        f"The critic explained {explained:.0%} of the variance of the returns in the last third, less than a constant "
        "would: raise critic_rate or critic_rollouts, or start it as the model that rewards."
    )


def rewards_are_alike(steps: History) -> str | None:
    """The spread within prompts collapses (RewardDance, arXiv:2509.08826): what is left to learn from is noise."""
    before, after = _start(steps, "reward_deviation"), _end(steps, "reward_deviation")
    if not before > 0:  # one response to a prompt
        return None
    if after < SPREAD * before:
        return f"Rewards of one prompt's responses spread by {after:.3g}, at first by {before:.3g}."
    equal = _end(steps, "equal_groups")
    if not equal > EQUAL:
        return None
    return f"{equal:.0%} of the prompts have responses that all earn the same, and teach nothing."


def preferred_responses_become_unlikely(steps: History) -> str | None:
    """Of runs on pairs: both sides lose probability, and it goes to what nobody has seen."""
    before, after = _start(steps, "chosen_logp"), _end(steps, "chosen_logp")
    if not after < UNLIKELY * before:
        return None
    return f"Log-probability of preferred responses fell from {before:.3g} to {after:.3g} nats: add keep_chosen or nll."


def figures_are_no_numbers(steps: History) -> str | None:
    """Overflow in the loss or in what rewards."""
    odd = sorted({name for step in steps for name, value in step.items() if not math.isfinite(value)})
    return f"No finite number at some step: {', '.join(odd)}." if odd else None


KINDS: tuple[Callable[[History], str | None], ...] = (
    figures_are_no_numbers,
    kl_runs_away,
    entropy_collapses,
    length_changes,
    responses_are_cut_off,
    many_ratios_are_clipped,
    the_critic_explains_nothing,
    rewards_are_alike,
    preferred_responses_become_unlikely,
)


def steepness(values: NDArray[np.float64]) -> float:
    """The slope of values [C] in its standard errors; 0 where there is none, or fewer than three values."""
    if len(values) < 3:
        return 0.0
    places = np.arange(len(values)) - (len(values) - 1) / 2
    slope = places @ values / (places @ places)
    rest = values - values.mean() - slope * places
    error = math.sqrt(rest @ rest / (len(values) - 2) / (places @ places))
    if error <= 1e-12 * abs(slope):
        return math.copysign(math.inf, slope) if slope else 0.0
    return float(slope / error)


def _hacking(steps: History, column: str, name: str) -> str | None:
    """In the last third what rewards rises, and what only watches falls."""
    third = max(LEAST, len(steps) // 3)
    up, down = (steepness(np.array(_values(steps, which)[-third:])) for which in ("reward", column))
    if not (up > STEEP and down < -STEEP):
        return None
    return (
        f"In the last {third} rollouts the reward rises while {name}, which rewards nothing, falls: "
        "take an earlier state, pull harder (kl), or reward with an ensemble."
    )


def _values(steps: History, name: str) -> list[float]:
    return [step[name] for step in steps if name in step]


def _start(steps: History, name: str) -> float:
    """Mean of the first tenth; NaN, which no threshold passes, where the run has no such figure."""
    return _mean(_values(steps, name)[: _tenth(steps)])


def _end(steps: History, name: str) -> float:
    """Mean of the last tenth."""
    return _mean(_values(steps, name)[-_tenth(steps) :])


def _late(steps: History, name: str) -> float:
    """Mean of the last third."""
    return _mean(list(last_third(_values(steps, name))))


def _tenth(steps: History) -> int:
    return -(-len(steps) // 10)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
