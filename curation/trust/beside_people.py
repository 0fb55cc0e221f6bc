"""Judges beside people: whether they agree, order answers alike, and give probabilities that can be believed."""

from __future__ import annotations

import polars as pl

from curation.agreement.calibration import brier_score, calibration_error
from curation.agreement.cohen import cohen_kappa
from curation.agreement.ranking import rank_accuracy
from curation.agreement.shares import percent_agreement, share
from curation.trust.figures import MIRROR, Found, asked, halved
from warehouse.lake import Lake


def agreement(lake: Lake, judge: str | None) -> Found:
    """Agreement of each judge with what most people say. A failure is wrong for accuracy, and absent elsewhere."""
    for (name,), rows in asked(lake, "judge_beside_people", judge=judge).group_by(["judge"], maintain_order=True):
        read = rows.drop_nulls("says")
        both = read.filter((pl.col("says") != "tie") & (pl.col("people_say") != "tie"))
        known = rows.filter(pl.col("people_say") != "tie")
        right = (known["says"] == known["people_say"]).fill_null(value=False)
        yield str(name), "agreement", percent_agreement(read["says"], read["people_say"], read["prompt_id"])
        yield str(name), "agreement, no ties", percent_agreement(both["says"], both["people_say"], both["prompt_id"])
        yield str(name), "accuracy", share(right, known["prompt_id"])
        mirrored = pl.concat([read, read.with_columns(pl.col("says", "people_say").replace_strict(MIRROR))])
        kappa = cohen_kappa(mirrored["says"], mirrored["people_say"], mirrored["prompt_id"])
        yield str(name), "kappa", halved(kappa)


def ranking(lake: Lake, judge: str | None) -> Found:
    """How well the scores of each judge keep the order in which a person rates the answers to a prompt."""
    for (name,), rows in asked(lake, "judge_rankings", judge=judge).group_by(["judge"], maintain_order=True):
        kept = [
            rank_accuracy(dict(enumerate(truth)), {place: one for place, one in enumerate(said) if one is not None})
            for truth, said in zip(rows["truth"], rows["said"], strict=True)
        ]
        known = rows.with_columns(pl.Series("kept", kept, pl.Float64)).drop_nulls("kept")
        yield str(name), "rank accuracy", share(known["kept"], known["prompt_id"])


def calibration(lake: Lake, judge: str | None) -> Found:
    """Of judges that give log-probabilities."""
    for (name,), rows in asked(lake, "judge_probabilities", judge=judge).group_by(["judge"], maintain_order=True):
        yield str(name), "calibration error", calibration_error(rows["chance"], rows["prompt_id"])
        yield str(name), "Brier score", brier_score(rows["chance"], rows["prompt_id"])
