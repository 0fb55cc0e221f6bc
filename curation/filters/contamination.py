"""Prompts of evaluation sets: who trains on them measures nothing. UltraFeedback holds 811 prompts of TruthfulQA."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated
from unicodedata import normalize

from pydantic import BeforeValidator, Field, PlainSerializer

from curation.filters import Fault, Filter
from curation.folders import record_files
from curation.importers import IMPORTERS, Importer
from curation.readers import read_records
from curation.records import BadRow
from schemas.base import Plugin
from schemas.errors import InputError
from schemas.prompts import Prompt

AnyImporter = Annotated[Importer, BeforeValidator(IMPORTERS.build), PlainSerializer(Plugin.spec)]

RUN = 3
"""Words in a row that two texts must share for the words to count."""
LONG = 8
"""An evaluation prompt of so many words is looked for inside longer prompts; a shorter one would be found anywhere."""
SHOWN_CHARS = 80

_WHOLE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_WHOLE}]|[^\W_{_WHOLE}]+")
"""A word, or a character of a script that writes no spaces."""

Words = Sequence[str]
Run = tuple[str, ...]


class Contamination(Filter):
    """Leaves out the prompts of evaluation sources, and prompts that nearly say what a stored evaluation set says.

    Nearly: `least_share` of the evaluation prompt's words stand in runs of three that the prompt has too; where it has
    fewer than eight words, as much of the prompt must stand in runs of it. Case, punctuation and spaces do not count.
    Another wording of the same question is not found.
    """

    name = "contamination"

    sources: tuple[str, ...] = ()
    """Sources in the warehouse whose prompts are all for evaluation."""
    paths: tuple[Path, ...] = ()
    """Files or folders of evaluation sets. They are read by every run, and stored nowhere."""
    format: AnyImporter = Field(default_factory=lambda: IMPORTERS.build("prompts"))
    """What these files hold."""
    least_share: float = Field(default=0.8, gt=0, le=1)
    """1 finds whole prompts only; less finds more of the changed ones, and more that merely begin alike."""

    def fault(self, prompt: Prompt) -> Fault | None:
        if prompt.source in self.sources:
            return Fault("evaluation_source", prompt.source)
        found = self.known.nearest(words_of(asked(prompt)), self.least_share)
        return found and Fault("near_evaluation_prompt", f"{found[1]:.0%} of {found[0][:SHOWN_CHARS]!r}")

    @cached_property
    def known(self) -> Known:
        """The evaluation prompts. Raises InputError where one cannot be read: it would pass unseen."""
        return Known(
            asked(prompt) for path in record_files(self.paths, self.format.suffixes) for prompt in self._of(path)
        )

    def _of(self, path: Path) -> Iterator[Prompt]:
        for number, record in read_records(path):
            try:
                if isinstance(record, BadRow):
                    raise record
                yield from (row for row in self.format.translate(record) if isinstance(row, Prompt))
            except (BadRow, ValueError) as error:
                raise InputError(f"{path}, record {number}, is no {self.format.name} ({error}); correct it.") from error


class Known:
    """Texts, found again by what they share with another."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = list(dict.fromkeys(texts))
        self.words = [words_of(text) for text in self.texts]
        self.having: dict[Run, list[int]] = {}
        for place, words in enumerate(self.words):
            for run in runs(words):
                self.having.setdefault(run, []).append(place)

    def nearest(self, words: Words, least: float) -> tuple[str, float] | None:
        """The text of which most is in `words`, and how much of it; None where that is less than `least`."""
        mine = set(runs(words))
        shared = Counter[int]()
        for run in mine:
            shared.update(self.having.get(run, ()))
        near = {
            place: share
            for place, count in shared.items()
            if count * RUN >= least * len(self.words[place])  # fewer cannot hold enough of its words
            if (share := covered(self.words[place], mine)) >= least
            if len(self.words[place]) >= LONG or covered(words, set(runs(self.words[place]))) >= least
        }
        best = max(near, key=lambda place: (near[place], -place), default=None)
        return None if best is None else (self.texts[best], near[best])


def asked(prompt: Prompt) -> str:
    """What the user says. System turns are often the same for everything."""
    return "\n".join(turn["content"] for turn in prompt.messages if turn["role"] == "user")


def words_of(text: str) -> Words:
    """The words in lower case; a text without any is one word."""
    return _WORD.findall(normalize("NFKC", text).casefold()) or [text.strip()]


def runs(words: Words) -> list[Run]:
    """Every RUN words in a row; fewer words are one run."""
    return [tuple(words[start : start + RUN]) for start in range(max(len(words) - RUN, 0) + 1)]


def covered(words: Words, having: Collection[Run]) -> float:
    """Share of the words that stand in one of these runs."""
    inside = {start + step for start, run in enumerate(runs(words)) if run in having for step in range(len(run))}
    return len(inside) / len(words)
