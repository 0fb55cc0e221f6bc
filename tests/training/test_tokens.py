from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from schemas.errors import ModelError
from training.tokens import encode

from .conftest import TEMPLATE, make_tokenizer

PROMPT = [{"role": "user", "content": "say w1"}]


def text(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> list[str]:
    return tokenizer.convert_ids_to_tokens(ids)


def test_prompt_and_response_decode_back(tokenizer: PreTrainedTokenizerFast) -> None:
    (one,) = encode(tokenizer, [PROMPT], ["w1 good"])
    assert text(tokenizer, one.ids[: one.cut]) == ["<s>", "<user>", "say", "w1", "<assistant>"]
    assert text(tokenizer, one.ids[one.cut :]) == ["w1", "good", "</s>"]


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(TEMPLATE, id="template-writes-eos"),
        pytest.param(TEMPLATE.replace(" {{ eos_token }}", ""), id="template-writes-none"),
        pytest.param(TEMPLATE.replace("{{ eos_token }}", "{{ eos_token }} w9"), id="text-after-eos-is-cut"),
    ],
)
def test_there_is_one_start_and_one_end(template: str) -> None:
    tokenizer = make_tokenizer(template)
    (one,) = encode(tokenizer, [PROMPT], ["w1 good"])
    assert text(tokenizer, one.ids).count("<s>") == 1
    assert text(tokenizer, one.ids[one.cut :]) == ["w1", "good", "</s>"]


def test_without_a_template_texts_are_joined() -> None:
    tokenizer = make_tokenizer(None)
    (one,) = encode(tokenizer, [PROMPT], ["w1 good"])
    assert text(tokenizer, one.ids[: one.cut]) == ["say", "w1"]
    assert text(tokenizer, one.ids[one.cut :]) == ["w1", "good", "</s>"]


def test_an_empty_response_is_an_end_token(tokenizer: PreTrainedTokenizerFast) -> None:
    (one,) = encode(tokenizer, [PROMPT], [""])
    assert text(tokenizer, one.ids[one.cut :]) == ["</s>"]


def test_a_token_across_the_border_belongs_to_the_response() -> None:
    """`a` + `b` is one token `ab` when joined: the prompt is what both have in common."""
    core = Tokenizer(models.BPE({"x": 0, "a": 1, "b": 2, "ab": 3, "</s>": 4}, [("a", "b")]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>")
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    (one,) = encode(tokenizer, [[{"role": "user", "content": "xa"}]], ["b"])
    assert (one.ids, one.cut) == ([0, 3, 4], 1)


def test_a_template_that_refuses_is_a_model_error() -> None:
    tokenizer = make_tokenizer("{{ raise_exception('no system turn') }}")
    with pytest.raises(ModelError, match="no system turn"):
        encode(tokenizer, [PROMPT], ["w1"])


def test_nothing_encodes_to_nothing(tokenizer: PreTrainedTokenizerFast) -> None:
    assert encode(tokenizer, [], []) == []
