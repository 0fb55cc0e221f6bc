import json

from schemas.responses import RESPONSES
from schemas.scores import SCORES
from tests.rows import draft, some_pairs


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
    from warehouse.exporters.ultrafeedback import UltraFeedback

    def rating(value, lo, hi):
        return {"aspect": "honesty", "value": value, "lo": lo, "hi": hi, "rationale": None}

    side = {"model": "m", "text": "t", "ratings": [rating(1.0, 0.0, 1.0), rating(1.0, 1.0, 5.0)]}
    row = {"prompt": [{"role": "user", "content": "Hi"}], "source": "s", "completions": [side, side]}
    completion = UltraFeedback().row(row, with_margin=False)["completions"][0]
    assert completion["annotations"]["honesty"]["Rating"] == "3"
    assert completion["overall_score"] is None
    assert json.dumps(completion)


def test_pairs_without_scores_cannot_be_carried(lake, tmp_path):
    import pytest

    from schemas.errors import WarehouseError
    from warehouse.exporters import export_folder
    from warehouse.exporters.ultrafeedback import UltraFeedback
    from warehouse.versions import publish

    version = publish(lake, draft(some_pairs(lake, 3))).version
    with pytest.raises(WarehouseError, match="3 fewer_than_two_rated_responses"):
        export_folder(lake, version, tmp_path / "out", UltraFeedback())
