"""The word-level tokenizer: nothing unknown, nothing lost on the way to ids and back, verdicts that are JSON."""

import json
import random
from itertools import cycle, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.sandbox.tokenizer import FENCES, LABELS, NONCES, TIES, build_tokenizer
from training.sandbox.world import instructions
from training.sandbox.writer import demonstrate

TOKENIZER = build_tokenizer()
VERDICTS = [{"verdict": f"{verdict}_{nonce}"} for verdict in ("A", "B", "tie") for nonce in NONCES]
RATINGS = [
    {"ratings": {f"{letter}_{nonce}": digit for letter, digit in zip("ABCD", digits, strict=False)}}
    for size in range(1, 5)
    for digits, nonce in zip(list(product(range(1, 6), repeat=size))[:40], cycle(NONCES), strict=False)
]


def ids(text: str) -> list[int]:
    return TOKENIZER(text, add_special_tokens=False).input_ids


@given(seed=st.integers(0, 50), skill=st.floats(0, 1))
def test_what_the_world_writes_survives_the_round_trip(seed: int, skill: float):
    for instruction in instructions(10, seed):
        text = demonstrate(instruction, skill, random.Random(seed)).text
        assert TOKENIZER.unk_token_id not in ids(instruction.text) + ids(text)
        assert TOKENIZER.decode(ids(text)) == text


@given(chosen=st.lists(st.integers(6, len(TOKENIZER) - 1), max_size=30))
def test_any_text_of_words_reads_back_as_the_same_ids(chosen: list[int]):
    plain = [each for each in chosen if TOKENIZER.convert_ids_to_tokens(each).isalnum()]
    assert ids(TOKENIZER.decode(plain)) == plain


@pytest.mark.parametrize("layout", [{}, {"separators": (",", ":")}, {"indent": 2}], ids=["usual", "tight", "indented"])
def test_a_verdict_is_json_however_it_was_laid_out(layout: dict[str, object]):
    for reply in VERDICTS + RATINGS:
        read = ids(json.dumps(reply, **layout))
        assert TOKENIZER.unk_token_id not in read
        assert json.loads(TOKENIZER.decode(read)) == reply
        assert ids(TOKENIZER.decode(read)) == read


def test_a_full_rating_is_nine_tokens_and_a_verdict_three():
    assert len(ids(json.dumps(RATINGS[-1]))) == 9
    assert len(ids(json.dumps(VERDICTS[0]))) == 3


def test_no_token_is_a_bare_quotation_mark_or_holds_a_space():
    """Decoding joins tokens by spaces: either would put a space inside a JSON string or lose one."""
    assert not [token for token in TOKENIZER.get_vocab() if token == '"' or " " in token]


def test_every_merged_piece_can_be_spelt_with_plain_ones():
    """So a grammar that allowed a plain piece first can always go on."""
    vocabulary = TOKENIZER.get_vocab()
    for piece in ("{", "}", ":", ",", '"ratings"', '"verdict"', *(f'"{label}"' for label in (*LABELS, *TIES))):
        assert piece in vocabulary


def test_the_chat_opens_with_user_and_ends_at_assistant():
    chat = [{"role": "system", "content": "be polite"}, {"role": "user", "content": "shout."}]
    read = TOKENIZER.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    assert TOKENIZER.convert_ids_to_tokens(read) == ["<s>", "<user>", "be", "polite", "shout", ".", "<assistant>"]


def test_a_fence_is_one_token_wherever_it_stands():
    for fence in FENCES:
        assert ids(f"say {fence} say") == [ids("say")[0], *ids(fence), ids("say")[0]]
        assert len(ids(fence)) == 1


def test_building_twice_gives_the_same_ids():
    assert build_tokenizer().get_vocab() == TOKENIZER.get_vocab()
