import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.importers.prompts import Prompts as Importer
from curation.readers import read_records
from schemas.prompts import FACTS, PROMPTS, Prompt, user
from schemas.responses import RESPONSES
from tests.rows import draft
from tests.warehouse.exporters.conftest import pair_of, sides_of
from warehouse.exporters import export_folder
from warehouse.exporters.prompts import Prompts
from warehouse.lake import Lake
from warehouse.versions import publish


@pytest.mark.parametrize("name", ["prompts", "trl_unpaired", "trl"])
def test_prompts_come_back(source, bring, tmp_path, name):
    """The prompt-only reader takes the prompts out of every format that has them under that name."""
    source.export(tmp_path / "out", name)
    lake, _ = bring(tmp_path / "out", "prompts")
    there, here = (set(one.read(PROMPTS).column("prompt_id").to_pylist()) for one in (source.lake, lake))
    assert here == there


@pytest.mark.parametrize("settings", [{"file": "parquet"}, {"file": "jsonl"}], ids=str)
def test_every_kind_of_file_with_messages_comes_back(source, bring, tmp_path, settings):
    done = source.export(tmp_path / "out", "prompts", **settings)
    assert done.funnel.dropped == {}
    lake, imported = bring(tmp_path / "out", "prompts")
    assert imported.funnel.dropped == {}
    there, here = (set(one.read(PROMPTS).column("prompt_id").to_pylist()) for one in (source.lake, lake))
    assert here == there


@pytest.mark.parametrize("file", ["jsonl", "csv", "parquet"])
def test_plain_texts_come_back_and_conversations_are_left_out(source, bring, tmp_path, file):
    done = source.export(tmp_path / "out", "prompts", file=file, conversational=False)
    assert done.funnel.dropped == {"prompt_has_several_turns": 1}
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["manifest.json", f"train.{file}"]
    lake, _ = bring(tmp_path / "out", "prompts")
    asked = "select prompt_id from prompts where len(messages) = 1 order by all"
    assert lake.con.execute(asked).fetchall() == source.lake.con.execute(asked).fetchall()


texts = st.text(st.characters(exclude_categories=("Cs",))).filter(str.strip)


@given(st.lists(texts, min_size=1, max_size=5), st.sampled_from(["jsonl", "csv", "parquet"]), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back(tmp_path, asked, file, conversational):
    """CSV has no kind of value but text, and other rules for quotes and line ends."""
    exporter = Prompts(file=file, conversational=conversational)
    rows = [{"prompt": [{"role": "user", "content": text}]} | dict.fromkeys(FACTS) for text in asked]
    sheet = exporter.sheet(tmp_path, "train")
    sheet.add([exporter.row(row, with_margin=False) for row in rows])
    sheet.close()
    read = [record for _, record in read_records(tmp_path / f"train.{file}")]
    found = [row for record in read for row in Importer().translate(record)]
    assert [prompt.messages[0]["content"] for prompt in found] == asked


KNOWN = {
    "constraints": ('{"at_most":9,"rule":"length"}',),
    "correct_answers": ("Po", "Rhine"),
    "incorrect_answers": ("Etna",),
    "task_type": "geography",
}


@pytest.mark.parametrize("file", ["jsonl", "parquet"])
def test_what_is_known_about_a_prompt_comes_back(bring, tmp_path, file):
    asked = [Prompt.of(user("Name a river."), source="hand", **KNOWN), Prompt.of(user("Hi"), source="hand")]
    both = [sides_of(prompt, ("a", "b")) for prompt in asked]
    with Lake.create(tmp_path / "source") as source:
        flat = [side for sides in both for side in sides]
        source.append((PROMPTS, PROMPTS.rows(asked)), (RESPONSES, RESPONSES.rows(flat)))
        version = publish(source, draft([pair_of(*sides) for sides in both])).version
        export_folder(source, version, tmp_path / "out", Prompts(file=file))
    lake, _ = bring(tmp_path / "out", "prompts")
    found = {row["prompt_id"]: {name: row[name] for name in FACTS} for row in lake.read(PROMPTS).to_pylist()}
    known = {name: list(value) if isinstance(value, tuple) else value for name, value in KNOWN.items()}
    assert found == {asked[0].prompt_id: known, asked[1].prompt_id: dict.fromkeys(FACTS)}


def test_each_prompt_is_written_once(source, tmp_path):
    done = source.export(tmp_path / "out", "prompts")
    assert (done.funnel.unit, done.funnel.read, done.funnel.kept) == ("prompts", 6, 6)
