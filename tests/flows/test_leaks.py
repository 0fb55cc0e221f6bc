"""The leak scan in a recipe. No model is asked."""

import json

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import load
from schemas.drops import DROPS
from schemas.runs import RUNS
from warehouse import query

PAIRS = 120


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "scanned.yaml"
    path.write_text("name: s\nprompts: {sources: [trl]}\npair: {name: majority}\npublish: {dataset: d}\n")
    return path


def test_pairs_that_give_their_winner_away_are_not_published(lake, recipe, tmp_path):
    """Every third rejected answer ends with something that no chosen answer has."""
    spill = ("<|eot_id|>", "\n\nHuman: and now?", "\r")
    records = [
        {
            "prompt": f"Say {i}.",
            "chosen": f"Yes, {i}.",
            "rejected": f"No, {i}." + (spill[i % 9 // 3] if i % 3 == 0 else ""),
        }
        for i in range(PAIRS)
    ]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    import_paths(lake, IMPORTERS.build("trl"), [file])
    curate_into(lake, load(recipe, {"leaks": {}}))
    texts = query(lake.folder, "select r.text from members join pairs using (pair_id) "
                  "join responses as r on r.response_id = rejected_id").to_pylist()  # fmt: skip
    assert len(texts) == PAIRS * 2 // 3
    assert not any(part in row["text"] for row in texts for part in spill)
    drops = [row for row in lake.read(DROPS).to_pylist() if row["stage"] == "pair"]
    assert [row["reason"] for row in drops] == ["leak"] * (PAIRS // 3)
    (funnel,) = (json.loads(row["funnel"]) for row in lake.read(RUNS).to_pylist() if row["stage"] == "pair")
    assert (funnel["read"], funnel["kept"], funnel["dropped"]) == (PAIRS, PAIRS * 2 // 3, {"leak": PAIRS // 3})
