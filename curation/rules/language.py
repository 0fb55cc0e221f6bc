"""The language of a response: `{"rule": "language", "languages": ["en", "fr"]}`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from curation.rules import Finding, FormRule, Verifier
from curation.rules.texts import language, languages


class OneOf(Verifier):
    """langdetect names one of these languages. A text of which it can tell nothing is a failure, not a verdict."""

    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    """Codes of ISO 639-1; Chinese is `zh-cn` or `zh-tw`."""

    @field_validator("languages")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if strange := sorted({*codes} - languages()):
            raise ValueError(
                f"langdetect does not know {', '.join(strange)}; it knows {', '.join(sorted(languages()))}"
            )
        return codes

    def find(self, text: str) -> Finding:
        found = language(text)
        if found in (None, "unknown"):
            return Finding(None, "the language cannot be told", "undetectable")
        return Finding(found in self.languages, f"language: {found}; want {' or '.join(self.languages)}")


class Language(FormRule):
    """Whether responses are written in the language they should be."""

    name = "language"
    demands_are = OneOf
