import pytest

from curation.importers.openrlhf import OpenRLHF
from curation.records import BadRow


def test_the_keys_are_settings():
    keys = {"prompt_key": "q", "chosen_key": "good", "rejected_key": "bad", "margin_key": "gap"}
    prompt, chosen, rejected, vote = OpenRLHF(**keys).translate({"q": "Hi", "good": "a", "bad": "b", "gap": 2})
    assert (prompt.messages[0]["content"], chosen.text, rejected.text, vote.strength) == ("Hi", "a", "b", 2.0)


def test_without_a_prompt_key_the_prompt_is_what_the_conversations_share():
    turns = [{"role": "user", "content": "Hi"}]
    record = {side: [*turns, {"role": "assistant", "content": side}] for side in ("chosen", "rejected")}
    prompt, chosen, _, _ = OpenRLHF(prompt_key=None).translate(record)
    assert (list(prompt.messages), chosen.text) == (turns, "chosen")


def test_texts_without_a_prompt_cannot_be_taken_apart():
    with pytest.raises(BadRow, match="cannot be taken apart"):
        list(OpenRLHF(prompt_key=None).translate({"chosen": "Hi a", "rejected": "Hi b"}))
