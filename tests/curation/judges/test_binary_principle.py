import json
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.asking import Group, Subject
from curation.judges import JUDGES
from curation.judges.binary_principle import BinaryPrinciple
from schemas.calls import Answered
from schemas.errors import ConfigError
from schemas.prompts import Prompt, user
from schemas.responses import Response

LISTED = {"Yes": -0.2, " yes": -2.5, "No": -2.0, "Well": -6.0}
SWAPPED = {"No": -0.2, " no": -2.5, "Yes": -2.0, "Well": -6.0}


@pytest.fixture
def judge():
    return BinaryPrinciple(model="m", principles=("cites sources",))


@pytest.fixture
def read(judge, group):
    """The score in a reply of one token."""
    question = next(judge.questions(group, 0))

    def made(listed, status="truncated", finish="length", asked=judge):
        logprobs = None if listed is None else json.dumps([listed])
        (score,) = asked.read(question.subject, Answered("c", status, "Yes", finish, logprobs, 1, None))
        return score

    return made


def test_every_answer_is_asked_about_under_every_principle(group):
    asked = list(
        BinaryPrinciple(model="m", principles=("cites sources", "Is it safe for a child?")).questions(group, 0)
    )
    ids = [response.response_id for response in group.responses]
    assert [(question.subject.about, question.subject.shown) for question in asked] == [
        (principle, (shown,)) for principle in ("cites sources", "Is it safe for a child?") for shown in ids
    ]
    shown = asked[0].request.messages[0]["content"], asked[-1].request.messages[0]["content"]
    assert "Does the answer have this quality: cites sources?" in shown[0]
    assert shown[1].endswith("Is it safe for a child? Reply with one word, Yes or No.")


def test_principles_share_all_that_comes_before_them(group):
    """So an engine computes prompt and answer once."""
    texts = {}
    for question in BinaryPrinciple(model="m", principles=("cites sources", "concise")).questions(group, 0):
        texts.setdefault(question.subject.shown, []).append(question.request.messages[0]["content"])
    for one, other in texts.values():
        assert one != other
        assert one.split("Does the answer have")[0] == other.split("Does the answer have")[0]


def test_one_token_is_asked_for_with_its_alternatives(judge, group):
    request = next(judge.questions(group, 0)).request
    assert (request.sampling.max_tokens, request.sampling.temperature, request.top_logprobs) == (1, 0.0, 20)
    assert request.structure is None


def test_the_score_is_the_log_odds_of_yes(read):
    """-0.2 + log(1 + e^-2.3) + 2.0 = 1.895545."""
    score = read(LISTED)
    assert score.value == pytest.approx(1.895545, abs=1e-6)
    assert (score.aspect, score.failure, score.scale_lo, score.scale_hi) == ("cites sources", None, -20, 20)


def test_swapped_words_negate_it(read):
    assert read(SWAPPED).value == pytest.approx(-read(LISTED).value)
    assert read(LISTED, asked=BinaryPrinciple(model="m", yes="No", no="Yes")).value == -read(LISTED).value


@given(yes=st.floats(-30, -0.01), no=st.floats(-30, -0.01), shift=st.floats(-20, 0))
def test_it_is_antisymmetric_and_knows_no_constant(yes, no, shift):
    judge = BinaryPrinciple(model="m", principles=("clear",))
    subject = Subject(prompt_id="p", shown=("r",), about="clear", nonce="0")

    def r(listed):
        answered = Answered("c", "truncated", "Yes", "length", json.dumps([listed]), 1, None)
        return judge.read(subject, answered)[0].value

    found = r({"Yes": yes, "No": no})
    assert found == pytest.approx(max(-20, min(20, yes - no)))
    assert r({"Yes": no, "No": yes}) == -found
    assert r({"Yes": yes + shift, "No": no + shift}) == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize(
    ("listed", "value"),
    [
        pytest.param({"Yes": -0.1, "Well": -3.0, "A": -6.0}, 5.9, id="no-is-not-listed-and-counts-as-the-least"),
        pytest.param({"No": -0.1, "Well": -3.0, "A": -6.0}, -5.9, id="yes-is-not-listed"),
        pytest.param({"Yes": 0.0, "No": -40.0}, 20.0, id="clipped"),
        pytest.param({"YES": log(0.5), "nO\n": log(0.25)}, log(2), id="case-and-space"),
    ],
)
def test_worked_by_hand(read, listed, value):
    assert read(listed).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("listed", "status", "failure"),
    [
        pytest.param(None, "ok", "no_logprobs", id="an-engine-without-logprobs"),
        pytest.param(None, "truncated", "truncated", id="cut-and-without-logprobs"),
        pytest.param({"Well": -0.1, "Maybe": -2.0}, "truncated", "missing", id="neither-word"),
        pytest.param({"Yes": "high", "No": -2.0}, "truncated", "unparsable", id="no-numbers"),
        pytest.param(LISTED, "refused", "refused", id="refused"),
        pytest.param(LISTED, "quarantined", "quarantined", id="never-answered"),
    ],
)
def test_without_log_odds_there_is_a_failure_and_no_score(read, listed, status, failure):
    score = read(listed, status=status, finish="stop" if status == "ok" else "length")
    assert (score.value, score.failure) == (None, failure)


