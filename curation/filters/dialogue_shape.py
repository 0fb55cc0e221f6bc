"""Conversations that are none: the validity filter of RLHF Workflow's pairs (arXiv 2405.07863), for their contexts."""

from __future__ import annotations

from curation.filters import Fault, Filter
from schemas.prompts import Prompt


class DialogueShape(Filter):
    """Leaves out prompts with an empty turn, and those whose turns do not alternate from the user to the user.

    A system turn may come first. Importers see to the rest: both answers follow the same turns, and they differ.
    """

    name = "dialogue_shape"

    def fault(self, prompt: Prompt) -> Fault | None:
        turns = prompt.messages[prompt.messages[0]["role"] == "system" :]
        if not all(turn["content"].strip() for turn in turns):
            return Fault("empty_turn")
        roles = [turn["role"] for turn in turns]
        wanted = [("user", "assistant")[place % 2] for place in range(len(turns))]
        return None if roles == wanted else Fault("roles_do_not_alternate", " ".join(roles))
