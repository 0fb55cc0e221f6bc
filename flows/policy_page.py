"""One page of what became of a policy: alarms, figures, its way from the start, its curves, and responses to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.curves import draw
from flows.page import write_html
from flows.policy_plots import Way, way_plot
from schemas.ids import canonical
from training.answers import Both
from training.checkpoint import TrainingRecord
from training.evaluate.alarms import History
from training.outcome import PolicyReport

EXAMPLES = 5
"""Prompts whose responses the page shows."""

MEANINGS = {
    "KL, k1": "nats per response from the reference: the mean log-ratio",
    "KL, k2": "half of its square: less noise, and biased far away",
    "KL, k3": "unbiased, and never negative",
    "entropy": "nats per token",
    "length": "tokens",
    "ended by itself": "share of responses that were not cut off",
    "distinct n-grams per input": "share among the samples of a prompt; mean of n = 1 to 5",
    "EAD per input": "the same beside n-grams drawn at random from the vocabulary",
    "embedding distance per input": "mean cosine distance of the reference's mean hidden states",
    "distinct n-grams across inputs": "among one response to each prompt",
    "EAD across inputs": "the same beside n-grams drawn at random",
    "embedding distance across inputs": "mean cosine distance of any two of them",
}
"""What a figure is, where its name does not say."""


def facts_of(model: str, record: TrainingRecord, folder: Path, reference: str) -> dict[str, str]:
    """What the page is about."""
    return {
        "model": model,
        "folder": str(folder),
        "objective": str(record.objective["name"]),
        "data version": record.data,
        "fingerprint": record.fingerprint,
        "reference": reference,
    }


def write_page(
    out: Path,
    both: Both,
    found: PolicyReport,
    *,
    history: History,
    gone: Sequence[Way],
    rewards: Mapping[str, NDArray[np.float64]],
    facts: Mapping[str, str],
    record: TrainingRecord,
    **more: Any,
) -> None:
    """Write the page. `gone` is the way of each reward along the run; `more` are the other names of the template."""
    best = next(iter(rewards), "")
    write_html(
        out,
        "policy.html.jinja",
        title=f"What became of {facts['model']}",
        facts=facts,
        settings=canonical(dict(record.settings)),
        metrics={name: value for name, value in sorted(record.metrics.items()) if name.startswith("test_")},
        prompts=len(both.prompts),
        samples=both.samples,
        too_long=both.too_long,
        rows=found.rows,
        meanings=MEANINGS,
        ways=gone,
        lawful=[way for way in gone if way.law],
        way_plot=way_plot(gone),
        curves=draw(history) if history else "",
        best=best,
        examples=_examples(both, rewards, best),
        **more,
    )


def _examples(both: Both, rewards: Mapping[str, NDArray[np.float64]], best: str) -> list[dict[str, Any]]:
    """First responses: those that `best` rewards most, or those to the first prompts."""
    places = np.arange(len(both.prompts)) * both.samples
    if best:
        places = places[np.argsort(-np.nan_to_num(rewards[best][0][places], nan=-np.inf), kind="stable")]
    return [
        {
            "prompt": "\n".join(message["content"] for message in both.prompts[place // both.samples].messages),
            "sides": [
                {"text": who.texts[place], "rewards": {name: each[side][place] for name, each in rewards.items()}}
                for side, who in enumerate((both.policy, both.reference))
            ],
        }
        for place in places[:EXAMPLES].tolist()
    ]
