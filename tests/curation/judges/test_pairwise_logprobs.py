import json
from math import log

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.judges.pairwise_logprobs import PairwiseLogprobs
from schemas.calls import Answered


def judge(**fields):
    return PairwiseLogprobs(model="m", **fields)


def said(subject, p_first):
    """A reply of the likelier label, with the probabilities of the letters in which the labels part."""
    first, second = subject.labels
    logprobs = json.dumps([{"A": log(p_first), "B": log(1 - p_first)}, {f"_{subject.nonce}": 0.0}])
    return Answered("c", "ok", first if p_first >= 0.5 else second, "stop", logprobs, 2, None)


@pytest.mark.parametrize("p_first", [0.9, 0.5, 0.2])
def test_strength_is_the_log_odds_of_the_winner(group, p_first):
    subject = next(judge().questions(group, 0)).subject
    (vote,) = judge().read(subject, said(subject, p_first))
    odds = log(p_first / (1 - p_first))
    winner = {"a": vote.response_a, "b": vote.response_b, "tie": None}[str(vote.verdict)]
    assert winner == (None if not odds else subject.shown[0] if odds > 0 else subject.shown[1])
    assert vote.strength == pytest.approx(abs(odds))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(merit=st.floats(-4, 4), bias=st.floats(-2, 2))
def test_the_mean_of_both_orders_is_antisymmetric(group, merit, bias):
    """A judge whose log-odds are merit + bias for the first place: the two orders' mean is the merit, and p(A over B)
    and p(B over A) sum to one."""
    one, other = list(judge(comparisons_per_prompt=1).questions(group, 0))
    signed = {}
    for question, odds in ((one, merit + bias), (other, -merit + bias)):
        subject = question.subject
        p_first = 1 / (1 + 2.718281828459045 ** (-odds))
        (vote,) = judge().read(subject, said(subject, p_first))
        towards = {"a": 1, "b": -1, "tie": 0}[str(vote.verdict)] * vote.strength
        signed[subject.shown[0]] = towards if subject.shown[0] == vote.response_a else -towards
    shown_first = one.subject.shown[0]
    mean = (signed[shown_first] - signed[one.subject.shown[1]]) / 2
    assert mean == pytest.approx(merit, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "logprobs", "failure"),
    [
        pytest.param("{first}", None, "empty", id="no-logprobs"),
        pytest.param("{first}", "[]", "missing", id="no-tokens"),
        pytest.param("{first}", '[{{"x": -1.0, "y": -2.0}}]', "missing", id="neither-label-listed"),
        pytest.param("A", '[{{"A": -0.1, "B": -2.0}}]', "unknown_verdict", id="a-label-without-the-nonce"),
        pytest.param("{first}", "nonsense", "unparsable", id="no-json"),
    ],
)
def test_what_is_no_verdict_is_a_failure(group, text, logprobs, failure):
    subject = next(judge().questions(group, 0)).subject
    first = next(iter(subject.labels))
    found = Answered("c", "ok", text.format(first=first), "stop", logprobs and logprobs.format(), 1, None)
    (vote,) = judge().read(subject, found)
    assert (vote.verdict, vote.failure) == (None, failure)


def test_the_request_wants_a_label_and_its_rivals(group):
    for question in judge().questions(group, 0):
        assert question.request.top_logprobs == 20
        assert json.loads(question.request.structure.text) == list(question.subject.labels)
