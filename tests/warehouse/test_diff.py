"""A diff names what did it: a judge, a rubric, a vote that people or files brought, a filter, a rule of pairing."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import load
from schemas.drops import DROPS, Drop
from schemas.errors import ConfigError, InputError, UnknownVersion
from schemas.pairs import PAIRS
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric, RubricItem
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.rows import draft, some_pairs
from warehouse import query
from warehouse.trace import diff
from warehouse.versions import publish

COUNT = 12
SHORT, LONG = "yes", "yes, and gladly at that"


def brought(lake, tmp_path, source, numbers, better=SHORT, worse=LONG):
    """Import comparisons of two answers, the same ones for a number."""
    lines = [{"prompt": f"Say {i}.", "chosen": better, "rejected": worse} for i in numbers]
    path = tmp_path / f"{source}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_paths(lake, IMPORTERS.build({"name": "trl", "source": source}), [path])


@pytest.fixture
def run(lake, tmp_path):
    """Publish the next version of `d` from the comparisons of `first` and `second`."""
    path = tmp_path / "recipe.yaml"
    path.write_text("name: r\nprompts: {sources: [first, second]}\npair: {name: majority}\npublish: {dataset: d}\n")
    brought(lake, tmp_path, "first", range(COUNT))

    def curate(**changes):
        return curate_into(lake, load(path, changes)).version.label

    return curate


def causes(lake, old="d@1", new="d@2"):
    return Counter((row["change"], row["cause"]) for row in diff(lake, old, new).to_pylist())


def test_an_import_is_named_with_its_source(lake, run, tmp_path):
    run()
    brought(lake, tmp_path, "second", range(COUNT, COUNT + 3))
    run()
    cause = "rule majority on new verdicts of trl/unknown, imported as second; prompts imported as second"
    assert causes(lake) == {("added", cause): 3}
    assert causes(lake, "d@2", "d@1") == {("removed", cause): 3}


def test_a_tie_is_named_whichever_side_was_better_before(lake, run, tmp_path):
    run()
    brought(lake, tmp_path, "second", range(COUNT), better=LONG, worse=SHORT)
    brought(lake, tmp_path, "third", range(COUNT, COUNT + 1))
    run(**{"prompts.sources": ["first", "second", "third"]})
    sides = query(lake.folder, "select distinct chosen_id < rejected_id as in_order from pairs").to_pylist()
    assert len(sides) == 2
    tied = "dropped in pair: split_vote; new verdicts of trl/unknown, imported as second"
    new = "rule majority on new verdicts of trl/unknown, imported as third; prompts imported as third"
    assert causes(lake) == {("removed", tied): COUNT, ("added", new): 1}


FILTER = [{"name": "contamination", "sources": ["first"]}]


def test_a_filter_is_named_and_no_other_recipe_s(lake, run, tmp_path):
    run()
    brought(lake, tmp_path, "second", [COUNT])
    run(filters=FILTER, **{"publish.dataset": "other"})
    run(**{"prompts.sources": ["second"]})
    new = "rule majority on new verdicts of trl/unknown, imported as second; prompts imported as second"
    assert causes(lake) == {("added", new): 1, ("removed", "not compared any more by majority"): COUNT}


def test_a_filter_is_named_again_when_it_drops_the_same_again(lake, run, tmp_path):
    brought(lake, tmp_path, "second", [COUNT])
    run()
    for _ in range(2):
        run(filters=FILTER)
        latest = run(**{"publish.message": "all again", "seed": 1})
    assert latest == "d@1"
    run(filters=FILTER, **{"publish.dataset": "other"})
    dropped = ("removed", "dropped in filter: evaluation_source (first)")
    assert causes(lake) == {dropped: COUNT}
    assert causes(lake, "d@1", "other@1") == {dropped: COUNT}
    assert causes(lake, "d@2", "d@1") == {("added", dropped[1]): COUNT}


@pytest.fixture
def lopsided(lake, tmp_path, run):
    """`d@1`, in which the shorter answer wins twelve times, and the longer one four times."""
    brought(lake, tmp_path, "second", range(COUNT, COUNT + 4), better=LONG, worse=SHORT)
    run()


@pytest.mark.usefixtures("lopsided")
def test_balance_is_named(lake, run):
    run(**{"balance.by": ["length"]})
    assert causes(lake) == {("removed", "dropped in pair: balance_length"): 8}


@pytest.mark.usefixtures("lopsided")
def test_weights_of_balance_are_named(lake, run):
    run(**{"balance.by": ["length"], "balance.how": "weigh"})
    assert {(change, cause.split(" ")[0]) for change, cause in causes(lake)} == {("re-weighted", "balanced,")}


def test_a_leak_is_named(lake, run, tmp_path):
    brought(lake, tmp_path, "second", range(COUNT, COUNT + 120), better="fine", worse="no<|eot_id|>")
    run()
    run(leaks={})
    assert {(change, cause.split(" (")[0]) for change, cause in causes(lake)} == {("removed", "dropped in pair: leak")}


def voted(pair, winner, **facts):
    first, second = sorted((pair.chosen_id, pair.rejected_id))
    return Vote.of(
        prompt_id=pair.prompt_id, shown_first=first, shown_second=second, winner=winner, annotator_kind="ai",
        source="judge", **{"annotator": "pairwise:m", "annotator_version": "2", "record": "c", "call_id": "c", **facts},
    )  # fmt: skip


def test_a_judge_and_its_rubric_are_named(lake):
    by_judge, by_rubric, stays = some_pairs(lake, 3)
    publish(lake, draft([by_judge, by_rubric, stays]))
    rubric = Rubric.of(
        by_rubric.prompt_id, [RubricItem(kind="hard", text="It is short.")], writer="contrastive:w",
        writer_version="3", checked_by="checks:1",
    )  # fmt: skip
    item = Score(
        call_id="d", response_id=by_rubric.chosen_id, judge="rubric", judge_version="1", value=1.0, scale_lo=0.0,
        scale_hi=1.0, aspect=f"{rubric.rubric_id}:1",
    )  # fmt: skip
    turned = [pair.flipped() for pair in (by_judge, by_rubric)]
    rubric_vote = {"annotator": "rubric:m", "annotator_version": "1", "call_id": "d"}
    lake.append(
        (VOTES, VOTES.rows([voted(by_judge, by_judge.rejected_id),
                            voted(by_rubric, by_rubric.rejected_id, **rubric_vote)])),
        (SCORES, SCORES.rows([item])),
        (RUBRICS, RUBRICS.rows([rubric])),
        (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(rubric.item_rows())),
    )  # fmt: skip
    publish(lake, draft([*turned, stays]))
    written = f"rubric {rubric.rubric_id[:8]} of contrastive:w@3"
    found = {row["pair_id_was"]: row["cause"] for row in diff(lake, "hand@1", "hand@2").to_pylist()}
    assert found == {
        by_judge.pair_id: "new verdicts of pairwise:m@2",
        by_rubric.pair_id: f"new verdicts by the {written}, verdicts of rubric:m@1",
    }


def test_only_the_run_that_made_the_version_is_believed(lake):
    pairs = some_pairs(lake, 3)
    publish(lake, replace(draft(pairs), run_id="one"))
    drops = [
        Drop.of("pair", "comparison", reason, row_id=pair.comparison_id, run_id=run_id)
        for pair, reason, run_id in ((pairs[0], "tie", "two"), (pairs[0], "old", "one"), (pairs[1], "alien", "three"))
    ]
    lake.append((DROPS, DROPS.rows(drops)), (PAIRS, PAIRS.rows(pairs)))
    publish(lake, replace(draft(pairs[2:]), run_id="two"))
    assert {row["pair_id"]: row["cause"] for row in diff(lake, "hand@1", "hand@2").to_pylist()} == {
        pairs[0].pair_id: "dropped in pair: tie",
        pairs[1].pair_id: "not compared any more by hand",
    }


@pytest.mark.parametrize(
    "labels", [("hand@1", "hnad@2"), ("hand@99", "hand@1"), ("hnad@1", "hand@99"), ("x", "hand@1")]
)
def test_a_version_that_is_not_there_is_an_error_in_sql_too(lake, labels):
    publish(lake, draft(some_pairs(lake, 2)))
    wrong = next(label for label in labels if label != "hand@1")
    with pytest.raises(InputError, match=f"There is no version ({wrong}|{labels[1]})"):
        query(lake.folder, f"from diff('{labels[0]}', '{labels[1]}')")
    with pytest.raises((UnknownVersion, ConfigError)):
        diff(lake, *labels)
