"""Preference records of other projects: a prompt and two completions, as texts or as conversations."""

from __future__ import annotations

from dataclasses import dataclass

from curation.records import BadRow, Record, field_of, messages_of, number_of, text_of, turns_of
from schemas.prompts import Message


@dataclass(frozen=True, slots=True)
class Keys:
    """Where a format keeps what a comparison is made of. `prompt` is None where only whole conversations are stored."""

    prompt: str | None = "prompt"
    chosen: str = "chosen"
    rejected: str = "rejected"
    margin: str = "margin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a preference record says: the context, and the better and the worse answer to it."""

    context: tuple[Message, ...]
    chosen: str
    rejected: str


def comparison_of(record: Record, keys: Keys) -> Comparison:
    """The comparison under these keys. A side is one answer, or the whole conversation with one answer at its end.

    Without a prompt (an absent key, or none named) it is what the two conversations share.
    """
    sides = _side(record, keys.chosen), _side(record, keys.rejected)
    if keys.prompt is not None and keys.prompt in record:
        context = turns_of(record, keys.prompt)
    elif isinstance(record[keys.chosen], str):
        raise BadRow("missing_column", "a prompt: texts without one cannot be taken apart")
    else:
        context = _shared(*sides)
    answers = [side[len(context) :] if side[: len(context)] == context else side for side in sides]
    return Comparison(
        context=context, chosen=_answer(answers[0], keys.chosen), rejected=_answer(answers[1], keys.rejected)
    )


def _side(record: Record, name: str) -> tuple[Message, ...]:
    if isinstance(field_of(record, name), str):
        return (Message(role="assistant", content=text_of(record, name)),)
    return messages_of(record, name)


def _shared(chosen: tuple[Message, ...], rejected: tuple[Message, ...]) -> tuple[Message, ...]:
    """Turns before the last one, if they are the same."""
    if chosen[:-1] != rejected[:-1]:
        raise BadRow("contexts_differ")
    return chosen[:-1]


def _answer(turns: tuple[Message, ...], name: str) -> str:
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise BadRow("no_single_answer", f"{name} must add one assistant turn to the prompt, not {len(turns)} turns")
    return turns[0]["content"]


def strength_of(record: Record, margin: str) -> float | None:
    """How much better the chosen side is: its margin, or the distance of the two scores; None if not said."""
    strength = number_of(record, margin)
    if strength is None:
        better, worse = number_of(record, "score_chosen"), number_of(record, "score_rejected")
        strength = None if better is None or worse is None else better - worse
    if strength is not None and strength < 0:
        raise BadRow("negative_margin", f"{strength:g}: the rejected side is said to be better")
    return strength


def model_of(record: Record, name: str, default: str) -> str:
    """Who wrote a side, where the file says so."""
    return text_of(record, name) if record.get(name) else default
