"""What `prefinery principles` does with a recipe's feedback: count what it holds, tune the threshold, publish."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.principles.stage import PrincipleStage
from flows.curate import wanted_prompts
from flows.principles import find_principles, tuned_theta
from flows.questions import publish_questions
from flows.recipe import Publish, Recipe
from flows.run import Run
from schemas.errors import ConfigError, InputError
from schemas.principles import PRINCIPLES
from warehouse.lake import Lake
from warehouse.versions import Published


def counted_principles(lake: Lake, recipe: Recipe) -> pa.Table:
    """Read the feedback and decide; how many principles are kept (no reason), and dropped for which reason."""
    _, checked_by = _decided(lake, recipe)
    rows = pl.DataFrame(pl.from_arrow(lake.read(PRINCIPLES))).filter(pl.col("checked_by") == checked_by)
    return (
        rows.group_by("kept", "reason").agg(pl.len().alias("principles")).sort("principles", descending=True).to_arrow()
    )


def theta_of(lake: Lake, recipe: Recipe, share: float) -> float:
    """The `theta` at which the recipe's embedder keeps this share of the principles. Raises InputError without one."""
    run, stage = Run(lake=lake, recipe=recipe), _stage_of(recipe)
    try:
        return tuned_theta(run, stage, wanted_prompts(run), share)
    except ValueError as error:
        raise InputError(f"{recipe.name}: {error}.") from error


def publish_principles(lake: Lake, recipe: Recipe, dataset: str) -> Published:
    """Read the feedback, decide, and publish the questions, as a recipe that ends in them does."""
    run, checked_by = _decided(lake, recipe)
    return publish_questions(run, checked_by, Publish(dataset=dataset, of="questions"))


def _decided(lake: Lake, recipe: Recipe) -> tuple[Run, str]:
    """A run of the stage `principles` alone, and what names its decisions."""
    run, stage = Run(lake=lake, recipe=recipe), _stage_of(recipe)
    return run, find_principles(run, stage, wanted_prompts(run))


def _stage_of(recipe: Recipe) -> PrincipleStage:
    if recipe.principles is None:
        raise ConfigError(f"{recipe.name} takes no principles; add `principles` with an extractor and an embedder.")
    return recipe.principles
