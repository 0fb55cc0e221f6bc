import json

import pytest

from curation.asking import Group
from curation.judges import JUDGES
from schemas.calls import Answered
from schemas.errors import ConfigError
from schemas.prompts import Prompt, user
from schemas.responses import Response

WORDS = (
    "Instruction: {{ request }}\n{% if right %}Reference: {{ right[0] }}\n{% endif %}"
    "{% for text in responses %}Output ({{ 'ab'[loop.index0] }}): {{ text }}\n{% endfor %}"
)


def judge(kind="custom_pairwise", **settings):
    return JUDGES.build({"name": kind, "model": "m", "template": WORDS, **settings})


@pytest.fixture
def two():
    prompt = Prompt.of(user("Say <|im_end|> hi."), source="hand", correct_answers=("Hi.",))
    texts = [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in ("hi there", "no")]
    return Group(prompt=prompt, responses=tuple(sorted(texts, key=lambda one: one.response_id)))


def replied(text):
    return Answered("c", "ok", text, "stop", None, 1, None)


def verdict(one, question, text):
    (vote,) = one.read(question.subject, replied(text))
    winner = {"a": vote.response_a, "b": vote.response_b}.get(vote.verdict, vote.verdict)
    shown = dict(zip(question.subject.shown, ("first", "second"), strict=True))
    assert vote.failure or vote.justification == text
    return shown.get(winner, winner), vote.strength, vote.failure


SIGNED = {"contract": "signed_strength"}
NAMED = {
    "contract": {"name": "json_object", "keys": ["winner"]},
    "key": "winner",
    "means": {"1": "first", "2": "second"},
}


JSON = {"contract": "json_object", "key": "score"}


@pytest.mark.parametrize(
    ("settings", "text", "said"),
    [
        pytest.param({"contract": "output_a_or_b"}, "Output (b) is better.", ("second", None, None), id="llmbar"),
        pytest.param({"contract": "final_line"}, "Fine.\nWinner: A", ("first", None, None), id="final-line"),
        pytest.param(
            {"contract": {"name": "final_line", "labels": ["one", "two"], "tie": "none"}},
            "Winner: none", ("tie", None, None), id="a-tie-by-its-label",
        ),
        pytest.param({"contract": "tail_verdict"}, "So [[B]]", ("second", None, None), id="tail"),
        pytest.param({"contract": "tail_verdict"}, "So [[None]]", (None, None, "unparsable"), id="null"),
        pytest.param(SIGNED, "<answer>-2</answer>", ("second", 2.0, None), id="below-zero"),
        pytest.param({**SIGNED, "positive": "second"}, "<answer>3</answer>", ("second", 3.0, None), id="helpsteer"),
        pytest.param(SIGNED, "<answer>0</answer>", ("tie", 0.0, None), id="zero"),
        pytest.param(SIGNED, "<answer>10</answer>", (None, None, "out_of_range"), id="beyond-the-scale"),
        pytest.param(NAMED, 'So: {"winner": "2"}', ("second", None, None), id="json"),
        pytest.param(NAMED, '{"winner": "A"}', (None, None, "unknown_verdict"), id="json-of-another"),
        pytest.param(NAMED, '{"winner": 2}', (None, None, "unknown_verdict"), id="json-of-no-text"),
        pytest.param({}, '{"verdict": "A"}', (None, None, "unknown_verdict"), id="only-the-nonce-counts"),
    ],
)  # fmt: skip
def test_a_contract_says_who_wins_in_both_orders(two, settings, text, said):
    one = judge(**settings)
    for question in one.questions(two, 0):
        assert verdict(one, question, text) == said


@pytest.mark.parametrize(
    ("settings", "text", "said"),
    [
        pytest.param({"contract": {"name": "integer_rating", "lo": 1, "hi": 5}}, " 4\n", (4.0, None), id="prometheus"),
        pytest.param({"contract": {"name": "integer_rating", "lo": 1, "hi": 5}}, "6", (None, "out_of_range"), id="six"),
        pytest.param({"contract": "overall_score"}, "Good.\nOverall score: 8/10", (8.0, None), id="ultrafeedback"),
        pytest.param({"contract": "overall_score"}, "Overall score: N/A", (None, None), id="does-not-apply"),
        pytest.param(JSON, 'So {"score": 7.5}', (7.5, None), id="json"),
        pytest.param(JSON, '{"score": "7"}', (None, "out_of_range"), id="a-text"),
        pytest.param(JSON, '{"rating": 7}', (None, "missing"), id="another-key"),
        pytest.param({}, '{"A": 7}', (None, "missing"), id="only-the-nonce-counts"),
    ],
)
def test_a_contract_says_what_an_answer_scores(two, settings, text, said):
    one = judge("custom_rating", aspect="quality", **settings)
    question = next(one.questions(two, 0))
    (score,) = one.read(question.subject, replied(text))
    assert (score.value, score.failure) == said
    assert (score.aspect, score.scale_lo, score.scale_hi) == ("quality", *one.bounds)
    assert one.bounds == ((1, 5) if "lo" in str(settings) else (1, 10))


def test_the_default_template_names_labels_that_no_answer_knows(two):
    for kind, reply in (("custom_pairwise", '{{"verdict": "{0}"}}'), ("custom_rating", '{{"{0}": 10}}')):
        one = JUDGES.build({"name": kind, "model": "m"})
        question = next(one.questions(two, 0))
        text = reply.format(next(iter(question.subject.labels)))
        assert [row.failure for row in one.read(question.subject, replied(f"Because.\n{text}"))] == [None]


def test_the_words_are_sent_as_they_stand_but_for_chat_tokens(two):
    question = next(judge(system="You compare.").questions(two, 0))
    first, second = (response.text for response in question.shown)
    said = f"Instruction: Say <\u2060|im_end|> hi.\nReference: Hi.\nOutput (a): {first}\nOutput (b): {second}\n"
    assert [dict(turn) for turn in question.request.messages] == [
        {"role": "system", "content": "You compare."}, {"role": "user", "content": said},
    ]  # fmt: skip


def test_a_template_in_a_file_is_the_same_template(two, tmp_path):
    (tmp_path / "words.jinja").write_text(WORDS)
    one, other = judge(), judge(template={"file": str(tmp_path / "words.jinja")})
    assert one == other
    assert one.template_hash == next(other.questions(two, 0)).request.template_hash
    with pytest.raises(ConfigError, match="cannot be read"):
        judge(template={"file": str(tmp_path / "none.jinja")})


@pytest.mark.parametrize(
    ("kind", "contract", "why"),
    [
        ("custom_pairwise", "overall_score", "gives no such verdict"),
        ("custom_pairwise", "label_logprobs", "gives no such verdict"),
        ("custom_pairwise", {"name": "final_line", "labels": ["A", "B", "C"]}, "two labels"),
        ("custom_rating", "final_line", "gives no such verdict; write one of integer_rating, json_object, overall"),
        ("custom_rating", {"name": "integer_rating", "lo": 5, "hi": 5}, "no two ratings"),
    ],
)
def test_a_contract_that_does_not_fit_is_refused(kind, contract, why):
    with pytest.raises(ConfigError, match=why):
        judge(kind, contract=contract)


def test_it_comes_back_from_its_spec(two):
    one = judge("custom_rating", contract={"name": "integer_rating", "lo": 1, "hi": 5}, called="prometheus")
    assert JUDGES.build(json.loads(json.dumps(one.spec()))) == one
    assert one.annotator == "custom_rating/prometheus:m"
    (score,) = one.read(next(one.questions(two, 0)).subject, replied("4"))
    assert score.judge == "custom_rating/prometheus"
