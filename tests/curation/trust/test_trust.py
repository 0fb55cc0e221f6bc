"""Figures of judges: the same as the views say, and with intervals."""

from collections import defaultdict
from contextlib import closing
from dataclasses import replace

import krippendorff
import numpy as np
import openpyxl
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from curation.importers.tulu_human_eval import PREFERENCES, TuluHumanEval
from curation.importing import import_paths
from curation.trust import COUNTED, judge_figures
from curation.trust.between import between
from curation.trust.figures import FIGURES
from schemas.errors import InputError
from tests.warehouse.test_judge_views import EVERY_JUDGE, JUDGES, RULE, World
from warehouse.lake import Lake
from warehouse.readonly import query


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("trust") / "warehouse") as opened:
        World(0).store(opened)
        yield opened


@pytest.fixture(scope="module")
def figures(judged):
    return judge_figures(judged)


def value(figures: pl.DataFrame, judge: str, figure: str) -> float | None:
    return figures.row(by_predicate=(pl.col("judge") == judge) & (pl.col("figure") == figure), named=True)["value"]


SAID_BY_VIEWS = [
    ("agreement where other is null", "judge", {"agree": "agreement", "accuracy": "accuracy"}),
    ("self_preference", "judge", {"own_rate": "own", "people_rate": "own of people", "judges_rate": "own of judges"}),
    ("cycles where annotator like '%:%'", "annotator", {"rate": "circles"}),
    ("position_bias where annotator like 'pairwise%'", "annotator",
     {"first_rate": "first", "flipped": "flipped", "consistent": "consistent"}),
    ("style_effects where annotator like '%:%' and feature = 'length'", "annotator",
     {"share": "length", "share_there": "length beside people", "people_share": "length of people"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("view", "key", "columns"), SAID_BY_VIEWS, ids=lambda x: x.split()[0] if isinstance(x, str) else ""
)
def test_figures_are_those_of_the_views(judged, figures, view, key, columns):
    rows = query(judged.folder, f"from {view}").to_pylist()
    assert rows
    for row in rows:
        for column, figure in columns.items():
            assert value(figures, row[key], figure) == (None if row[column] is None else pytest.approx(row[column]))


def test_every_judge_has_every_figure_or_the_reason_why_not(figures):
    assert figures.schema == FIGURES
    assert set(figures["judge"]) == {*EVERY_JUDGE}
    bare = figures.filter(pl.col("low").is_null())
    assert bare["reason"].null_count() == 0
    assert set(figures.filter(pl.col("reason") == COUNTED)["figure"]) == {"comparisons"}
    inside = figures.drop_nulls("low")
    assert (inside["low"] <= inside["value"]).all()
    assert (inside["value"] <= inside["high"]).all()


def test_one_judge_alone(judged, figures):
    assert_frame_equal(judge_figures(judged, JUDGES[0]), figures.filter(pl.col("judge") == JUDGES[0]))


def test_an_unknown_judge_is_named(judged, lake):
    with pytest.raises(InputError, match=r"Did you mean 'pairwise:x'\?"):
        judge_figures(judged, "pairwis:x")
    with pytest.raises(InputError, match="No judge has voted or rated here"):
        judge_figures(lake)


def test_kappa_with_people_does_not_depend_on_which_id_comes_first(judged, figures):
    """The mirrored table is symmetrical in a and b, so it is that of winners and losers."""
    joined = "opinions as o join people_majority as p using (prompt_id, response_a, response_b)"
    rows = query(judged.folder, f"select annotator, o.says, p.says as people from {joined}").to_pylist()
    for judge in JUDGES:
        said = [(row["says"], row["people"]) for row in rows if row["annotator"] == judge and row["says"]]
        table = np.zeros((3, 3))
        for one, two in said:
            for names in ("a b tie".split(), "b a tie".split()):
                table[names.index(one), names.index(two)] += 1
        share = table / table.sum()
        expected = share.sum(1) @ share.sum(0)
        assert value(figures, judge, "kappa") == pytest.approx((np.trace(share) - expected) / (1 - expected))


def test_two_raters_are_compared_by_tau(lake):
    """The rater of a world, and another one that gives every response 3 less what that one gives."""
    world = World(0)
    rated = [score for score in world.scores if score.judge != RULE and score.value is not None]
    world.scores = rated + [
        replace(score, call_id=f"other {score.call_id}", judge="turned", value=3 - score.value) for score in rated
    ]
    world.store(lake)
    found = between(lake)
    (tau,) = found.filter(pl.col("figure") == "Kendall's tau").to_dicts()
    assert (tau["judge"], tau["other"], tau["value"]) == ("aspects:z", "turned:z", pytest.approx(-1))
    assert set(found["judge"]) == {"people", "judges", "aspects:z", *JUDGES}


def tulu_table(folder) -> np.ndarray:
    """Signed strengths of each annotator for each comparison, read from the sheet; then all once more, reversed."""
    with closing(openpyxl.load_workbook(folder / "eval_annotations_tulu_1.xlsx", read_only=True)) as book:
        names, *lines = book.active.iter_rows(values_only=True)
    votes = defaultdict(lambda: defaultdict(list))
    for line in lines:
        row = dict(zip(names, line, strict=True))
        if row["preference"] is not None:
            side, strength = PREFERENCES[row["preference"]]
            sides = [(row["model_a"], row["completion_a"]), (row["model_b"], row["completion_b"])]
            sign = {0: 1, 1: -1, None: 0}[side] * (1 if sides == sorted(sides) else -1)
            votes[row["prompt"], *sorted(sides)][row["evaluator"]].append(sign * strength)
    units = [[np.mean(mine) for mine in people.values()] for people in votes.values()]
    table = np.array([unit + [np.nan] * (16 - len(unit)) for unit in units]).T
    return np.concatenate([table, -table], axis=1)


def test_people_of_tulu_among_themselves(lake, real_data, record_property):
    """Sixteen annotators, 121 comparisons with more than one of them: alpha on signed strengths."""
    import_paths(lake, TuluHumanEval(), [real_data / "tulu_human_eval"])
    found = between(lake).filter(pl.col("judge") == "people")
    alpha = found.row(by_predicate=pl.col("figure") == "alpha of strengths", named=True)
    theirs = krippendorff.alpha(tulu_table(real_data / "tulu_human_eval"), level_of_measurement="interval")
    assert alpha["value"] == pytest.approx(theirs)
    assert (alpha["n"], alpha["n_prompts"]) == (121, 108)
    assert alpha["low"] < alpha["value"] < alpha["high"]
    for row in found.iter_rows(named=True):
        shown = row["reason"] if row["value"] is None else f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        record_property(f"tulu, people among themselves, {row['figure']}", shown)
