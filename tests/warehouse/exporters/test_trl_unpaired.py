import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.trl_unpaired import TrlUnpaired as Importer
from schemas.scores import SCORES
from tests.rows import draft
from warehouse.comparisons import LeftOut
from warehouse.exporters.trl_unpaired import TrlUnpaired


def test_labels_come_back_as_scores(source, bring, tmp_path):
    source.export(tmp_path / "out", "trl_unpaired")
    lake, done = bring(tmp_path / "out", "trl_unpaired")
    rated = {row["response_id"]: row["value"] for row in lake.read(SCORES).to_pylist()}
    pairs = source.lake.con.execute("select chosen_id, rejected_id from pairs").fetchall()
    assert rated == {chosen: 1.0 for chosen, _ in pairs} | {rejected: 0.0 for _, rejected in pairs}
    assert done.funnel.dropped == {}


def test_plain_texts_come_back_and_conversations_are_left_out(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "trl_unpaired", conversational=False)
    assert done.funnel.dropped == {"prompt_has_several_turns": 2}
    lake, imported = bring(tmp_path / "out", "trl_unpaired")
    assert imported.funnel.dropped == {}
    labels = {row["response_id"]: row["value"] for row in lake.read(SCORES).to_pylist()}
    pairs = source.lake.con.execute("""
        select chosen_id, rejected_id from pairs join prompts using (prompt_id) where len(messages) = 1
    """).fetchall()
    assert labels == {chosen: 1.0 for chosen, _ in pairs} | {rejected: 0.0 for _, rejected in pairs}
    assert len(labels) == 10


texts = st.text(st.characters(exclude_categories=("Cs",)))


@given(texts.filter(str.strip), texts, st.booleans(), st.booleans())
def test_any_text_comes_back(prompt, text, label, conversational):
    turns = [{"role": "user", "content": prompt}]
    row = {"both": False, "label": label, "prompt": turns, "text": text, "model": "m"}
    exported = TrlUnpaired(conversational=conversational).row(row, with_margin=False)
    asked, response, score = Importer().translate(json.loads(json.dumps(exported)))
    assert list(asked.messages) == turns
    assert (response.text, response.model, score.value) == (text, "m", float(label))


def test_a_response_that_wins_here_and_loses_there_has_no_label():
    row = {"both": True, "label": True, "prompt": [{"role": "user", "content": "Hi"}], "text": "a", "model": "m"}
    with pytest.raises(LeftOut, match="chosen_here"):
        TrlUnpaired().row(row, with_margin=False)


def test_it_is_counted(lake, tmp_path):
    from schemas.prompts import PROMPTS, Prompt, user
    from schemas.responses import RESPONSES, Response
    from tests.warehouse.exporters.conftest import pair_of
    from warehouse.exporters import export_folder
    from warehouse.versions import publish

    prompt = Prompt.of(user("Hi"), source="hand")
    best, middle, worst = (Response.of(prompt.prompt_id, model="m", text=t, source="hand") for t in "abc")
    lake.append((PROMPTS, PROMPTS.rows([prompt])), (RESPONSES, RESPONSES.rows([best, middle, worst])))
    version = publish(lake, draft([pair_of(best, middle), pair_of(middle, worst)])).version
    done = export_folder(lake, version, tmp_path / "out", TrlUnpaired(conversational=False))
    assert (done.funnel.read, done.funnel.dropped) == (3, {"chosen_here_and_rejected_there": 1})
    lines = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert sorted((line["completion"], line["label"]) for line in lines) == [("a", True), ("c", False)]
