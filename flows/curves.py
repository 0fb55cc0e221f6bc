"""Learning curves of a training run, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import polars as pl

from flows.page import ROW, WIDTH, svg

PANELS = {
    "reward": "reward",
    "reward_deviation": "deviation of the rewards of a prompt",
    "kl": "KL from the start, nats per response",
    "kl_k2": "KL from the start, nats per response",
    "kl_k3": "KL from the start, nats per response",
    "entropy": "entropy, nats per token",
    "length": "tokens per response",
    "stopped": "share of responses that ended by themselves",
    "clipped": "share of clipped ratios",
    "explained_variance": "variance that the critic explains",
    "loss": "loss",
    "held_out_loss": "loss",
    "accuracy": "accuracy",
    "margin": "margin",
    "chosen_logp": "log-probability of chosen responses, nats",
    "grad_norm": "gradient norm",
}
"""Which metric is drawn in which panel, from top to bottom."""
NAMES = {"held_out_loss": "held out", "kl": "k1", "kl_k2": "k2", "kl_k3": "k3"}
"""Lines that share a panel, or are no figure of the training itself."""
MOST_POINTS = 500
"""Of a line; longer runs show every second, third, ... step."""


def draw(history: Sequence[Mapping[str, float]]) -> str:
    """An SVG with a panel for each figure of PANELS that a run has, over its steps."""
    every = -(-len(history) // MOST_POINTS)
    rows = [
        {"step": step["step"], "panel": panel, "of": NAMES.get(metric, "train"), "value": float(step[metric])}
        for place, step in enumerate(history)
        for metric, panel in PANELS.items()
        # Held-out losses are few, and none is left out.
        if metric in step and (place % every == 0 or metric == "held_out_loss")
    ]
    lines = alt.Chart(pl.DataFrame(rows)).mark_line(point={"size": 12})
    encoded = lines.encode(
        x=alt.X("step:Q", title="step"),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        color=alt.Color("of:N", title=None, sort=["train", *NAMES.values()]),
    ).properties(width=WIDTH, height=4 * ROW)
    header = alt.Header(title=None, labelOrient="top", labelAnchor="start", labelFontWeight="bold")
    panels = alt.Row("panel:N", sort=list(dict.fromkeys(PANELS.values())), header=header)
    return svg(encoded.facet(row=panels, spacing=12).resolve_scale(y="independent"))
