import json

import pytest

from curation.asking import Unreadable
from curation.principles import Feedback, Statement
from curation.principles.extractor import Extractor

ITEM = {"evidence": ["no source is given"], "name": "cites sources", "verdict": "no"}


@pytest.fixture
def feedback(prompt, response):
    def made(text="Good facts, but no source is given.", annotator="ann", place=None):
        return Feedback(
            prompt_id=prompt.prompt_id,
            response_id=response.response_id,
            annotator=annotator,
            text=text,
            place=place,
        )

    return made


@pytest.fixture
def ask(prompt, response):
    return lambda one, seed=0: Extractor(model="m").about(one, prompt, response, seed)


@pytest.fixture
def read(ask, feedback, reply):
    """What the extractor reads in a reply; LABEL is the name of its list."""
    question = ask(feedback())
    (label,) = question.subject.labels

    def made(said, status="ok"):
        text = said if isinstance(said, str) else json.dumps({"LABEL": said})
        return Extractor(model="m").read(question.subject, reply(text.replace("LABEL", label), status))

    return made


def test_prompt_answer_and_feedback_stand_in_fences_of_one_nonce(ask, feedback):
    question = ask(feedback())
    nonce, shown = question.subject.nonce, question.request.messages[0]["content"]
    for name, text in (("request", "Say 0."), ("A", "An answer."), ("feedback", feedback().text)):
        assert f"<{name}_{nonce}>\n{text}\n</{name}_{nonce}>" in shown
    assert question.request.purpose == "write:principles"
    assert question.request.sampling.temperature == 0


def test_annotators_share_all_that_comes_before_their_feedback(ask, feedback):
    """So an engine computes prompt and answer once."""
    one, other = (ask(feedback(annotator=name, text=name)).request.messages[0]["content"] for name in ("ann", "bob"))
    assert one != other
    assert one.split("<feedback_")[0] == other.split("<feedback_")[0]


def test_two_feedbacks_are_two_questions_even_where_the_text_is_one(ask, feedback):
    assert ask(feedback()).subject != ask(feedback(annotator="bob")).subject


@pytest.mark.parametrize("place", ["first", "second"])
def test_a_comparison_says_which_answer_is_meant(ask, feedback, place):
    shown = ask(feedback(place=place)).request.messages[0]["content"]
    assert f"is the {place} of them" in shown
    assert "of them" not in ask(feedback()).request.messages[0]["content"]


def test_the_structure_asks_for_evidence_before_the_verdict(ask, feedback):
    schema = json.loads(ask(feedback()).request.structure.text)
    (listing,) = schema["properties"].values()
    assert list(listing["items"]["properties"]) == ["evidence", "name", "verdict"]
    assert listing["items"]["required"] == ["evidence", "name", "verdict"]
    assert listing["items"]["properties"]["verdict"]["enum"] == ["yes", "no", "partially"]


def test_items_become_statements(read):
    many = {"evidence": ["Good facts, but", "is given"], "name": " Factual\n accuracy ", "verdict": "partially"}
    assert read([ITEM, many]) == [
        Statement(principle="cites sources", label="no", spans=("no source is given",)),
        Statement(principle="factual accuracy", label="partially", spans=("Good facts, but", "is given")),
    ]
    assert read([]) == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param({"verdict": "mostly"}, "unknown_label", id="another-label"),
        pytest.param({"verdict": "Yes"}, "unknown_label", id="case-counts"),
        pytest.param({"verdict": True}, "unknown_label", id="a-boolean"),
        pytest.param({"verdict": ["no"]}, "unknown_label", id="a-list-of-labels"),
        pytest.param({"verdict": None}, "unknown_label", id="no-label"),
        pytest.param({"evidence": []}, "missing_evidence", id="no-spans"),
        pytest.param({"evidence": None}, "missing_evidence", id="null-spans"),
        pytest.param({"evidence": "no source is given"}, "missing_evidence", id="spans-that-are-one-text"),
        pytest.param({"evidence": ["no source is given", " "]}, "missing_evidence", id="a-blank-span"),
        pytest.param({"evidence": [3]}, "missing_evidence", id="a-span-that-is-a-number"),
        pytest.param({"name": ""}, "missing_name", id="no-name"),
        pytest.param({"name": 7}, "missing_name", id="a-name-that-is-a-number"),
        pytest.param({"name": "says that no source is given for the claim"}, "long_name", id="a-sentence"),
    ],
)
def test_a_bad_item_fails_alone(read, bad, reason):
    good = Statement(principle="cites sources", label="no", spans=("no source is given",))
    assert read([ITEM, ITEM | bad, ITEM]) == [good, reason, good]


def test_an_item_that_is_no_object_fails_alone(read):
    assert read([["cites sources", "no"], "cites sources: no", None]) == ["not_an_object"] * 3


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param("The feedback names two.", "unparsable", id="prose"),
        pytest.param('Sure! {"LABEL": []} and {"LABEL": [1]}', "contradictory", id="two-objects"),
        pytest.param("[]", "unparsable", id="a-bare-list"),
        pytest.param('{"A": []}', "wrong_labels", id="no-nonce"),
        pytest.param('{"LABEL": [], "note": 1}', "wrong_labels", id="more-keys"),
        pytest.param('{"LABEL": {"name": "x"}}', "wrong_labels", id="no-list"),
        pytest.param('{"LABEL": [], "LABEL": []}', "invalid", id="a-key-twice"),
        pytest.param('__import__("os").abort()', "unparsable", id="code"),
        pytest.param("", "unparsable", id="nothing"),
    ],
)
def test_a_reply_without_the_form_is_no_empty_list(read, said, reason):
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        read(said)


@pytest.mark.parametrize("status", ["refused", "truncated", "quarantined", "timeout", "upstream_error"])
def test_a_reply_that_is_none_is_not_read(read, status):
    with pytest.raises(Unreadable, match=f"^{status}$"):
        read([ITEM], status)


def test_a_useless_reply_is_asked_again_with_another_nonce_and_not_for_ever(ask, feedback):
    extractor, question = Extractor(model="m", tries=3), ask(feedback())
    nonces = []
    while question:
        nonces.append(question.subject.nonce)
        assert feedback().text in question.request.messages[0]["content"]
        question = extractor.again(question, ["unparsable"])
    assert len(set(nonces)) == len(nonces) == 3
    for settled in (None, "refused", "truncated", "timeout", "upstream_error"):
        assert extractor.again(ask(feedback()), [settled]) is None
