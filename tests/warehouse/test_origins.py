"""A row keeps its first source, and the lake remembers the others."""

import json

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from schemas.other_sources import OTHER_SOURCES
from schemas.prompts import PROMPTS, Prompt, user
from warehouse.origins import append

LINES = [{"prompt": f"Say {i}.", "chosen": "please", "rejected": "no"} for i in range(3)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


def origins(lake, *columns):
    return [tuple(row[name] for name in columns) for row in lake.read(OTHER_SOURCES).to_pylist()]


def test_a_file_imported_again_under_another_source_is_known_under_both(lake, file):
    first = import_paths(lake, IMPORTERS.build({"name": "trl", "source": "first"}), [file])
    assert first.new == {"prompts": 3, "responses": 6, "votes": 3, "scores": 0}
    assert origins(lake, "source") == []
    for _ in range(2):
        again = import_paths(lake, IMPORTERS.build({"name": "trl", "source": "secret"}), [file], run_id="r")
        assert set(again.new.values()) == {0}
        assert sorted(origins(lake, "row_kind", "source", "run_id")) == [
            *[("prompt", "secret", "r")] * 3, *[("response", "secret", "r")] * 6, *[("vote", "secret", "r")] * 3,
        ]  # fmt: skip
    assert set(lake.read(PROMPTS).column("source").to_pylist()) == {"first"}
    import_paths(lake, IMPORTERS.build({"name": "trl", "source": "first"}), [file])
    assert len(origins(lake, "source")) == 12


def asked(**facts):
    return Prompt.of(user("Why?"), **{"source": "hand", **facts})


def test_another_licence_or_user_is_remembered_and_what_is_not_stated_is_none(lake):
    append(lake, (PROMPTS, PROMPTS.rows([asked(license="MIT"), asked(license="MIT", user_id="ann")])))
    append(lake, (PROMPTS, PROMPTS.rows([asked(), asked(license="MIT"), asked(license="GPL"), asked(user_id="bob")])))
    assert set(origins(lake, "source", "license", "user_id")) == {
        ("hand", "GPL", None), ("hand", "MIT", "ann"), ("hand", None, "bob"),
    }  # fmt: skip


def test_one_source_of_a_row_that_comes_twice_in_a_batch_is_the_other_one(lake):
    append(lake, (PROMPTS, PROMPTS.rows([asked(source="a"), asked(source="b")])))
    (stored,) = lake.read(PROMPTS).column("source").to_pylist()
    assert {stored, *(source for (source,) in origins(lake, "source"))} == {"a", "b"}
