import pytest

from curation.importers.prompts import Prompts
from curation.records import BadRow


def test_a_conversation_keeps_its_turns():
    turns = [{"role": r, "content": c} for r, c in [("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")]]
    (prompt,) = Prompts().translate({"messages": turns})
    assert list(prompt.messages) == turns


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({"messages": "Hi"}, id="text-for-a-list"),
        pytest.param({"messages": [{"role": "user"}]}, id="no-content"),
        pytest.param({"prompt": None}, id="null"),
    ],
)
def test_a_record_of_another_shape_is_bad(record):
    with pytest.raises(BadRow):
        list(Prompts().translate(record))


def test_a_prompt_must_ask_something():
    with pytest.raises(ValueError, match="empty"):
        list(Prompts().translate({"prompt": "  "}))
    with pytest.raises(ValueError, match="end with a user turn"):
        list(Prompts().translate({"messages": [{"role": "assistant", "content": "Hi"}]}))


def test_who_asked_is_kept():
    (prompt,) = Prompts().translate({"prompt": "Hi", "user_id": "u1"})
    (nobody,) = Prompts().translate({"prompt": "Hi", "user_id": None})
    assert (prompt.user_id, nobody.user_id) == ("u1", None)
    with pytest.raises(BadRow, match="user_id is int"):
        list(Prompts().translate({"prompt": "Hi", "user_id": 7}))


FACTS = {
    "constraints": [{"rule": "length", "at_most": 9}],
    "correct_answers": ["Po, Rhine, Elbe"],
    "incorrect_answers": ["Etna"],
    "task_type": "geography",
}


def test_what_is_known_about_a_prompt_stands_beside_it():
    (prompt,) = Prompts().translate({"prompt": "Name three rivers.", **FACTS})
    assert prompt.constraints == ('{"at_most":9,"rule":"length"}',)
    assert (prompt.correct_answers, prompt.incorrect_answers) == (("Po, Rhine, Elbe",), ("Etna",))
    assert prompt.task_type == "geography"


@pytest.mark.parametrize("nothing", [None, "", []], ids=repr)
def test_a_field_that_is_empty_says_nothing(nothing):
    empty = {name: nothing for name in FACTS if not (name == "task_type" and nothing == [])}
    assert list(Prompts().translate({"prompt": "Hi"} | empty)) == list(Prompts().translate({"prompt": "Hi"}))


@pytest.mark.parametrize(
    "change",
    [{"correct_answers": "5"}, {"correct_answers": [5]}, {"incorrect_answers": [None]}, {"task_type": ["a"]},
     {"constraints": {"rule": "length"}}],
    ids=str,
)  # fmt: skip
def test_a_fact_of_another_type_is_bad(change):
    with pytest.raises(BadRow, match="wrong_type"):
        list(Prompts().translate({"prompt": "Hi"} | FACTS | change))
