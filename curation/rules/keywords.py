"""Words that must or must not occur: `{"rule": "keywords", "required": ["rain"], "forbidden": ["snow"]}`."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from curation.rules import Finding, FormRule, Verifier

Words = tuple[Annotated[str, Field(min_length=1)], ...]


class Wording(Verifier):
    """Every required word occurs, and no forbidden one. A word may be a phrase; it is looked for as it is written."""

    required: Words = ()
    forbidden: Words = ()
    ignore_case: bool = True
    whole_words: bool = True
    """Count a word only where no letter, digit or underscore stands beside it."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.required and not self.forbidden:
            raise ValueError("give required words, forbidden words, or both")
        return self

    def find(self, text: str) -> Finding:
        missing = [word for word in self.required if not self._occurs(word, text)]
        present = [word for word in self.forbidden if self._occurs(word, text)]
        faults = [f"{kind}: {', '.join(words)}" for kind, words in (("missing", missing), ("found", present)) if words]
        return Finding(not faults, "; ".join(faults) or "every required word occurs, and no forbidden one")

    def _occurs(self, word: str, text: str) -> bool:
        pattern = rf"(?<!\w){re.escape(word)}(?!\w)" if self.whole_words else re.escape(word)
        return re.search(pattern, text, re.IGNORECASE if self.ignore_case else 0) is not None


class Keywords(FormRule):
    """Whether responses use the words they should, and avoid the others."""

    name = "keywords"
    demands_are = Wording
