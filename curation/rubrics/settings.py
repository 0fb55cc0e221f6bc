"""How a run comes to its rubrics: who writes them, from which known order, and when one is kept."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from curation.judges import JUDGES
from curation.judges.rubric import RubricJudge
from curation.rubrics import RUBRIC_WRITERS, RubricWriter
from schemas.base import Plugin, Strict

AnyRubricWriter = Annotated[RubricWriter, BeforeValidator(RUBRIC_WRITERS.build), PlainSerializer(Plugin.spec)]
AnyRubricJudge = Annotated[RubricJudge, BeforeValidator(JUDGES.build), PlainSerializer(Plugin.spec)]


class KnownOrder(Strict):
    """Where it is known from which answers are better."""

    by: Literal["votes", "scores"] = "votes"
    """votes: the answer with more of them wins. scores: the answer with the higher mean of standardised scores."""
    annotators: tuple[str, ...] = ()
    """Whose: for votes an annotator such as `pairwise:MODEL`, imported votes when empty; for scores `JUDGE:MODEL`, or
    `JUDGE` for one without a model, and only answers that all of them scored are ranked."""
    answers: int = Field(default=2, ge=2)
    """How many answers to a prompt are ranked: the best, the worst, and some evenly between."""

    @model_validator(mode="after")
    def _names_who_scores(self) -> Self:
        if self.by == "scores" and not self.annotators:
            raise ValueError("an order by scores needs `annotators: [JUDGE:MODEL]`")
        return self


class RubricStage(Strict):
    """Rubrics for the prompts of a run: stored or written, checked, and kept if a judge finds the known order again."""

    stored: bool = False
    """Take the newest stored rubric of each prompt, and have none written but for prompts that have none."""
    writer: AnyRubricWriter | None = None
    """Writes rubrics: `contrastive` from answers whose order is known, `prompt_only` for any prompt."""
    judge: AnyRubricJudge | None = None
    """Applies each rubric to the answers whose order is known. Its verdicts are no labels. A rubric of a prompt without
    such answers is accepted on the checks of its text alone, and so are all without a judge."""
    order: KnownOrder = KnownOrder()
    tau: float = Field(default=0.5, ge=0, le=1)
    """Least share of the known pairs that the judge must order rightly. With four answers or more 0.5 is easily reached
    by chance: 0.67 is better."""

    @model_validator(mode="after")
    def _rubrics_come_from_somewhere(self) -> Self:
        if not self.stored and self.writer is None:
            raise ValueError("nothing gives rubrics; set `stored: true`, or name a `writer`")
        if self.writer and self.writer.contrasts and self.judge is None:
            raise ValueError(
                f"what {self.writer.name} writes must find the known order again; "
                "add `judge: {name: rubric, model: NAME}`"
            )
        return self

    @model_validator(mode="after")
    def _every_pair_is_judged(self) -> Self:
        if self.judge is None:
            return self
        if self.judge.comparisons_per_prompt is not None:
            raise ValueError("the judge of a rubric compares every known pair; leave comparisons_per_prompt out")
        if self.judge.annotator in self.order.annotators:
            raise ValueError("the order cannot come from the judge that is to find it again; name another annotator")
        return self

    @property
    def models(self) -> set[str]:
        """The models that it asks."""
        return {one.model for one in (self.writer, self.judge) if one}
