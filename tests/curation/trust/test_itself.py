"""How far a judge agrees with itself."""

from collections import defaultdict

import krippendorff
import numpy as np
import polars as pl
import pytest

from curation.importers.prometheus import Prometheus
from curation.importing import import_paths
from curation.trust import judge_figures
from tests.warehouse.test_judge_views import JUDGES, World
from warehouse.readonly import query


def figure(figures, judge, name):
    return figures.row(by_predicate=(pl.col("judge") == judge) & (pl.col("figure") == name), named=True)


def test_gpt4_and_itself_on_prometheus(lake, real_data, record_property):
    """Three recorded scores of 320 responses: 199 times all equal."""
    import_paths(lake, Prometheus(), [real_data / "prometheus"])
    (row,) = query(lake.folder, "from self_agreement").to_pylist()
    assert (row["judge"], row["kind"], row["n"], row["readings"]) == ("prometheus/gpt-4", "rating", 320, 960)
    assert row["same"] == 199 / 320
    figures = judge_figures(lake)
    for name, expected in {
        "same rating again": 199 / 320,
        "alpha with itself, ordinal": 0.723,
        "alpha with itself, interval": 0.808,
    }.items():
        found = figure(figures, "prometheus/gpt-4", name)
        assert found["value"] == pytest.approx(expected, abs=5e-4)
        assert found["low"] < found["value"] < found["high"]
        assert found["n"] == 320
        record_property(
            f"prometheus, gpt-4 and itself, {name}",
            f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})",
        )


def test_verdicts_of_one_order_that_were_asked_several_times(lake):
    """The second judge is asked up to three times in each order, the first one once."""
    world = World(0)
    world.store(lake)
    asked = defaultdict(list)
    for vote in world.votes:
        if vote.annotator == JUDGES[1] and vote.verdict:
            asked[vote.response_a, vote.response_b, vote.shown_first].append({"a": 1, "b": 0, "tie": 0.5}[vote.verdict])
    again = [said for said in asked.values() if len(said) > 1]
    table = np.full((3, len(again)), np.nan)
    for place, said in enumerate(again):
        table[: len(said), place] = said
    figures = judge_figures(lake)
    same = figure(figures, JUDGES[1], "same verdict again")
    assert (same["n"], same["value"]) == (len(again), np.mean([len(set(said)) == 1 for said in again]))
    alpha = figure(figures, JUDGES[1], "alpha with itself, verdicts")
    theirs = krippendorff.alpha(np.concatenate([table, 1 - table], axis=1), level_of_measurement="nominal")
    assert (alpha["n"], alpha["value"]) == (len(again), pytest.approx(theirs))
    assert figures.filter((figures["judge"] == JUDGES[0]) & (figures["figure"] == "same verdict again")).is_empty()
    views = {row["judge"]: row for row in query(lake.folder, "from self_agreement").to_pylist()}
    assert (views[JUDGES[1]]["n"], views[JUDGES[1]]["same"]) == (len(again), same["value"])
    assert views[JUDGES[1]]["spread"] == pytest.approx(np.mean([max(said) - min(said) for said in again]))
