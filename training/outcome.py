"""A policy beside the model it started from: rewards, wins, distance, entropy, length and diversity, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.answers import Answers, Both
from training.evaluate.alarms import Alarm, hacked, uniform, wins_by_length
from training.evaluate.diversity import (
    counted,
    counted_without_each,
    distinct,
    ead,
    pseudo_values,
    spread,
    spread_without_each,
)
from training.evaluate.intervals import Interval, difference_interval, interval_of_means, mean_interval
from training.evaluate.win_rate import WinRate, win_rate, wins_of

PROXY = "the trained reward"
"""What rewarded the policy as it learned."""

AT_EQUAL_LENGTH = " at equal length"
LOSSES = ("EAD per input", "embedding distance per input")
"""Diversities whose loss is an alarm: the plain share of distinct n-grams falls with length, too."""


class Compared(NamedTuple):
    """A figure of the policy, and where it makes sense of its reference, and the gain, paired by prompt."""

    metric: str
    policy: Interval
    reference: Interval | None = None
    gain: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReport:
    """What held-out prompts say."""

    rows: Sequence[Compared]
    alarms: Sequence[Alarm]


def policy_report(
    both: Both, rewards: Mapping[str, NDArray[np.floating]], wins: Mapping[str, NDArray[np.float64]]
) -> PolicyReport:
    """`rewards` [2, N] by who gives them, PROXY or another, of the policy and of the reference; NaN: unread.

    `wins` [P] by pairwise judge, in 0..1, of the first response to each prompt, in both orders; NaN: no verdict.
    """
    gains = {name: compared(f"reward by {name}", ours, theirs, both.rows) for name, (ours, theirs) in rewards.items()}
    judged = {name: wins_of(ours, theirs) for name, (ours, theirs) in rewards.items()} | dict(wins)
    rates = {name: rate_of(both, found) for name, found in judged.items()}
    varied = diversity(both)
    lost = [row for row in varied if row.metric in LOSSES]
    alarms = [
        *hackings(gains, rates),
        *(wins_by_length(name, found.rate, found.controlled) for name, found in rates.items()),
        *(uniform(row.metric, row.reference, row.policy) for row in lost if row.reference),
    ]
    shown = [
        Compared(f"win rate by {name}{how}", interval)
        for name, found in rates.items()
        for how, interval in {"": found.rate, AT_EQUAL_LENGTH: found.controlled}.items()
    ]
    rows = [*gains.values(), *shown, *movement(both), *varied]
    return PolicyReport(rows=rows, alarms=[alarm for alarm in alarms if alarm])


def rate_of(both: Both, wins: NDArray[np.float64]) -> WinRate:
    """Of wins [N], or [P] of the first responses; NaN has no part."""
    every = both.samples if len(wins) == len(both.prompts) else 1
    known = ~np.isnan(wins)
    lengths = np.stack([both.policy.tokens, both.reference.tokens])[:, ::every]
    return win_rate(wins[known], lengths[:, known], both.rows[::every][known])


def hackings(gains: Mapping[str, Compared], rates: Mapping[str, WinRate]) -> list[Alarm | None]:
    """Each judge beside the trained reward: by its own reward, or by how often it prefers the policy."""
    proxy = gains[PROXY].gain if PROXY in gains else None
    if proxy is None:
        return []
    found: list[Alarm | None] = []
    for name, rate in rates.items():
        gain = gains[name].gain if name in gains else _beyond_half(rate.rate)
        if name != PROXY and gain:
            found.append(hacked(PROXY, proxy, name, gain))
    return found


def _beyond_half(rate: Interval) -> Interval:
    return Interval(rate.value - 0.5, rate.low - 0.5, rate.high - 0.5, rate.n)


def compared(metric: str, ours: ArrayLike, theirs: ArrayLike, prompts: NDArray[np.str_]) -> Compared:
    """The means of two columns [N] and of their difference; rows where either is NaN have no part."""
    first, second = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    known = ~(np.isnan(first) | np.isnan(second))
    first, second, where = first[known], second[known], prompts[known]
    return Compared(
        metric, mean_interval(first, where), mean_interval(second, where), difference_interval(first, second, where)
    )


def movement(both: Both) -> list[Compared]:
    """KL by three estimators, entropy, length, and who ends responses."""
    names = {"kl": "KL, k1", "kl_k2": "KL, k2", "kl_k3": "KL, k3"}
    return [
        *(Compared(names[name], mean_interval(values, both.rows)) for name, values in both.kl.items()),
        _entropy(both),
        compared("length", both.policy.tokens, both.reference.tokens, both.rows),
        compared("ended by itself", both.policy.stopped, both.reference.stopped, both.rows),
    ]


def diversity(both: Both) -> list[Compared]:
    """Of the samples of each prompt, where there are several, and of the first sample of every prompt."""
    names = np.array([one.prompt_id for one in both.prompts])
    ours, theirs = (_diversities(both, who) for who in (both.policy, both.reference))
    return [compared(metric, ours[metric], theirs[metric], names) for metric in ours]


def _diversities(both: Both, who: Answers) -> dict[str, NDArray[np.float64]]:
    """[P] each."""
    texts, vectors = both.of_prompts(who.texts).tolist(), both.of_prompts(who.vectors).astype(np.float64)
    first = [samples[0] for samples in texts]
    whole, rest = counted(first), counted_without_each(first)
    across = {
        "distinct n-grams across inputs": pseudo_values(float(distinct(whole)), distinct(rest)),
        "EAD across inputs": pseudo_values(float(ead(whole, both.vocabulary)), ead(rest, both.vocabulary)),
    }
    if len(texts) > 2:  # of two, one is left, which is not apart from itself
        apart = spread(vectors[:, 0])
        across["embedding distance across inputs"] = pseudo_values(float(apart), spread_without_each(vectors[:, 0]))
    if both.samples < 2:
        return across
    each = np.stack([counted(samples) for samples in texts])
    return {
        "distinct n-grams per input": distinct(each),
        "EAD per input": ead(each, both.vocabulary),
        "embedding distance per input": spread(vectors),
        **across,
    }


def _entropy(both: Both) -> Compared:
    """Nats per token: over all tokens, however they are spread over responses."""
    columns = [both.policy.surprise, both.policy.tokens, both.reference.surprise, both.reference.tokens]
    cells = np.stack(columns, axis=1)
    ours = interval_of_means(cells, both.rows, lambda means: means[..., 0] / means[..., 1])
    theirs = interval_of_means(cells, both.rows, lambda means: means[..., 2] / means[..., 3])
    gain = interval_of_means(
        cells, both.rows, lambda means: means[..., 0] / means[..., 1] - means[..., 2] / means[..., 3]
    )
    return Compared("entropy", ours, theirs, gain)
