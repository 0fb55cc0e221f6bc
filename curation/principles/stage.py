"""How feedback becomes principles: the settings, and the decisions on what the model has read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from curation.principles import Feedback, Statement
from curation.principles.clusters import clustered, one_each, without_general
from curation.principles.consensus import Vectors, by_consensus
from curation.principles.embedders import EMBEDDERS, Embedder
from curation.principles.extractor import Extractor
from curation.principles.spans import SpanCheck
from schemas.base import Plugin, Strict
from schemas.drops import Drop
from schemas.ids import content_id
from schemas.principles import Met, Principle

AnyEmbedder = Annotated[Embedder, BeforeValidator(EMBEDDERS.build), PlainSerializer(Plugin.spec)]

VERSION = "1"
"""Of the decisions; raise it when their meaning changes."""

STAGE = "principles"

OPPOSITES = {
    "verbose": "concise",
    "verbosity": "concise",
    "repetitive": "free of repetition",
    "vague": "specific",
    "inaccurate": "accurate",
    "incomplete": "complete",
    "confusing": "clear",
}
FLIPPED: Mapping[Met, Met] = {"yes": "no", "no": "yes", "partially": "partially"}


class PrincipleStage(Strict):
    """Principles from feedback, after RLBFF (arXiv 2509.21319)."""

    extractor: Extractor
    embedder: AnyEmbedder
    aspects: tuple[str, ...] = ("feedback",)
    """Scores whose rationale is feedback, by aspect; one annotator for each judge."""
    justifications: bool = False
    """Whether the justification of a vote is feedback on both of its responses."""
    spans: SpanCheck = SpanCheck()
    theta: float = Field(default=0.8, ge=-1, lt=1)
    """Two names speak of one principle when their cosine is above this. Tune it to the embedder by `theta_for`."""
    cluster_above: float = Field(default=0.9, ge=-1, lt=1)
    """Two names are one meaning when their cosine is above this: of them, one row a response."""
    general: tuple[str, ...] = ("helpfulness",)
    """Names that say nothing in particular; what is one meaning with them is dropped."""
    opposites: Mapping[str, str] = OPPOSITES
    """Names of faults, and the merits that they deny: `verbose: yes` is read as `concise: no`."""

    def principle(self, feedback: Feedback, said: Statement, **facts: object) -> Principle:
        """What an annotator says, as a row, its quotes looked up in the feedback."""
        merit = self.opposites.get(said.principle)
        return self.spans.checked(
            Principle.of(
                feedback.prompt_id,
                feedback.response_id,
                feedback.annotator,
                merit or said.principle,
                FLIPPED[said.label] if merit else said.label,
                spans=said.spans,
                **facts,
            ),
            feedback.text,
        )

    def checked_by(self, revision: str, evidence: Sequence[object]) -> str:
        """Names the decisions on this evidence: other settings, another embedder or other feedback decide anew."""
        versions = [VERSION, self.extractor.version]
        digest = content_id("principles", versions, self.model_dump(mode="json"), revision, list(evidence))
        return f"{self.embedder.name}:{self.embedder.model}>{self.theta:g}#{digest}"

    def decided(
        self, principles: Sequence[Principle], annotators: Mapping[str, Collection[str]], vectors: Vectors
    ) -> list[Principle]:
        """The principles, each kept or dropped with the first reason that holds.

        annotators: all who gave feedback, by response id. vectors: of all names, those of `general` included.
        """
        agreed = by_consensus(principles, annotators, vectors, self.theta)
        grouped = clustered(agreed, vectors, self.cluster_above)
        return one_each(without_general(grouped, self.general, vectors, self.cluster_above))


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One feedback and what its reply says: items in order, each a statement or why it is none."""

    feedback: Feedback
    call_id: str
    status: str
    said: tuple[Statement | str, ...] = ()
    failure: str | None = None
    """Why the reply could not be read."""

    @property
    def evidence(self) -> tuple[str, str, str]:
        """What decisions depend on."""
        return self.feedback.feedback_id, self.call_id, self.status


def principles_of(
    stage: PrincipleStage, read: Sequence[Read], run_id: str | None
) -> tuple[list[Principle], list[Drop]]:
    """Rows of all statements, each once, and drops for the items that make none.

    Of two statements that differ in their quotes alone, the one with better quotes counts. Where an annotator's reply
    could not be read, nothing is known of the agreement on that response: its rows are dropped.
    """
    rows: dict[str, Principle] = {}
    drops: list[Drop] = []
    for one in read:
        for number, item in enumerate(one.said):
            row = (
                item
                if isinstance(item, str)
                else stage.principle(one.feedback, item, call_id=one.call_id, run_id=run_id)
            )
            if isinstance(row, Principle) and row.principle_id not in rows:
                rows[row.principle_id] = row
                continue
            reason = row if isinstance(row, str) else "repeated"
            item_id = content_id("principle item", one.call_id, number)
            drops.append(Drop.of(STAGE, "item", reason, row_id=item_id, run_id=run_id))
            if isinstance(row, Principle):
                rows[row.principle_id] = max(rows[row.principle_id], row, key=lambda one: one.kept)
    unread = {one.feedback.response_id for one in read if one.failure}
    return [_unless_unread(row, unread) for row in rows.values()], drops


def _unless_unread(row: Principle, unread: Collection[str]) -> Principle:
    if not row.kept or row.response_id not in unread:
        return row
    return replace(row, kept=False, reason="unread_feedback")
