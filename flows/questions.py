"""From consensus principles to a version that `entailment` trains on, by a command."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from curation.judges.binary_principle import BinaryPrinciple
from curation.principles.questions import Questioned, Verdict, members_of, questioned
from curation.principles.stage import PrincipleStage
from flows.curate import chosen_prompts
from flows.principles import find_principles, tuned_theta
from flows.recipe import Recipe
from flows.run import Run
from schemas.errors import ConfigError, InputError
from schemas.ids import canonical
from schemas.pairs import PAIRS
from schemas.principles import PRINCIPLES
from schemas.prompts import PROMPTS, Prompt
from schemas.responses import RESPONSES, Response
from warehouse.lake import Lake
from warehouse.versions import Draft, Published, publish


def stage_of(recipe: Recipe) -> PrincipleStage:
    """The stage `principles` of a recipe. Raises ConfigError when it has none."""
    if recipe.principles is None:
        raise ConfigError(f"{recipe.name} takes no principles; add `principles` with an extractor and an embedder.")
    return recipe.principles


def counted_principles(lake: Lake, recipe: Recipe) -> pa.Table:
    """Read the feedback and decide; how many principles are kept (no reason), and dropped for which reason."""
    run, stage = Run(lake=lake, recipe=recipe), stage_of(recipe)
    checked_by = find_principles(run, stage, chosen_prompts(lake, recipe))
    rows = pl.DataFrame(pl.from_arrow(lake.read(PRINCIPLES))).filter(pl.col("checked_by") == checked_by)
    return (
        rows.group_by("kept", "reason").agg(pl.len().alias("principles")).sort("principles", descending=True).to_arrow()
    )


def theta_of(lake: Lake, recipe: Recipe, share: float) -> float:
    """The `theta` at which the recipe's embedder keeps this share of the principles. Raises InputError without one."""
    run, stage = Run(lake=lake, recipe=recipe), stage_of(recipe)
    try:
        return tuned_theta(run, stage, chosen_prompts(lake, recipe), share)
    except ValueError as error:
        raise InputError(f"{recipe.name}: {error}.") from error


def publish_questions(lake: Lake, recipe: Recipe, dataset: str) -> Published:
    """Read the feedback, decide, and publish what is kept: a pair of the right and the wrong word for each principle.

    The recipe's judge `binary_principle` asks the questions, or the packaged one. Raises InputError when none is kept.
    """
    run, stage = Run(lake=lake, recipe=recipe), stage_of(recipe)
    checked_by = find_principles(run, stage, chosen_prompts(lake, recipe))
    judge = next((one for one in recipe.judges if isinstance(one, BinaryPrinciple)), BinaryPrinciple(model="none"))
    found = [
        questioned(judge, _verdict(row), checked_by, recipe.seed, run.run_id)
        for row in lake.ask("kept_principles", checked_by=checked_by).to_pylist()
    ]
    if not found:
        raise InputError(f"No principle is kept under {checked_by}; see `reason` in the table `principles`.")
    return publish(lake, _draft(run, dataset, found))


def _draft(run: Run, dataset: str, found: list[Questioned]) -> Draft:
    return Draft(
        dataset=dataset,
        members=members_of(found),
        message="yes or no to principles",
        recipe=canonical(run.recipe.model_dump(mode="json")),
        funnels=run.funnels,
        rows=[
            (PROMPTS, PROMPTS.rows(one.prompt for one in found)),
            (RESPONSES, RESPONSES.rows(side for one in found for side in one.responses)),
            (PAIRS, PAIRS.rows(one.pair for one in found)),
        ],
        run_id=run.run_id,
    )


def _verdict(row: dict) -> Verdict:
    return Verdict(
        prompt=Prompt.of_row(row["prompt"]),
        response=Response(**row["response"]),
        principle=row["principle"],
        label=row["label"],
    )
