import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.prometheus import Prometheus as Importer
from schemas.scores import SCORES
from warehouse.comparisons import LeftOut
from warehouse.exporters.prometheus import HEADING, Prometheus

texts = st.text(st.characters(exclude_categories=("Cs",)))


def rating(value, why=None, lo=1.0, hi=5.0):
    return {"aspect": "x", "value": value, "lo": lo, "hi": hi, "rationale": why}


def row(**changes):
    found = {"prompt": [{"role": "user", "content": "Hi"}], "split": "train", "model": "m", "text": "a"}
    return found | {"aspect": "Is it polite?", "ratings": [rating(5.0, "Yes.")]} | changes


def scores(lake):
    rows = lake.con.execute("""
        select cast(messages as varchar), text, aspect, 1 + 4 * (value - scale_lo) / (scale_hi - scale_lo), rationale
        from scores join responses using (response_id) join prompts using (prompt_id) where value is not null
    """).fetchall()
    return sorted((*key, round(value, 5), why) for *key, value, why in rows if "Be brief" not in key[0])


def test_scores_come_back(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "prometheus")
    assert done.funnel.dropped == {"no_rating": 12, "prompt_has_several_turns": 14}
    lake, imported = bring(tmp_path / "out", "prometheus")
    assert imported.funnel.dropped == {}
    assert scores(lake) == scores(source.lake)
    assert len(scores(lake)) == 5 * 2 * 7
    assert set(lake.read(SCORES).column("judge").to_pylist()) == {"prometheus/gpt-4"}


@given(
    texts.filter(str.strip), texts, texts.filter(lambda text: text.splitlines() == [text]),
    st.lists(st.tuples(st.integers(1, 5).map(float), st.one_of(st.none(), texts)), min_size=1, max_size=3),
)  # fmt: skip
def test_any_text_and_reading_comes_back(prompt, answer, criterion, readings):
    turns = [{"role": "user", "content": prompt}]
    ratings = [rating(*reading) for reading in readings]
    exported = Prometheus().row(row(prompt=turns, text=answer, aspect=criterion, ratings=ratings), with_margin=False)
    asked, response, *found = Importer().translate(json.loads(json.dumps(exported)))
    assert list(asked.messages) == turns
    assert (response.text, response.model) == (answer, "prometheus/m")
    assert [(score.aspect, score.value, score.rationale or None) for score in found] == [
        (criterion, value, why or None) for value, why in readings
    ]


def test_a_model_of_the_format_keeps_its_name():
    exported = Prometheus().row(row(model="prometheus/m"), with_margin=False)
    assert next(r for r in list(Importer().translate(exported))[1:]).model == "prometheus/m"


def test_other_scales_are_moved():
    assert Prometheus().row(row(ratings=[rating(0.5, lo=0.0, hi=1.0)]), with_margin=False)["score"] == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"ratings": []}, "no_rating", id="unrated"),
        pytest.param({"ratings": [rating(None)]}, "no_rating", id="does-not-apply"),
        pytest.param({"aspect": "one\ntwo"}, "not_one_line", id="two-lines"),
        pytest.param({"aspect": ""}, "not_one_line", id="no-criterion"),
        pytest.param({"prompt": [{"role": "user", "content": f"x {HEADING}"}]}, "heading", id="heading"),
    ],
)
def test_what_the_format_cannot_say_is_left_out(changes, reason):
    with pytest.raises(LeftOut, match=reason):
        Prometheus().row(row(**changes), with_margin=False)
