import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules.math_answer.answers import MAX_MARKS, final_answer, last_number
from curation.rules.math_answer.numbers import quantity


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param("9 * 2 = 18\n#### 18", "18", id="hashes"),
        pytest.param("9 * 2 = 18 #### 18", "18", id="hashes-in-a-line"),
        pytest.param("#### Step 2: multiply", None, id="hashes-of-a-heading"),
        pytest.param("9 * 2 = 18\nA: 18", "18", id="a"),
        pytest.param("**Answer:** 18 eggs", "18 eggs", id="label"),
        pytest.param("**Final Answer**\n\nx", None, id="label-without-a-colon"),
        pytest.param("**Final answer:**\n\n18", "18", id="below-the-label"),
        pytest.param("Answer:\nLet us see.", None, id="essay-below-the-label"),
        pytest.param("A: I do not know", "I do not know", id="label-counts-whatever-it-holds"),
        pytest.param("Answer: 18 dollars, since 9 * 2 is 18", "18 dollars", id="reason-after-it"),
        pytest.param(r"So \boxed{\frac{1}{2}}.", r"\frac{1}{2}", id="nested-box"),
        pytest.param(r"\boxed{1} or rather \fbox{2}", "2", id="last-box"),
        pytest.param(r"\boxed{1", None, id="open-box"),
        pytest.param("So the answer is 3.5.", "3.5", id="prose"),
        pytest.param("The answer to the question is **7**.", "7**", id="prose-with-words-between"),
        pytest.param("The final answer is $x^2$, not $x$.", "$x^2$", id="prose-goes-on"),
        pytest.param("The answer is (B).", "(B)", id="prose-choice"),
        pytest.param("The answer is a matter of taste.", None, id="prose-without-an-answer"),
        pytest.param("The answer is 5. No, the answer is 7.", "7", id="last-of-a-line"),
        pytest.param("A: 5\nA: 7", "7", id="last-line"),
        pytest.param(r"\boxed{5}" + "\nSo the answer is 7.", "7", id="last-of-any-kind"),
        pytest.param("The answer is 7. Is the answer is right? I think so.", "7", id="prose-that-says-nothing"),
        pytest.param("Cafe A: 5 tables", None, id="label-inside-a-line"),
        pytest.param("9 * 2 = 18", None, id="no-mark"),
        pytest.param("", None, id="empty"),
    ],
)
def test_final_answer(text, answer):
    found = final_answer(text)
    assert (found and found.text) == answer


@given(number=st.integers(), before=st.text())
def test_the_last_mark_decides_whatever_stands_before(number, before):
    for mark in ("#### {}", "A: {}", "Final answer: {}", r"\boxed{{{}}}"):
        found = final_answer(f"{before}\n{mark.format(number)}")
        assert found is not None
        assert found.text == str(number)


PIECES = [*"A:#\\{}\n 0123456789.", "\n#### ", "\nA: ", "Answer:\n", "\\boxed{", "\\fbox{5}", "The answer is ", "-5"]


@given(st.lists(st.characters() | st.sampled_from(PIECES)).map("".join))
def test_an_answer_stands_behind_its_mark_and_a_guess_is_a_number(text):
    found = final_answer(text)
    if found is not None:
        _, mark, rest = text.partition(found.mark)
        assert mark
        assert found.text in rest
    guess = last_number(text)
    if guess is not None:
        assert guess.text in text
        assert quantity(guess.text) is not None


def test_only_the_last_marks_are_looked_at():
    assert final_answer("#### 5\n" + "#### heading\n" * (MAX_MARKS - 1)) is not None
    assert final_answer("#### 5\n" + "#### heading\n" * MAX_MARKS) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("9 eggs at $2.50", "2.50", id="decimal"),
        pytest.param("3-5 eggs", "5", id="a-range-is-no-minus"),
        pytest.param("it fell to -5 degrees", "-5", id="minus"),
        pytest.param("1,234 eggs", "1,234", id="thousands"),
        pytest.param("room B12", None, id="part-of-a-name"),
        pytest.param("none", None, id="none"),
    ],
)
def test_last_number(text, number):
    found = last_number(text)
    assert (found and found.text) == number
