import pytest

from curation.importers.alpaca_eval import AlpacaEval
from curation.records import BadRow

ROW = {"instruction": "Hi", "output_1": "one", "generator_1": "m", "output_2": "two", "generator_2": "n",
       "annotator": "gpt-4"}  # fmt: skip


@pytest.mark.parametrize(
    ("preference", "winner", "strength"),
    [
        pytest.param(1, "one", 1.0, id="first"),
        pytest.param(2, "two", 1.0, id="second"),
        pytest.param(1.75, "two", 0.5, id="weighted"),
        pytest.param(1.5, None, 0.0, id="tie"),
        pytest.param(0, None, 0.0, id="tie-of-older-files"),
        pytest.param("2.0", "two", 1.0, id="from-a-csv"),
    ],
)
def test_a_preference_names_the_winner(preference, winner, strength):
    _, one, two, vote = AlpacaEval().translate(ROW | {"preference": preference})
    won = {"a": vote.response_a, "b": vote.response_b, "tie": None}[vote.verdict]
    assert {one.response_id: "one", two.response_id: "two", None: None}[won] == winner
    assert vote.strength == strength
    assert (vote.annotator, vote.annotator_kind) == ("alpaca_eval/gpt-4", "ai")


def test_a_null_is_a_failure_and_no_tie():
    *_, vote = AlpacaEval().translate(ROW | {"preference": None})
    assert (vote.verdict, vote.failure) == (None, "no_preference")


@pytest.mark.parametrize("preference", [3, 0.5, -1])
def test_another_number_is_bad(preference):
    with pytest.raises(BadRow, match="unknown_preference"):
        list(AlpacaEval().translate(ROW | {"preference": preference}))


def test_the_order_shown_is_read_where_it_is_said():
    for switched, place in ((False, 1), (True, 2)):
        rows = list(AlpacaEval().translate(ROW | {"preference": 1, "is_switched_output_1_output_2": switched}))
        assert rows[-1].shown_first == rows[place].response_id


def test_a_numbered_annotator_is_a_person():
    record = {key: value for key, value in ROW.items() if key != "annotator"} | {"annotator_index": 3, "preference": 1}
    *_, vote = AlpacaEval().translate(record)
    assert (vote.annotator, vote.annotator_kind) == ("alpaca_eval/3", "human")
