"""Formats of files, one file each. An importer only translates a raw record; `curation.importing` does the rest."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from curation.columns import Labels, Plain, plain_comparisons
from curation.comparisons import Keys, comparison_of, model_of, strength_of
from curation.provenance import Note
from curation.readers import SUFFIXES
from curation.records import BadRow, Named, Record
from schemas.base import Plugin
from schemas.prompts import Message, Prompt
from schemas.registry import Registry
from schemas.responses import Response
from schemas.scores import Score
from schemas.votes import Vote

Row = Prompt | Response | Vote | Score


class Importer(Plugin):
    """A record format. Subclasses translate one record into prompts, responses, votes and scores."""

    license: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    """File names that a folder is searched for."""

    id_column: ClassVar[str | None] = None
    """Field that should name a record; an id of several records is told."""

    answer_sheets: ClassVar[bool] = False
    """Whether every model is to answer the same prompts; a model with fewer answers is told."""

    source: str | None = None
    """Value of the `source` column; the importer's name when absent."""

    @property
    def origin(self) -> str:
        """The `source` of every imported row."""
        return self.source or self.name

    @abstractmethod
    def translate(self, record: Record) -> Iterator[Row | Note]:
        """Rows of one record, and notes about it. Raises BadRow with the reason when it cannot be used."""

    def plain(self, records: Sequence[Record | BadRow]) -> Plain | None:  # noqa: ARG002
        """The rows that `translate` has for some of these records, where a format can make many at once."""
        return None

    def model_of(self, path: Path) -> str | None:  # noqa: ARG002
        """The model that a file is called after, where a format has one file a model."""
        return None

    def record_name(self, record: Record) -> str:
        """Name of the act that a record describes: the same line imported twice is the same vote.

        Scores have it as their `call_id`, because the call that made them was somebody else's.
        """
        named = record if isinstance(record, Named) else Named(record)
        return f"{self.name}:{named.content_id}"

    def prompt(self, messages: Sequence[Message], **facts: object) -> Prompt:
        """A prompt of this import, with what is known about it."""
        return Prompt.of(messages, source=self.origin, license=self.license, **facts)

    def response(self, prompt: Prompt, model: str, text: str) -> Response:
        """A response of this import."""
        return Response.of(prompt.prompt_id, model=model, text=text, source=self.origin)

    def vote(
        self,
        record: Record,
        sides: tuple[Response, Response],
        winner: int | None,
        *,
        first: int | None = None,
        **facts: object,
    ) -> Vote:
        """A vote on two responses: `winner` is the place of the better one, `first` of the one shown first.

        Where a file does not say what was shown first, the order by id carries no information about the label.
        """
        ids = [side.response_id for side in sides]
        if ids[0] == ids[1]:
            raise BadRow("identical_responses")
        first = ids.index(min(ids)) if first is None else first
        return Vote.of(
            prompt_id=sides[0].prompt_id,
            shown_first=ids[first],
            shown_second=ids[1 - first],
            winner=None if winner is None else ids[winner],
            record=self.record_name(record),
            source=self.origin,
            **facts,
        )

    def score(
        self,
        record: Record,
        response: Response,
        aspect: str,
        value: float | None,
        *,
        judge: str,
        scale: tuple[float, float],
        act: str = "",
        rationale: str | None = None,
        failure: str | None = None,
    ) -> Score:
        """A score of one response; `act` tells several readings of one record and aspect apart.

        Raising the importer's version reads the ratings anew.
        """
        return Score(
            call_id=f"{self.record_name(record)}{act}",
            response_id=response.response_id,
            judge=judge,
            judge_version=self.version,
            aspect=aspect,
            value=value,
            scale_lo=scale[0],
            scale_hi=scale[1],
            rationale=rationale,
            failure=failure,
        )


class ComparisonImporter(Importer):
    """A format whose record is one comparison of two answers. Subclasses say under which keys it lies.

    Where a record does not say in `chosen_model` and `rejected_model` who wrote the answers, it is `<format>/unknown`.
    """

    license: ClassVar[str] = "the user's"

    annotator: str | None = None
    """Who compared; `<format>/unknown` when absent."""
    annotator_kind: Literal["human", "ai", "rm", "unknown"] = "unknown"

    @property
    def keys(self) -> Keys:
        """The keys of a record."""
        return Keys()

    @property
    def unknown(self) -> str:
        """Who wrote or compared where nobody is named."""
        return f"{self.name}/unknown"

    @property
    def labels(self) -> Labels:
        """What all rows have in common."""
        return Labels(
            format=self.name,
            source=self.origin,
            license=self.license,
            annotator=self.annotator or self.unknown,
            annotator_kind=self.annotator_kind,
            unknown=self.unknown,
        )

    def plain(self, records: Sequence[Record | BadRow]) -> Plain | None:
        return plain_comparisons(records, self.keys, self.labels)

    def translate(self, record: Record) -> Iterator[Row]:
        found = comparison_of(record, self.keys)
        prompt = self.prompt(found.context)
        yield prompt
        sides = (
            self.response(prompt, model_of(record, "chosen_model", self.unknown), found.chosen),
            self.response(prompt, model_of(record, "rejected_model", self.unknown), found.rejected),
        )
        yield from sides
        yield self.vote(
            record,
            sides,
            winner=0,
            strength=strength_of(record, self.keys.margin),
            annotator=self.annotator or self.unknown,
            annotator_kind=self.annotator_kind,
        )


IMPORTERS = Registry("curation.importers", Importer)
