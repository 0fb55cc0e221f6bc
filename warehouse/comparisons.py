"""A pair as trainers of other projects read it: a prompt and two completions, as text or as chat messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
"""A row of a query about a version."""


class LeftOut(Exception):
    """A row that a format cannot carry; it is counted under this reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def comparison(row: Row, *, with_margin: bool, conversational: bool = True) -> dict[str, Any]:
    """prompt, chosen and rejected with the names of their models, and the margin where all pairs have one.

    Raises LeftOut for sides under two prompts, and where a conversation would have to become one text.
    """
    if row["rejected_prompt"] != row["prompt"]:
        raise LeftOut("sides_have_two_prompts")
    return {
        "prompt": row["prompt"] if conversational else one_text(row["prompt"]),
        "chosen": answer(row["chosen"]) if conversational else row["chosen"],
        "rejected": answer(row["rejected"]) if conversational else row["rejected"],
        **models_and_margin(row, with_margin=with_margin),
    }


def models_and_margin(row: Row, *, with_margin: bool) -> dict[str, Any]:
    """What is known of the two completions beside their texts."""
    models = {"chosen_model": row["chosen_model"], "rejected_model": row["rejected_model"]}
    return models | ({"margin": row["margin"]} if with_margin else {})


def answer(text: str) -> list[dict[str, str]]:
    """A completion as chat messages."""
    return [{"role": "assistant", "content": text}]


def one_text(messages: list[dict[str, str]]) -> str:
    """The only turn of a prompt. Raises LeftOut when there are others."""
    if len(messages) > 1:
        raise LeftOut("prompt_has_several_turns")
    return messages[0]["content"]
