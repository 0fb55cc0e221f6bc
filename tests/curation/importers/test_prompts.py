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
