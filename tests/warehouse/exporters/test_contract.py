"""What every exporter promises."""

import json
from dataclasses import replace
from hashlib import sha256
from shutil import copytree

import pytest

from schemas.datasets import MANIFEST
from schemas.errors import WarehouseError
from tests.warehouse.exporters.conftest import become_known_later
from warehouse.collect import compact
from warehouse.exporters import EXPORTERS
from warehouse.lake import Lake


@pytest.fixture(params=EXPORTERS.classes)
def name(request):
    return request.param


def test_the_manifest_names_the_version_the_format_and_every_byte(source, name, tmp_path):
    done = source.export(tmp_path / "out", name)
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert (manifest["dataset"], manifest["version"], manifest["n_pairs"]) == ("hand", 1, 6)
    assert manifest["fingerprint"] == source.version.fingerprint
    assert EXPORTERS.build(manifest["format"]).name == name
    assert manifest["funnel"]["read"] == done.funnel.read
    files = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*")}
    files = {relative: path for relative, path in files.items() if path.is_file() and relative != MANIFEST}
    assert files.keys() == manifest["files"].keys()
    assert files
    for relative, path in files.items():
        assert sha256(path.read_bytes()).hexdigest() == manifest["files"][relative]


def test_the_same_version_is_the_same_bytes(source, name, tmp_path):
    first, second = (source.export(tmp_path / out, name) for out in ("a", "b"))
    assert first.funnel == second.funnel
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()


def test_what_became_known_later_is_not_in_a_version(source, name, tmp_path):
    """Other scores, votes, rubrics, facts and sources of the same answers come after it, and files are merged."""
    before = source.export(tmp_path / "before", name)
    with Lake.open(copytree(source.lake.folder, tmp_path / "later")) as lake:
        become_known_later(lake)
        compact(lake)
        after = replace(source, lake=lake).export(tmp_path / "after", name)
    assert after.funnel == before.funnel
    assert (tmp_path / "after" / MANIFEST).read_bytes() == (tmp_path / "before" / MANIFEST).read_bytes()


def test_an_older_export_is_replaced_and_anything_else_is_not(source, name, tmp_path):
    source.export(tmp_path / "out", "prompts")
    source.export(tmp_path / "out", name)
    assert json.loads((tmp_path / "out" / MANIFEST).read_text())["format"]["name"] == name
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(WarehouseError, match="name another folder"):
        source.export(tmp_path / "mine", name)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_every_exporter_shows_a_row_or_says_what_it_writes():
    assert all(cls.__doc__ for cls in EXPORTERS.classes.values())


TURNED = {
    "chosen": "rejected",
    "rejected": "chosen",
    "chosen_model": "rejected_model",
    "rejected_model": "chosen_model",
}


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "trl"},
        {"name": "trl", "conversational": False},
        {"name": "openrlhf"},
        {"name": "openrlhf", "conversational": False},
        {"name": "openrlhf", "prompt_key": None},
        {"name": "hf"},
        {"name": "datasets"},
    ],
    ids=str,
)
def test_nothing_but_the_answers_tells_which_side_won(spec):
    """The same two answers with the label turned round are the same row turned round: no role, no token, no order."""
    turns = [{"role": "user", "content": "Hi"}]
    if spec.get("conversational", True):
        turns = [{"role": "system", "content": "Be brief."}, *turns, {"role": "assistant", "content": "Yes?"}, *turns]
    treated = {"pair_id": "p", "source": "s", "rule": "r", "label_source": "l", "weight": 1.0, "soft_label": 1.0}
    row = {"prompt": turns, "rejected_prompt": turns, "margin": 2.0, **treated}
    row |= {"chosen": "one", "rejected": "other", "chosen_model": "m", "rejected_model": "n"}
    exporter = EXPORTERS.build(spec)
    one, turned = (
        exporter.row(found, with_margin=True) for found in (row, {name: row[TURNED.get(name, name)] for name in row})
    )
    assert one["chosen"] != one["rejected"]
    assert turned == {name: one[TURNED.get(name, name)] for name in one}


@pytest.mark.parametrize(
    ("name", "label"),
    [("arena", "winner"), ("alpaca_eval", "preference"), ("helpsteer2_preference", "preference_strength")],
)
def test_nothing_but_the_label_tells_who_won_a_vote(name, label):
    turns = [{"role": "user", "content": "Hi"}]
    row = {"vote_id": "v", "prompt": turns, "source": "s", "first": "a", "first_model": "m", "second": "b"}
    row |= {"second_model": "n", "strength": 1.0, "annotator": "x", "annotator_kind": "human", "justification": None}
    exporter = EXPORTERS.build(name)
    one, turned = (exporter.row(row | {"winner": winner}, with_margin=False) for winner in ("first", "second"))
    assert {key for key in one if one[key] != turned[key]} == {label}
