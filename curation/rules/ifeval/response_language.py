"""IFEval's `language:` the whole response in one language."""

from __future__ import annotations

from pydantic import field_validator

from curation.rules import Finding
from curation.rules.ifeval import Instruction
from curation.rules.texts import language, languages


class ResponseLanguage(Instruction):
    """langdetect names this language. Upstream takes a text of which it can tell nothing for the right one."""

    name = "language:response_language"
    language: str

    @field_validator("language")
    @classmethod
    def _known(cls, code: str) -> str:
        if code not in languages():
            raise ValueError(f"{code!r} is no language that langdetect knows: {', '.join(sorted(languages()))}")
        return code

    def follows(self, text: str) -> Finding:
        found = language(text)
        told = found or "cannot be told, which upstream counts as right"
        return Finding(found in (self.language, None), f"language: {told}; want {self.language}")
