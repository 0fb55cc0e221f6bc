"""IFEval's `combination:` two responses, or the request before the answer."""

from __future__ import annotations

from typing import Self

from curation.rules import Finding
from curation.rules.ifeval import Instruction


class TwoResponses(Instruction):
    """Two different responses, with `******` between them."""

    name = "combination:two_responses"

    def follows(self, text: str) -> Finding:
        parts = [part.strip() for part in text.split("******")]
        filled = [part for part in parts if part]
        if not all(parts[1:-1]):
            return Finding(False, "there is nothing between two dividers")
        if len(filled) != 2:
            return Finding(False, f"{len(filled)} responses, want 2")
        return Finding(filled[0] != filled[1], "two responses" if filled[0] != filled[1] else "twice the same response")


class RepeatPrompt(Instruction):
    """The response begins with the request, in any case. Without `prompt_to_repeat` it is the prompt's last turn."""

    name = "combination:repeat_prompt"
    prompt_to_repeat: str = ""

    def about(self, prompt: str) -> Self:
        return self if self.prompt_to_repeat else self.model_copy(update={"prompt_to_repeat": prompt})

    def follows(self, text: str) -> Finding:
        wanted = self.prompt_to_repeat.strip().lower()
        if not wanted:
            return Finding(None, "prompt_to_repeat: it is absent, and so is the prompt.", "bad_constraint")
        met = text.strip().lower().startswith(wanted)
        return Finding(met, f"begins {'with' if met else 'otherwise than'} the request")
