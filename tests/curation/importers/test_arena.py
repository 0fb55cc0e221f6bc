import pytest

from curation.importers.arena import WINNERS, Arena
from curation.records import BadRow

ASKED = {"role": "user", "content": "Hi"}
ROW = {
    "question_id": "q", "model_a": "m", "model_b": "n", "judge": "arena_user_1",
    "conversation_a": [ASKED, {"role": "assistant", "content": "one"}],
    "conversation_b": [ASKED, {"role": "assistant", "content": "two"}],
}  # fmt: skip


@pytest.mark.parametrize("winner", WINNERS)
def test_every_winner_is_read(winner):
    _, one, two, vote = Arena().translate(ROW | {"winner": winner})
    won = {"a": vote.response_a, "b": vote.response_b, "tie": None}[vote.verdict]
    assert won == {"model_a": one.response_id, "model_b": two.response_id}.get(winner)
    assert (vote.shown_first, vote.annotator) == (one.response_id, "arena/arena_user_1")
    assert vote.justification == (winner if "bad" in winner else None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"winner": "a"}, "unknown_winner", id="winner"),
        pytest.param({"conversation_a": [ASKED]}, "contexts_differ", id="no-answer"),
        pytest.param({"conversation_a": [{"role": "user", "content": "?"}, *ROW["conversation_b"][1:]]},
                     "contexts_differ", id="other-question"),
        pytest.param({"model_b": "m", "conversation_b": ROW["conversation_a"]}, "identical_responses", id="twin"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_bad(change, reason):
    with pytest.raises(BadRow, match=reason):
        list(Arena().translate(ROW | {"winner": "tie"} | change))


def test_a_later_answer_is_compared_where_the_turns_before_are_shared():
    before = [ASKED, {"role": "assistant", "content": "same"}, {"role": "user", "content": "And?"}]
    sides = {f"conversation_{s}": [*before, {"role": "assistant", "content": s}] for s in "ab"}
    prompt, one, *_ = Arena().translate(ROW | sides | {"winner": "tie"})
    assert (list(prompt.messages), one.text) == (before, "a")


@pytest.mark.parametrize(("judge", "user_id"), [("arena_user_1", "arena/arena_user_1"), (None, None)])
def test_who_votes_is_who_asked(judge, user_id):
    prompt, *_ = Arena().translate(ROW | {"judge": judge, "winner": "tie"})
    assert prompt.user_id == user_id
