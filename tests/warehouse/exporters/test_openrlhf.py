import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.openrlhf import OpenRLHF as Importer
from tests.warehouse.exporters.conftest import comparisons, members
from warehouse.exporters.openrlhf import OpenRLHF

KEYS = {"prompt_key": "context", "chosen_key": "yes", "rejected_key": "no"}
texts = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="as-it-is"),
        pytest.param(KEYS, id="other-keys"),
        pytest.param({"prompt_key": None}, id="whole-conversations"),
    ],
)
def test_a_version_comes_back_as_votes(source, bring, tmp_path, settings):
    source.export(tmp_path / "out", "openrlhf", **settings)
    lake, done = bring(tmp_path / "out", "openrlhf", **settings)
    assert comparisons(lake) == members(source)
    assert done.funnel.dropped == {}


@given(texts.filter(str.strip), texts, texts, st.booleans(), st.sampled_from([{}, KEYS, {"prompt_key": None}]))
def test_any_text_comes_back(prompt, chosen, rejected, conversational, keys):
    if keys == {"prompt_key": None} and not conversational:
        return  # texts without a prompt cannot be taken apart
    turns = [{"role": "user", "content": prompt}]
    row = {"prompt": turns, "rejected_prompt": turns, "chosen": chosen, "rejected": rejected}
    row |= {"chosen_model": "m", "rejected_model": "n", "margin": None}
    exported = OpenRLHF(conversational=conversational, **keys).row(row, with_margin=False)
    found, better, worse, vote = Importer(**keys).translate(json.loads(json.dumps(exported)))
    assert (list(found.messages), better.text, worse.text) == (turns, chosen, rejected)
    assert vote.strength is None


def test_whole_conversations_carry_sides_under_two_prompts():
    one, other = ([{"role": "user", "content": text}] for text in ("one", "other"))
    row = {"prompt": one, "rejected_prompt": other, "chosen": "a", "rejected": "a"}
    row |= {"chosen_model": "m", "rejected_model": "m"}
    exported = OpenRLHF(prompt_key=None).row(row, with_margin=False)
    assert [exported[side][0]["content"] for side in ("chosen", "rejected")] == ["one", "other"]
