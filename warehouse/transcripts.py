"""Conversations as one text, in the notation of other projects. What the notation cannot say is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from warehouse.comparisons import LeftOut

HH_RLHF = {"user": "\n\nHuman:", "assistant": "\n\nAssistant:"}
HELPSTEER2 = {"user": "<extra_id_1>User\n", "assistant": "<extra_id_1>Assistant\n"}

Turns = Sequence[Mapping[str, str]]


def hh_rlhf(turns: Turns) -> str:
    """Turns of Human and Assistant; white space around a turn is lost."""
    if [turn["role"] for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
        raise LeftOut("roles_do_not_alternate")
    said = [turn["content"].strip() for turn in turns]
    if not all(said):
        raise LeftOut("empty_turn")
    if any(mark in text for text in said for mark in HH_RLHF.values()):
        raise LeftOut("text_holds_a_role_mark")
    return "".join(f"{HH_RLHF[turn['role']]} {text}" for turn, text in zip(turns, said, strict=True))


def helpsteer2(turns: Turns) -> str:
    """The text of the first user turn, and each later turn after its mark."""
    if turns[0]["role"] != "user" or any(turn["role"] not in HELPSTEER2 for turn in turns):
        raise LeftOut("role_is_not_user_or_assistant")
    if any("<extra_id_1>" in turn["content"] for turn in turns):
        raise LeftOut("text_holds_a_role_mark")
    later = "".join(f"\n{HELPSTEER2[turn['role']]}{turn['content']}" for turn in turns[1:])
    return turns[0]["content"] + later
