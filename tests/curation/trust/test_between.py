"""How far every two judges agree: percent, kappa and conflicts, as counted in Python and as the view has them."""

from statistics import fmean

import pytest
from sklearn.metrics import cohen_kappa_score

from curation.trust.between import BETWEEN, between
from tests.warehouse.test_judge_views import JUDGES, World
from warehouse.lake import Lake
from warehouse.readonly import query

MIRROR = {"a": "b", "b": "a", "tie": "tie"}


@pytest.fixture(scope="module")
def world():
    return World(0)


@pytest.fixture(scope="module")
def judged(world, tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("between") / "warehouse") as opened:
        world.store(opened)
        yield opened


def two(frame, figure):
    rows = frame.filter((frame["judge"] == JUDGES[0]) & (frame["other"] == JUDGES[1]) & (frame["figure"] == figure))
    return rows.row(0, named=True)


def test_two_judges(world, judged):
    opinions = world.opinions()
    said = [
        (says, opinions[JUDGES[1], a, b])
        for (who, a, b), says in opinions.items()
        if who == JUDGES[0] and (JUDGES[1], a, b) in opinions
    ]
    mirrored = said + [(MIRROR[x], MIRROR[y]) for x, y in said]
    decided = [(x, y) for x, y in said if "tie" not in (x, y)]
    found = between(judged)
    assert found.schema == BETWEEN
    agreement, kappa, conflict = (two(found, name) for name in ("agreement", "kappa", "conflict"))
    assert (agreement["n"], agreement["value"]) == (len(said), pytest.approx(fmean(x == y for x, y in said)))
    theirs = cohen_kappa_score(*zip(*mirrored, strict=True))
    assert (kappa["n"], kappa["value"]) == (len(said), pytest.approx(theirs))
    assert (conflict["n"], conflict["value"]) == (len(decided), pytest.approx(fmean(x != y for x, y in decided)))
    for row in (agreement, kappa, conflict):
        assert row["low"] < row["value"] < row["high"]
        assert row["n_prompts"] == len(world.prompts)


def test_the_view_says_the_same(judged):
    (row,) = query(judged.folder, f"from agreement where judge = '{JUDGES[0]}' and other = '{JUDGES[1]}'").to_pylist()
    found = between(judged)
    assert two(found, "agreement")["value"] == pytest.approx(row["agree"])
    assert two(found, "conflict")["value"] == pytest.approx(row["conflict"])


def test_one_judge_beside_every_other_one(judged):
    alone = between(judged, JUDGES[1])
    assert all(JUDGES[1] in pair for pair in zip(alone["judge"], alone["other"], strict=True))
    assert not alone.is_empty()
    assert alone["other"].null_count() == 0
