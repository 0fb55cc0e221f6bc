import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.helpsteer2 import HelpSteer2 as Importer
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES
from schemas.scores import SCORES
from tests.warehouse.exporters.conftest import ATTRIBUTES
from warehouse.comparisons import LeftOut
from warehouse.exporters.helpsteer2 import HelpSteer2

texts = st.text(st.characters(exclude_categories=("Cs",))).filter(lambda text: "<extra_id_1>" not in text)
values = st.one_of(st.none(), st.integers(0, 4).map(float))
CHAT = [{"role": role, "content": f"{role} says"} for role in ("user", "assistant", "user")]


def ratings(values, lo=0.0, hi=4.0):
    return [
        {"aspect": aspect, "value": value, "lo": lo, "hi": hi, "rationale": None}
        for aspect, value in zip(ATTRIBUTES, values, strict=True)
    ]


def test_ratings_come_back(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "helpsteer2")
    assert (done.funnel.read, done.funnel.dropped) == (12, {"role_is_not_user_or_assistant": 2})
    lake, imported = bring(tmp_path / "out", "helpsteer2")
    assert imported.funnel.dropped == {}
    texts = {row["response_id"]: row["text"] for row in lake.read(RESPONSES).to_pylist()}
    there = {row["text"] for row in source.lake.read(RESPONSES).to_pylist()}
    assert set(texts.values()) == there - {"\u0000 nul", "\x1f unit"}
    rated = {(texts[row["response_id"]], row["aspect"], row["value"]) for row in lake.read(SCORES).to_pylist()}
    assert rated == {(text, aspect, 4.0) for text in texts.values() for aspect in ATTRIBUTES}  # 5 of 1 to 5
    assert lake.read(PROMPTS).num_rows == 5


@given(st.lists(texts, max_size=3), texts.filter(str.strip), texts, st.lists(values, min_size=5, max_size=5))
def test_any_text_and_rating_comes_back(earlier, last, answer, rated):
    turns = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(earlier)]
    turns = [*turns, {"role": "user", "content": last}]
    exported = HelpSteer2().row({"prompt": turns, "text": answer, "ratings": ratings(rated)}, with_margin=False)
    prompt, response, *scores = Importer().translate(json.loads(json.dumps(exported)))
    assert list(prompt.messages) == turns
    assert response.text == answer
    assert [(score.aspect, score.value) for score in scores] == list(zip(ATTRIBUTES, rated, strict=True))


def test_other_scales_are_moved_and_several_ratings_averaged():
    both = ratings([1.0] * 5, 0.0, 1.0) + ratings([1.0] * 5)
    exported = HelpSteer2().row({"prompt": CHAT, "text": "a", "ratings": both}, with_margin=False)
    assert [exported[attribute] for attribute in ATTRIBUTES] == [2.5] * 5


@pytest.mark.parametrize("known", [None, [], ratings([1.0] * 5)[:4]], ids=["none", "empty", "four"])
def test_a_response_without_all_five_is_left_out(known):
    with pytest.raises(LeftOut, match="five_attributes"):
        HelpSteer2().row({"prompt": CHAT, "text": "a", "ratings": known}, with_margin=False)


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        pytest.param({"role": "system", "content": "Be brief."}, "role_is_not", id="system"),
        pytest.param({"role": "user", "content": "<extra_id_1>User"}, "role_mark", id="mark"),
    ],
)
def test_turns_that_the_notation_cannot_say_are_left_out(turn, reason):
    row = {"prompt": [turn, *CHAT], "text": "a", "ratings": ratings([1.0] * 5)}
    with pytest.raises(LeftOut, match=reason):
        HelpSteer2().row(row, with_margin=False)
