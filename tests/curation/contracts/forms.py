"""What the tests know of each contract beside its code: replies that hold a verdict, and what betrays one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Form:
    """Replies with a verdict, a pattern that every verdict must match somewhere, and which values are allowed.

    The pattern is much wider than the contract: a text without a match has no verdict, whatever the reader's rules.
    `witness` gives what a text must hold, in small letters, for a value to come from it.
    """

    replies: tuple[str, ...]
    trace: str
    allowed: Callable[[object], bool]
    witness: Callable[[object], str] = lambda value: ""
    settings: dict = field(default_factory=dict)

    def scrubbed(self, text):
        """The text without anything that could be a verdict."""
        return re.sub(self.trace, "~", text, flags=re.IGNORECASE)


def whole(lo, hi):
    return lambda value: type(value) is int and lo <= value <= hi


def number(lo, hi):
    return lambda value: type(value) is float and lo <= value <= hi


def one_of(*labels):
    return lambda value: value in labels


FORMS = {
    "final_line": Form(
        replies=("A is right.\n\nWinner: A", "winner: B\n", "Both hold.\nWinner: neither"),
        trace="winner",
        allowed=one_of("A", "B", "tie"),
        witness={"A": "a", "B": "b", "tie": "neither"}.get,
        settings={"tie": "neither"},
    ),
    "integer_rating": Form(replies=("9", " 10\n", "0"), trace=r"\d", allowed=whole(0, 10), witness=str),
    "json_object": Form(
        replies=(
            '{"A": 4, "why": "B doesn\'t"}',
            '{"A": [1, 2,], "B": {"x": null,},}',
            'So:\n```json\n{"A": 1.5, "B": "}"}\n```\nDone.',
        ),
        trace=r"\{",
        allowed=lambda value: isinstance(value, dict) and bool(value),
        witness=lambda value: '"',
    ),
    "label_logprobs": Form(
        replies=(
            '[{"Output": -0.1, "The": -2.4}, {" (": -0.0, ":": -7.0}, {"a": -0.5, "b": -1.0}]',
            '[{"Output (": -0.1, "The": -2.4}, {"b)": -0.0, "c": -7.0}]',
        ),
        trace="[oab]",
        allowed=number(-20, 20),
        settings={"labels": ("Output (a)", "Output (b)")},
    ),
    "output_a_or_b": Form(
        replies=(
            "Output (a)",
            "Output (b) is better.",
            "Both are right. Therefore, Output (b) is better because it is short.",
            "In terms of length, Output (a) is better. Therefore, Output (b) is better.",
        ),
        trace=r"output \([ab]\)",
        allowed=one_of("first", "second"),
        witness={"first": "output (a)", "second": "output (b)"}.get,
    ),
    "overall_score": Form(
        replies=("It is short.\nOverall score: 8/10", "7", "8.5", "Fine.\n\noverall score: 10\n"),
        trace=r"\d|n/?a",
        allowed=number(1, 10),
        witness=lambda value: f"{value:g}",
    ),
    "signed_strength": Form(
        replies=("So.\n<answer>-3</answer>", "<answer> +2 </answer>.", "<answer>\N{MINUS SIGN}1</answer>"),
        trace="<answer>",
        allowed=whole(-3, 3),
        witness=lambda value: str(abs(value)),
    ),
    "tail_verdict": Form(
        replies=("A cites, B does not. <answer>[[A]]</answer>", "[[B]]", "They are alike: [[C]]."),
        trace=r"\[\[",
        allowed=one_of("A", "B", "tie"),
        witness={"A": "[[a]]", "B": "[[b]]", "tie": "[[c]]"}.get,
        settings={"tie": "C"},
    ),
    "yes_no_logprobs": Form(
        replies=('[{"Yes": -0.2, " yes": -2.5, "No": -2.0, "Well": -6.0}]', '[{"NO": -0.1, "Maybe": -4}]'),
        trace="yes|no",
        allowed=number(-20, 20),
    ),
}
