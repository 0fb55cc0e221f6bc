import pytest

from curation.importers.trl import Trl
from curation.records import BadRow

HI = {"role": "user", "content": "Hi"}
HELLO, AWAY = ({"role": "assistant", "content": text} for text in ("Hello!", "Go away."))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away."}, id="texts"),
        pytest.param({"prompt": [HI], "chosen": [HELLO], "rejected": [AWAY]}, id="messages"),
        pytest.param({"chosen": [HI, HELLO], "rejected": [HI, AWAY]}, id="whole-conversations"),
        pytest.param({"prompt": "Hi", "chosen": [HI, HELLO], "rejected": [HI, AWAY]}, id="text-and-conversations"),
    ],
)
def test_all_shapes_are_one_comparison(record):
    prompt, chosen, rejected, vote = Trl().translate(record)
    assert list(prompt.messages) == [HI]
    assert (chosen.text, rejected.text, chosen.model) == ("Hello!", "Go away.", "trl/unknown")
    assert (vote.response_a if vote.verdict == "a" else vote.response_b) == chosen.response_id
    assert (vote.annotator_kind, vote.strength) == ("unknown", None)


@pytest.mark.parametrize(
    ("fields", "strength"),
    [
        pytest.param({"margin": 1.5}, 1.5, id="margin"),
        pytest.param({"margin": "1.5"}, 1.5, id="margin-from-a-csv"),
        pytest.param({"score_chosen": 8.0, "score_rejected": 5.5}, 2.5, id="scores"),
        pytest.param({"margin": None}, None, id="null"),
    ],
)
def test_a_margin_is_a_strength(fields, strength):
    *_, vote = Trl().translate({"prompt": "Hi", "chosen": "a", "rejected": "b"} | fields)
    assert vote.strength == strength


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        pytest.param({"prompt": "Hi", "chosen": "a", "rejected": "a"}, "identical_responses", id="same-answers"),
        pytest.param({"chosen": "Hi a", "rejected": "Hi b"}, "missing_column: a prompt", id="texts-without-prompt"),
        pytest.param({"chosen": [HI, HELLO], "rejected": [AWAY]}, "contexts_differ", id="other-context"),
        pytest.param({"prompt": "Hi", "chosen": [HELLO, HI], "rejected": [AWAY]}, "no_single_answer", id="two-turns"),
        pytest.param({"prompt": "Hi", "chosen": [HI], "rejected": [AWAY]}, "no_single_answer", id="no-answer"),
        pytest.param({"prompt": "Hi", "chosen": "a", "rejected": "b", "margin": -1}, "negative_margin", id="inverted"),
        pytest.param({"prompt": "Hi", "chosen": "a", "rejected": "b", "margin": "x"}, "wrong_type", id="no-number"),
    ],
)
def test_what_cannot_be_read_is_bad(record, reason):
    with pytest.raises(BadRow, match=reason):
        list(Trl().translate(record))


def test_who_compared_can_be_said():
    *_, vote = Trl(annotator="me", annotator_kind="human").translate({"prompt": "Hi", "chosen": "a", "rejected": "b"})
    assert (vote.annotator, vote.annotator_kind) == ("me", "human")
