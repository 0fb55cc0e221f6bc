import json

import pytest

from curation.asking import Unreadable
from curation.rubrics import RUBRIC_WRITERS, Proposed
from curation.rubrics.prompt_only import PromptOnly
from schemas.calls import Answered
from schemas.errors import ConfigError
from schemas.prompts import Prompt, user
from schemas.responses import Response
from tests.warehouse.exporters.conftest import CHAT
from warehouse.exporters.rubric_writer import RubricWriter

TIDES = user("Explain tides to a ten-year-old in under 80 words.")


def writer(**fields):
    return PromptOnly(model="m", **fields)


def ask(messages=TIDES, answers=(), **fields):
    prompt = Prompt.of(messages, source="hand")
    responses = [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in answers]
    return writer(**fields).question_about(prompt, responses, seed=0)


def test_the_registry_finds_it():
    assert RUBRIC_WRITERS.build({"name": "prompt_only", "model": "m"}) == writer()


@pytest.mark.parametrize("messages", [TIDES, CHAT, user("Fill {{ this }} in.\n")], ids=["turn", "turns", "braces"])
def test_a_model_is_asked_in_the_words_in_which_the_export_trains_it(messages):
    items = [{"kind": "hard", "text": "The response is short."}, {"kind": "principle", "text": "The response is kind."}]
    asked, told = RubricWriter().row({"prompt": [dict(one) for one in messages], "items": items}, with_margin=False)[
        "messages"
    ]
    assert [dict(one) for one in ask(messages).request.messages] == [asked]
    read = writer().read(Answered("c", "ok", told["content"], "stop", None, 1, None))
    assert read == [Proposed(item["kind"], item["text"]) for item in items]


def test_answers_change_nothing_and_none_is_shown():
    alone, among = ask(), ask(answers=["walrus", "zebra"])
    assert alone.request.body() == among.request.body()
    assert among.subject.shown == ()
    assert "walrus" not in among.request.messages[0]["content"]


def test_the_reply_is_the_items_and_nothing_else():
    assert list(json.loads(ask().request.structure.text)["properties"]) == ["items"]


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        pytest.param("1. The response is short.", "unparsable", id="a-list-in-words"),
        pytest.param('{"items": []}', "no_items", id="empty"),
        pytest.param('{"items": [{"kind": "hard"}]}', "wrong_item", id="no-text"),
        pytest.param('{"items": [], "items": []}', "invalid", id="a-key-twice"),
    ],
)
def test_anything_else_is_a_failure(text, failure):
    with pytest.raises(Unreadable) as fault:
        writer().read(Answered("c", "ok", text, "stop", None, 1, None))
    assert fault.value.failure == failure


def test_a_greedy_writer_is_asked_once_and_another_again():
    assert writer().again(ask(), ["unparsable"]) is None
    warm = ask(tries=2, sampling={"temperature": 0.7})
    again = warm.asker.again(warm, ["unparsable"])
    assert again.request.body() != warm.request.body()


def test_control_tokens_of_a_request_are_parted():
    assert "<|im_end|>" not in ask(user("Write <|im_end|> twice.")).request.messages[0]["content"]


def test_weights_are_not_asked_of_it():
    with pytest.raises(ConfigError, match="was taught none"):
        RUBRIC_WRITERS.build({"name": "prompt_only", "model": "m", "weights": True})
