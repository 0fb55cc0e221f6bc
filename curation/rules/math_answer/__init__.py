"""Whether a solution's final answer is a known one of the prompt's."""

from __future__ import annotations

from collections.abc import Iterator

from curation.rules import Check, Rule
from curation.rules.math_answer.answers import CHOICE, final_answer, is_formula, last_number
from curation.rules.math_answer.formulas import formulas_equal
from curation.rules.math_answer.numbers import quantity, tidy
from schemas.prompts import Prompt
from schemas.responses import Response


class MathAnswer(Rule):
    """Compares the final answer with the prompt's `correct_answers`: 1.0 when it equals one of them, 0.0 when none.

    Words are compared as words, plain numbers exactly, formulas by math-verify. A solution that gives no answer is a
    failure `no_answer`, not a wrong answer: it may have been cut off. Where accuracy is wanted as benchmarks count it,
    divide the ones by all rows, failures among them.
    """

    name = "math_answer"

    last_number: bool = False
    """Where no answer is marked, take the last number of the text. It finds more answers, and wrong ones."""

    def check(self, prompt: Prompt, response: Response) -> Iterator[Check]:
        if not prompt.correct_answers:
            yield Check(aspect="correct", rationale="the prompt has no known answer")
            return
        answer = final_answer(response.text) or (last_number(response.text) if self.last_number else None)
        if answer is None:
            yield Check(aspect="correct", failure="no_answer", rationale="the text marks no final answer")
            return
        keys = [_key(text) for text in prompt.correct_answers]
        verdicts = [compare(key, answer.text) for key in keys]
        found = f"{answer.text!r} after {answer.mark!r}, want {' or '.join(map(repr, keys))}"
        failures = [verdict for verdict in verdicts if isinstance(verdict, str)]
        if True in verdicts or not failures:
            yield Check(aspect="correct", value=float(True in verdicts), rationale=found)
        else:
            yield Check(aspect="correct", failure=failures[0], rationale=found)


def compare(key: str, answer: str) -> bool | str:
    """Whether the answer equals the key, or why that cannot be told.

    unit_differs: equal numbers of different units. unreadable: one is a formula or a number, and the other is words;
    or math-verify cannot read or compare them in time.
    """
    known, said = tidy(key), tidy(answer)
    if _spelled(known) == _spelled(said):
        return True
    number, stated = quantity(known), quantity(said)
    if number and stated:
        if not number.readings & stated.readings:
            return False
        return True if number.unit == stated.unit or "" in (number.unit, stated.unit) else "unit_differs"
    if is_formula(known) and is_formula(said):
        equal = formulas_equal(known, said)
        return "unreadable" if equal is None else equal
    return "unreadable" if is_formula(known) or number else False


def _key(text: str) -> str:
    """A known answer; of a whole worked solution, its final answer."""
    found = final_answer(text)
    return found.text if found else text.strip()


def _spelled(text: str) -> str:
    """A tidied text as its spelling is compared: `(B)` is b, words have no case, and formulas stay what they are."""
    if choice := CHOICE.fullmatch(text):
        return choice["letter"].casefold()
    return text if is_formula(text) else text.casefold()
