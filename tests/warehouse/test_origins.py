"""A row keeps its first source, and the lake remembers the others."""

import json
from collections import Counter
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from curation.importers import IMPORTERS
from curation.importing import import_paths
from schemas.other_sources import OTHER_SOURCES
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from warehouse.origins import Arrivals

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
    Arrivals(lake).append((PROMPTS, PROMPTS.rows([asked(license="MIT"), asked(license="MIT", user_id="ann")])))
    Arrivals(lake).append(
        (PROMPTS, PROMPTS.rows([asked(), asked(license="MIT"), asked(license="GPL"), asked(user_id="bob")]))
    )
    assert set(origins(lake, "source", "license", "user_id")) == {
        ("hand", "GPL", None), ("hand", "MIT", "ann"), ("hand", None, "bob"),
    }  # fmt: skip


def test_one_source_of_a_row_that_comes_twice_in_a_batch_is_the_other_one(lake):
    Arrivals(lake).append((PROMPTS, PROMPTS.rows([asked(source="a"), asked(source="b")])))
    (stored,) = lake.read(PROMPTS).column("source").to_pylist()
    assert {stored, *(source for (source,) in origins(lake, "source"))} == {"a", "b"}


FEW = st.integers(0, 5)
BATCHES = st.lists(
    st.tuples(
        st.sampled_from(["one", "other", "a benchmark"]),
        st.lists(FEW, max_size=4),
        st.lists(st.tuples(FEW, FEW), max_size=4),
    ),
    max_size=6,
)
"""Who appends which prompts, and which responses to which prompts: also to those that nobody has appended."""


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES)
@example([("one", [0], []), ("one", [], [(1, 1)]), ("one", [1], [(1, 1)])])
@example([("one", [0], []), ("one", [2], []), ("other", [], [(1, 1)]), ("one", [1], [(1, 1)])])
@example([("a benchmark", [], [(1, 1)]), *[("one", [number], [(number, 1)]) for number in (0, 2, 1)]])
@example([*[("one", [2], [])] * 3, ("a benchmark", [], [(1, 1)]), ("one", [1], [(1, 1)])])
@example([("one", [0], []), *[("one", [2], [])] * 2, ("a benchmark", [], [(1, 1)]), ("one", [1], [(1, 1)])])
@example([("one", [0], []), ("one", [2], []), ("a benchmark", [1], []), ("one", [0, 1, 2, 1], [])])
@example([("one", [0], []), ("one", [2], [(2, 1), (2, 1)]), ("one", [2], [(2, 1), (2, 2)])])
def test_no_key_comes_twice_whoever_appends(lake, batches):
    salt = uuid4()  # of an example of its own
    arrivals = {"one": Arrivals(lake), "other": Arrivals(lake)}
    known = {PROMPTS.name: set(), RESPONSES.name: set()}
    for who, asked, answered in batches:
        prompts = [Prompt.of(user(f"{salt} {number}"), source="x") for number in asked]
        parts = [(PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows([said(salt, *one) for one in answered]))]
        new = arrivals[who].append(*parts) if who in arrivals else lake.append(*parts)
        for (table, rows), count in zip(parts, new, strict=True):
            came = set(rows.column(table.key[0]).to_pylist())
            assert count == len(came - known[table.name])
            known[table.name] |= came
    for name, ids in known.items():
        stored = Counter(lake.con.table(name).to_arrow_table().column(0).to_pylist())
        assert {one: stored[one] for one in ids} == dict.fromkeys(ids, 1)


def said(salt, prompt, number):
    prompt_id = Prompt.of(user(f"{salt} {prompt}"), source="x").prompt_id
    return Response.of(prompt_id, model="m", text=f"{number}", source="x")


def test_a_table_has_one_batch(lake):
    rows = PROMPTS.rows([asked()])
    with pytest.raises(ValueError, match="give them as one"):
        Arrivals(lake).append((PROMPTS, rows), (PROMPTS, rows))
