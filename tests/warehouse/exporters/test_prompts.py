import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.importers.prompts import Prompts as Importer
from curation.readers import read_records
from schemas.prompts import PROMPTS
from warehouse.exporters.prompts import Prompts


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
    rows = [{"prompt": [{"role": "user", "content": text}]} for text in asked]
    sheet = exporter.sheet(tmp_path, "train")
    sheet.add([exporter.row(row, with_margin=False) for row in rows])
    sheet.close()
    read = [record for _, record in read_records(tmp_path / f"train.{file}")]
    found = [row for record in read for row in Importer().translate(record)]
    assert [prompt.messages[0]["content"] for prompt in found] == asked


def test_each_prompt_is_written_once(source, tmp_path):
    done = source.export(tmp_path / "out", "prompts")
    assert (done.funnel.unit, done.funnel.read, done.funnel.kept) == ("prompts", 6, 6)
