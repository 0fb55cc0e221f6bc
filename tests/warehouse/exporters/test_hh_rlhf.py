import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.hh_rlhf import HHRLHF as Importer
from tests.warehouse.exporters.conftest import ballots
from warehouse.comparisons import LeftOut
from warehouse.exporters.hh_rlhf import HHRLHF

MARKS = ("\n\nHuman:", "\n\nAssistant:")
texts = st.text(st.characters(exclude_categories=("Cs",))).filter(str.strip)
texts = texts.filter(lambda text: not any(mark in text for mark in MARKS))


def row(turns, chosen, rejected, other=None):
    found = {"prompt": turns, "rejected_prompt": other or turns, "chosen": chosen, "rejected": rejected}
    return found | {"chosen_model": "m", "rejected_model": "n", "margin": None}


def test_a_version_comes_back_as_votes(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "hh_rlhf")
    assert done.funnel.dropped == {"empty_turn": 1, "roles_do_not_alternate": 1}
    lake, imported = bring(tmp_path / "out", "hh_rlhf")
    assert imported.funnel.dropped == {}
    here = ballots(lake, "prompt", "winner", "if(first = winner, second, first)", "strength")
    pairs = source.lake.con.execute("""
        select cast(messages as varchar), better.text, worse.text
        from pairs join prompts using (prompt_id)
        join responses as better on better.response_id = chosen_id
        join responses as worse on worse.response_id = rejected_id
        where better.text <> '' and messages[1].role = 'user'
    """).fetchall()
    assert here == {(prompt, better.strip(), worse.strip(), None): 1 for prompt, better, worse in pairs}
    assert len(here) == 4


@given(st.lists(texts, max_size=4).filter(lambda turns: not len(turns) % 2), texts, texts, texts)
def test_any_dialogue_comes_back_without_outer_white_space(earlier, last, chosen, rejected):
    turns = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate([*earlier, last])]
    if chosen.strip() == rejected.strip():
        with pytest.raises(LeftOut, match="one_text"):
            HHRLHF().row(row(turns, chosen, rejected), with_margin=False)
        return
    exported = HHRLHF().row(row(turns, chosen, rejected), with_margin=False)
    prompt, better, worse, vote = Importer().translate(json.loads(json.dumps(exported)))
    assert [turn["content"] for turn in prompt.messages] == [turn["content"].strip() for turn in turns]
    assert [turn["role"] for turn in prompt.messages] == [turn["role"] for turn in turns]
    assert (better.text, worse.text) == (chosen.strip(), rejected.strip())
    assert {"a": vote.response_a, "b": vote.response_b}[vote.verdict] == better.response_id


USER, ASSISTANT = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}


@pytest.mark.parametrize(
    ("turns", "chosen", "reason"),
    [
        pytest.param([USER, USER], "a", "do_not_alternate", id="twice-the-user"),
        pytest.param([{"role": "system", "content": "x"}, USER], "a", "do_not_alternate", id="system"),
        pytest.param([USER, {**ASSISTANT, "content": " \n"}, USER], "a", "empty_turn", id="empty"),
        pytest.param([USER], "a\n\nHuman: b", "role_mark", id="mark"),
        pytest.param([USER], "b ", "one_text", id="one-text"),
    ],
)
def test_what_is_no_transcript_is_left_out(turns, chosen, reason):
    with pytest.raises(LeftOut, match=reason):
        HHRLHF().row(row(turns, chosen, "b"), with_margin=False)


def test_sides_under_two_prompts_are_left_out():
    with pytest.raises(LeftOut, match="two_prompts"):
        HHRLHF().row(row([USER], "a", "b", other=[USER, ASSISTANT, USER]), with_margin=False)


def test_nothing_but_the_answers_tells_which_side_won():
    one, turned = (HHRLHF().row(row([USER], *sides), with_margin=False) for sides in (("a", "b"), ("b", "a")))
    assert (one["chosen"], one["rejected"]) == (turned["rejected"], turned["chosen"])
