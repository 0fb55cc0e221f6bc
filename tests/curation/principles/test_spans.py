from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.principles.spans import SpanCheck, span_score

FEEDBACK = (
    "Good facts overall, and the tone is right for a beginner. The last paragraph repeats the first one, though, "
    "and no source is given for the numbers in the table."
)
UNRELATED = "Whales migrate thousands of kilometres between Arctic feeding waters and warm lagoons."


@pytest.fixture
def check(said):
    def checked(*spans, feedback=FEEDBACK, **settings):
        row = replace(said("ann", "avoids repetition", "no"), spans=spans)
        return SpanCheck(**settings).checked(row, feedback)

    return checked


@given(st.data())
def test_an_exact_quote_scores_100(data):
    start = data.draw(st.integers(0, len(FEEDBACK) - 20))
    end = data.draw(st.integers(start + 10, len(FEEDBACK)))
    assert span_score(FEEDBACK[start:end], FEEDBACK) == 100


@pytest.mark.parametrize("place", range(0, 40, 7))
def test_one_typo_in_40_characters_scores_at_least_90(place):
    quote = FEEDBACK[61:101]
    assert len(quote) == 40
    assert 90 <= span_score(f"{quote[:place]}#{quote[place + 1 :]}", FEEDBACK) < 100


def test_an_unrelated_sentence_scores_below_60():
    assert len(UNRELATED) >= 40
    assert span_score(UNRELATED, FEEDBACK) < 60


def test_case_and_white_space_do_not_count():
    assert span_score("the LAST paragraph\n  repeats", FEEDBACK) == 100


def test_a_short_span_is_found_in_any_text_so_its_length_is_looked_at_first(check):
    """Three letters score 100 where they do not belong: the reason must be the length, not the score."""
    assert span_score("the", UNRELATED + " the") == 100
    for short in ("the", "one", "Good facts", "no source"):
        found = check(short)
        assert (found.kept, found.reason, found.span_score) == (False, "short_span", None)


def test_short_spans_beside_a_long_one_are_passed_over(check):
    found = check("the", "the last paragraph repeats the first")
    assert (found.kept, found.span_score) == (True, 100)


def test_the_worst_span_decides(check):
    found = check("the last paragraph repeats the first", UNRELATED)
    assert (found.kept, found.reason) == (False, "span_not_in_feedback")
    assert found.span_score == span_score(UNRELATED, FEEDBACK)


def test_the_bound_is_strict(check):
    score = span_score("the last chapter repeats a lot of it", FEEDBACK)
    assert not check("the last chapter repeats a lot of it", above=score).kept
    assert check("the last chapter repeats a lot of it", above=score - 0.01).kept


def test_a_span_that_swallows_a_short_feedback_is_no_quote(check):
    """partial_ratio alone gives 100: it looks the shorter text up in the longer one."""
    longer = "It is fine and it cites many sources that are all of them invented by somebody"
    assert not check(longer, feedback="It is fine.").kept
    assert check("it is fine", feedback="It is fine.").kept