def test_an_empty_token_is_read_too(read):
    """A model that likes best to end at once has still said how likely the words are."""
    assert read(LISTED, status="invalid", finish="stop").value == read(LISTED).value


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        pytest.param({"principles": []}, "at least 1", id="none"),
        pytest.param({"principles": ["a", "a"]}, "named twice", id="twice"),
        pytest.param({"principles": [" "]}, "one line", id="blank"),
        pytest.param({"principles": ["clear\n\nReply Yes"]}, "one line", id="several-lines"),
        pytest.param({"yes": "No", "no": "no"}, "differ", id="one-word"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(settings, complaint):
    with pytest.raises(ConfigError, match=complaint):
        JUDGES.build({"name": "binary_principle", "model": "m", **settings})


WORDS = {"yes": "certainly", "no": "maybe"}
"""Two words of the sandbox's vocabulary, which has no yes and no no."""


@pytest.fixture(scope="module")
def small():
    """A judge that the sandbox's policies can read, and its questions about some answers."""
    from flows.sandbox import HELD_OUT, prompts

    judge = BinaryPrinciple(
        model="m",
        principles=("clear", "fun"),
        nonce_chars=1,
        template="{{ prompt }} {{ answers | join(' ') }} . is it {{ aspect }} ?",
        **WORDS,
    )
    asked = []
    for text in prompts(HELD_OUT, 6):
        prompt = Prompt.of(user(text), source="hand")
        response = Response.of(prompt.prompt_id, model="m", text="the red dog is here .", source="hand")
        asked.extend(judge.questions(Group(prompt=prompt, responses=(response,)), 0))
    return judge, asked


@pytest.mark.slow
def test_a_real_models_log_odds_are_those_of_its_logits(small):
    """The transformers engine serves the sandbox's base policy, and the ledger's own status is put on its replies."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from curation.engines.transformers import Transformers
    from curation.status import status_of
    from flows.sandbox import sandbox_path

    judge, asked = small
    folder = str(sandbox_path("base"))
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer.convert_tokens_to_ids([judge.yes, judge.no])
    turned = BinaryPrinciple(model="m", yes=judge.no, no=judge.yes)
    with Transformers(dtype="float32").start(folder) as answer:
        replies = list(answer([question.request for question in asked]))
    read = 0
    for question, (request, reply) in zip(asked, replies, strict=True):
        status, _ = status_of(request, reply)
        got = Answered("c", status, reply.text, reply.finish_reason, reply.logprobs, reply.completion_tokens, None)
        (score,), (other,) = judge.read(question.subject, got), turned.read(question.subject, got)
        assert score.failure in {None, "missing"}
        assert other.value == (None if score.value is None else -score.value)
        listed = json.loads(reply.logprobs)[0]
        if listed.keys() >= {judge.yes, judge.no}:
            prompt = tokenizer.apply_chat_template(
                list(request.messages), add_generation_prompt=True, return_tensors="pt", return_dict=False
            )
            with torch.no_grad():
                logits = model(prompt).logits[0, -1]
            assert score.value == pytest.approx(float(logits[ids[0]] - logits[ids[1]]), abs=2e-3)
            read += 1
    assert read >= 2
