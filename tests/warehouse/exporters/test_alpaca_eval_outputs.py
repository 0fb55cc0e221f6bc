import json
from itertools import pairwise

from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from tests.rows import draft
from tests.warehouse.exporters.conftest import pair_of
from warehouse.exporters import export_folder
from warehouse.exporters.alpaca_eval_outputs import AlpacaEvalOutputs
from warehouse.lake import Lake
from warehouse.versions import publish


def test_answers_come_back_a_file_a_model(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "alpaca_eval_outputs")
    assert done.funnel.dropped == {"prompt_has_several_turns": 2}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"m.json", "n.json", "manifest.json"}
    lake, imported = bring(tmp_path / "out", "alpaca_eval_outputs")
    assert imported.funnel.dropped == {}
    there, here = (set(one.read(RESPONSES).column("response_id").to_pylist()) for one in (source.lake, lake))
    assert here < there
    assert len(here) == 10


def version_of(lake, models):
    """One prompt, and an answer for each of these models; each wins over the next."""
    prompt = Prompt.of(user("Hi"), source="hand")
    sides = [Response.of(prompt.prompt_id, model=m, text=f"{i}", source="hand") for i, m in enumerate(models)]
    lake.append((PROMPTS, PROMPTS.rows([prompt])), (RESPONSES, RESPONSES.rows(sides)))
    return publish(lake, draft([pair_of(*two) for two in pairwise(sides)])).version


MODELS = ["meta/Llama-3.1-8B", "a.json.b", ".hidden", "..", "ü 漢", "%2F", "m" * 80]


def test_any_name_of_a_model_comes_back(lake, bring, tmp_path):
    with Lake.create(tmp_path / "source") as source:
        export_folder(source, version_of(source, MODELS), tmp_path / "out", AlpacaEvalOutputs())
    lake, imported = bring(tmp_path / "out", "alpaca_eval_outputs")
    assert imported.notes == []
    assert set(lake.read(RESPONSES).column("model").to_pylist()) == set(MODELS)
    assert {path.parent for path in (tmp_path / "out").rglob("*")} == {tmp_path / "out"}


def test_of_several_answers_of_a_model_one_is_carried(lake, tmp_path):
    done = export_folder(lake, version_of(lake, ["m", "m", "n"]), tmp_path / "out", AlpacaEvalOutputs())
    assert (done.funnel.kept, done.funnel.dropped) == (2, {"another_answer_of_the_model": 1})
    assert [row["generator"] for row in json.loads((tmp_path / "out" / "m.json").read_text())] == ["m"]


def test_another_models_file_is_still_told(source, bring, tmp_path):
    source.export(tmp_path / "out", "alpaca_eval_outputs")
    (tmp_path / "out" / "m.json").rename(tmp_path / "out" / "claude%2F3.json")
    _, imported = bring(tmp_path / "out", "alpaca_eval_outputs")
    assert "model is not the file's" in {note.kind for note in imported.notes}
