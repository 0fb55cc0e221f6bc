import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.__main__ import app
from schemas.errors import WarehouseError
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES
from tests.rows import draft, some_pairs
from tests.warehouse.exporters.conftest import score
from warehouse.exporters import export_folder
from warehouse.exporters.ultrafeedback import UltraFeedback
from warehouse.versions import publish

NOTHING = {"correct_answers": None, "incorrect_answers": None}


def test_scores_come_back(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "ultrafeedback")
    assert done.funnel.dropped == {"prompt_has_several_turns": 1}
    lake, imported = bring(tmp_path / "out", "ultrafeedback")
    assert imported.funnel.dropped == {}
    kept = set(lake.read(RESPONSES).column("response_id").to_pylist())
    assert len(kept) == 10

    def ratings(of):
        rows = (row for row in of.read(SCORES).to_pylist() if row["response_id"] in kept)
        return {(r["response_id"], r["aspect"], r["value"], r["scale_hi"], r["rationale"]) for r in rows}

    assert ratings(lake) == ratings(source.lake)


def test_ratings_on_another_scale_are_moved_and_averaged(source, tmp_path):
    def rating(value, lo, hi):
        return {"aspect": "honesty", "value": value, "lo": lo, "hi": hi, "rationale": None}

    side = {"model": "m", "text": "t", "ratings": [rating(1.0, 0.0, 1.0), rating(1.0, 1.0, 5.0)]}
    row = {"prompt": [{"role": "user", "content": "Hi"}], "source": "s", "completions": [side, side], **NOTHING}
    completion = UltraFeedback().row(row, with_margin=False)["completions"][0]
    assert completion["annotations"]["honesty"]["Rating"] == "3"
    assert completion["overall_score"] is None
    assert json.dumps(completion)


def test_scores_that_came_later_are_carried_where_that_is_asked_for(lake, tmp_path):
    version = publish(lake, draft(some_pairs(lake, 3))).version
    with pytest.raises(WarehouseError, match=r"3 fewer_than_two_rated_responses.*--today"):
        export_folder(lake, version, tmp_path / "out", UltraFeedback())
    rated = [score(Response(**row), "honesty", 4.0) for row in lake.read(RESPONSES).to_pylist()]
    lake.append((SCORES, SCORES.rows(rated)))
    command = ["export", version.label, str(tmp_path / "out"), "--format", "ultrafeedback", "-w", str(lake.folder)]
    assert CliRunner().invoke(app, command).exit_code
    assert CliRunner().invoke(app, [*command, "--today"]).exit_code == 0
    assert len((tmp_path / "out" / "train.jsonl").read_text().splitlines()) == 3


texts = st.text(st.characters(exclude_categories=("Cs",)))


@given(texts.filter(str.strip), texts, texts, texts, st.sampled_from([None, 1.0, 2.0, 5.0]))
def test_any_text_comes_back(prompt, one, other, why, value):
    from curation.importers.ultrafeedback import UltraFeedback as Importer
    from warehouse.exporters.ultrafeedback import UltraFeedback

    ratings = [{"aspect": "honesty", "value": value, "lo": 1.0, "hi": 5.0, "rationale": why}]
    sides = [{"model": m, "text": text, "ratings": ratings} for m, text in (("m", one), ("n", other))]
    row = {"prompt": [{"role": "user", "content": prompt}], "source": "s", "completions": sides, **NOTHING}
    exported = UltraFeedback().row(row, with_margin=False)
    found, *rest = Importer().translate(json.loads(json.dumps(exported)))
    assert found.messages[0]["content"] == prompt
    assert [(row.model, row.text) for row in rest[::2]] == [("m", one), ("n", other)]
    assert [(row.value, row.rationale, row.failure) for row in rest[1::2]] == [(value, why or None, None)] * 2


known = st.one_of(st.none(), st.lists(texts.filter(lambda text: text not in ("", "None")), min_size=1, max_size=2))


@given(known, known)
def test_known_answers_come_back(right, wrong):
    from curation.importers.ultrafeedback import UltraFeedback as Importer
    from warehouse.exporters.ultrafeedback import UltraFeedback

    ratings = [{"aspect": "honesty", "value": 5.0, "lo": 1.0, "hi": 5.0, "rationale": None}]
    sides = [{"model": m, "text": "t", "ratings": ratings} for m in "mn"]
    row = {"prompt": [{"role": "user", "content": "Hi"}], "source": "s", "completions": sides}
    exported = UltraFeedback().row(row | {"correct_answers": right, "incorrect_answers": wrong}, with_margin=False)
    prompt, *_ = Importer().translate(json.loads(json.dumps(exported)))
    assert (prompt.correct_answers, prompt.incorrect_answers) == (right and tuple(right), wrong and tuple(wrong))
