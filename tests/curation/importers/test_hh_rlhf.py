import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.hh_rlhf import HHRLHF, dialogue
from curation.importing import import_paths
from curation.records import BadRow
from schemas.votes import VOTES

words = (
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n"), min_size=1).map(str.strip).filter(bool)
)
words = words.filter(lambda text: not text.startswith(("Human:", "Assistant:")))


@given(st.lists(words, min_size=2, max_size=6).filter(lambda turns: len(turns) % 2 == 0))
def test_a_dialogue_is_read_as_it_was_written(turns):
    text = "".join(f"\n\n{role}: {turn}" for role, turn in zip(["Human", "Assistant"] * 3, turns, strict=False))
    context, last = dialogue(text)
    assert [turn["content"] for turn in context] == turns[:-1]
    assert last == turns[-1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("hello", "bad_dialogue", id="no-turns"),
        pytest.param("\n\nHuman: hi", "bad_dialogue", id="no-answer"),
        pytest.param("\n\nAssistant: hi\n\nHuman: hi", "bad_dialogue", id="wrong-way-round"),
        pytest.param("\n\nHuman: hi\n\nHuman: hi", "bad_dialogue", id="twice-the-same"),
        pytest.param("\n\nHuman: hi\n\nAssistant:", "empty_turn", id="empty-answer"),
    ],
)
def test_a_dialogue_of_another_shape_is_bad(text, reason):
    with pytest.raises(BadRow, match=reason):
        dialogue(text)


def test_the_winner_is_the_chosen_answer():
    record = {"chosen": "\n\nHuman: hi\n\nAssistant: yes", "rejected": "\n\nHuman: hi\n\nAssistant: no"}
    _, chosen, _, vote = HHRLHF().translate(record)
    assert chosen.text == "yes"
    assert (vote.response_a if vote.verdict == "a" else vote.response_b) == chosen.response_id


def test_a_speaker_s_name_inside_an_answer_is_a_drop_and_no_guess():
    """It parts the turns, so a text that holds it cannot be told from two more turns."""
    plain = "\n\nHuman: hi\n\nAssistant: yes"
    for spill, reason in (("\n\nHuman: more", "bad_dialogue"), ("\n\nHuman: more\n\nAssistant: no", "contexts_differ")):
        for record in ({"chosen": plain, "rejected": plain + spill}, {"chosen": plain + spill, "rejected": plain}):
            with pytest.raises(BadRow, match=reason):
                list(HHRLHF().translate(record))


def test_every_real_comparison_is_accounted_for(lake, real_data):
    done = import_paths(lake, HHRLHF(), [real_data / "hh_rlhf"])
    assert (done.funnel.read, done.funnel.kept) == (1000, 995)
    assert dict(done.funnel.dropped) == {"bad_dialogue": 2, "empty_turn": 3}
    assert lake.read(VOTES).num_rows == 995
