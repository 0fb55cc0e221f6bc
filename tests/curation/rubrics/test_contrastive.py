import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.asking import Unreadable
from curation.rubrics import RUBRIC_WRITERS, Proposed
from curation.rubrics.contrastive import Contrastive
from schemas.calls import Answered
from schemas.prompts import Prompt, user
from schemas.responses import Response

PROMPT = Prompt.of(user("Explain tides to a ten-year-old in under 80 words."), source="hand")
TEXTS = ("Think of a bathtub.", "The tide is F = GMm/r^2.", "No.")
ANSWERS = [Response.of(PROMPT.prompt_id, model="m", text=text, source="hand") for text in TEXTS]


def writer(**fields):
    return Contrastive(model="m", **fields)


def ask(answers=ANSWERS, **fields):
    return writer(**fields).question_about(PROMPT, answers, seed=0)


def answered(text, status="ok"):
    return Answered("c", status, text, "stop", None, 1, None)


def reply(*items):
    return answered(json.dumps({"differences": "One is short.", "items": list(items)}))


def item(text="The response is short.", kind="hard", **more):
    return {"kind": kind, "text": text, **more}


def test_the_registry_finds_it():
    assert RUBRIC_WRITERS.build({"name": "contrastive", "model": "m"}) == writer()


@pytest.mark.parametrize("count", [2, 3])
def test_answers_are_shown_best_first_each_in_its_fence(count):
    question = ask(ANSWERS[:count])
    shown = question.request.messages[0]["content"]
    places = [
        shown.index(f"<{label}>\n{text}\n</{label}>")
        for label, text in zip(question.subject.labels, TEXTS, strict=False)
    ]
    assert places == sorted(places)
    assert len(places) == count
    assert question.subject.shown == tuple(answer.response_id for answer in ANSWERS[:count])
    assert f"{count} answers to it, from the best to the worst" in shown
    assert question.request.purpose == "write:contrastive"


def test_the_other_order_is_another_question():
    one, other = ask(ANSWERS[:2]), ask(ANSWERS[1::-1])
    assert one.request.body() != other.request.body()


def test_another_template_is_another_call():
    other = ask(template=writer().template + "\nThink twice.")
    assert other.request.template_hash != ask().request.template_hash


def test_the_scratch_work_comes_before_the_items():
    properties = json.loads(ask().request.structure.text)["properties"]
    assert list(properties) == ["differences", "items"]
    assert (properties["items"]["minItems"], properties["items"]["maxItems"]) == (2, 10)


def test_items_are_read_with_single_spaces():
    assert writer().read(reply(item(), item("The response\n is  kind.", "principle"))) == [
        Proposed("hard", "The response is short."),
        Proposed("principle", "The response is kind."),
    ]


def test_weights_are_read_where_they_are_asked_for():
    weighted = [item(weight=3), item("The response is kind.", weight=1)]
    assert [one.weight for one in writer(weights=True).read(reply(*weighted))] == [3.0, 1.0]
    assert [one.weight for one in writer().read(reply(*weighted))] == [1.0, 1.0]
    with pytest.raises(Unreadable, match="wrong_item"):
        writer(weights=True).read(reply(item()))
    assert "weight" in ask(weights=True).request.messages[0]["content"]
    assert "weight" not in ask().request.messages[0]["content"]


@pytest.mark.parametrize(
    ("found", "failure"),
    [
        pytest.param(answered("1. The response is short."), "unparsable", id="a-list-in-words"),
        pytest.param(answered('{"items": [], "items": []}'), "invalid", id="a-key-twice"),
        pytest.param(answered("{}", "truncated"), "truncated", id="truncated"),
        pytest.param(answered("{}"), "no_items", id="no-items"),
        pytest.param(reply(), "no_items", id="empty"),
        pytest.param(reply(item(), "The response is kind."), "wrong_item", id="a-bare-text"),
        pytest.param(reply(item(text=3)), "wrong_item", id="a-number"),
        pytest.param(reply({"text": "The response is short."}), "wrong_item", id="no-kind"),
    ],
)
def test_anything_else_is_a_failure(found, failure):
    with pytest.raises(Unreadable) as fault:
        writer().read(found)
    assert fault.value.failure == failure


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["items", "kind", "text", "weight"]), inner),
    )
)
def test_any_reply_is_items_or_unreadable(value):
    for asker in (writer(), writer(weights=True)):
        with suppress(Unreadable):
            assert asker.read(answered(json.dumps(value)))


def test_an_unread_reply_is_asked_for_again_in_the_same_order():
    first = ask(tries=3)
    second = first.asker.again(first, ["unparsable"])
    third = first.asker.again(second, ["no_items"])
    assert [question.subject.shown for question in (first, second, third)] == [first.subject.shown] * 3
    assert len({question.subject.nonce for question in (first, second, third)}) == 3
    assert first.asker.again(third, ["unparsable"]) is None


@pytest.mark.parametrize("failure", ["refused", "truncated", "quarantined", "timeout", "upstream_error", None])
def test_what_asking_again_cannot_help_is_not_asked(failure):
    assert writer().again(ask(), [failure]) is None
