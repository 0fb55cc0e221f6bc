import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.trl import Trl as Importer
from schemas.errors import WarehouseError
from schemas.prompts import PROMPTS
from schemas.votes import Vote
from tests.warehouse.exporters.conftest import comparisons, members
from warehouse.exporters.trl import Trl

texts = st.text(st.characters(exclude_categories=("Cs",)))
asked = texts.filter(str.strip)


def row(prompt, chosen, rejected, **changes):
    found = {"prompt": prompt, "rejected_prompt": prompt, "chosen": chosen, "rejected": rejected}
    return found | {"chosen_model": "m", "rejected_model": "n", "margin": 1.5} | changes


@given(st.lists(texts, max_size=4), asked, texts, texts, st.booleans())
def test_any_text_comes_back(earlier, last, chosen, rejected, conversational):
    turns = [{"role": "user", "content": text} for text in ([*earlier, last] if conversational else [last])]
    exported = Trl(conversational=conversational).row(row(turns, chosen, rejected), with_margin=True)
    prompt, better, worse, vote = Importer().translate(json.loads(json.dumps(exported)))
    assert list(prompt.messages) == turns
    assert [(side.text, side.model) for side in (better, worse)] == [(chosen, "m"), (rejected, "n")]
    assert isinstance(vote, Vote)
    assert vote.strength == 1.5


def test_a_version_comes_back_as_votes(source, bring, tmp_path):
    source.export(tmp_path / "out", "trl")
    lake, done = bring(tmp_path / "out", "trl")
    assert comparisons(lake) == members(source)
    assert done.funnel.dropped == {}
    assert set(lake.read(PROMPTS).column("prompt_id").to_pylist()) == {prompt for prompt, *_ in members(source)}


def test_plain_texts_leave_conversations_out_and_say_so(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "trl", conversational=False)
    assert done.funnel.dropped == {"prompt_has_several_turns": 1}
    lake, _ = bring(tmp_path / "out", "trl")
    assert len(comparisons(lake)) == 5
    assert comparisons(lake) < members(source)


def test_sides_under_two_prompts_are_left_out(source, tmp_path):
    from warehouse.comparisons import LeftOut

    other = [{"role": "user", "content": "another"}]
    with pytest.raises(LeftOut, match="sides_have_two_prompts"):
        Trl().row(row([{"role": "user", "content": "one"}], "a", "b", rejected_prompt=other), with_margin=False)


def test_margins_are_there_for_all_or_for_none(tmp_path, lake):
    from tests.rows import draft, some_pairs
    from warehouse.exporters import export_folder
    from warehouse.versions import publish

    pairs = some_pairs(lake, 2)
    for margin, has in ((1.0, True), (None, False)):
        version = publish(lake, draft(pairs, dataset=f"d{has}", margin=margin)).version
        export_folder(lake, version, tmp_path / "out", Trl())
        lines = (tmp_path / "out" / "train.jsonl").read_text().splitlines()
        assert ["margin" in json.loads(line) for line in lines] == [has] * 2


def test_datasets_opens_the_folder(source, tmp_path):
    from datasets import load_dataset

    source.export(tmp_path / "out", "trl")
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows == 6
    assert {"prompt", "chosen", "rejected", "margin"} <= set(loaded["train"].column_names)


def test_nothing_to_carry_is_one_sentence(lake, tmp_path):
    from schemas.prompts import Prompt
    from schemas.responses import RESPONSES
    from tests.rows import draft
    from tests.warehouse.exporters.conftest import CHAT, pair_of, sides_of
    from warehouse.exporters import export_folder
    from warehouse.versions import publish

    prompt = Prompt.of(CHAT, source="hand")
    sides = sides_of(prompt, ("a", "b"))
    lake.append((PROMPTS, PROMPTS.rows([prompt])), (RESPONSES, RESPONSES.rows(sides)))
    version = publish(lake, draft([pair_of(*sides)])).version
    with pytest.raises(WarehouseError, match="use another format"):
        export_folder(lake, version, tmp_path / "out", Trl(conversational=False))
    assert not (tmp_path / "out").exists()
