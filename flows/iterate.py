"""Online iterative DPO, arXiv:2405.07863: answer, judge, pair, publish, train, and again with what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefect import flow

from flows.curate import curate_into
from flows.recipe import Recipe, Training, load
from flows.retrain import train_on
from schemas.errors import ConfigError
from warehouse.lake import Lake


@flow(name="iterate", validate_parameters=False)
def iterate(recipe_file: str, warehouse: str, times: int, overrides: dict[str, Any] | None = None) -> list[str]:
    """Run a recipe so many times, each with prompts of its own and the policy of the last; returns the versions.

    A version's pairs name the policy that answered. Run again, a finished iteration repeats no call and no training.
    """
    with Lake.open(Path(warehouse)) as lake:
        return list(iterations(lake, load(Path(recipe_file), overrides), times))


def iterations(lake: Lake, recipe: Recipe, times: int) -> Iterator[str]:
    """The label of each iteration's version, once its policy is trained."""
    job = policy_of(recipe)
    policy = job.model
    for turn in range(1, times + 1):
        part = with_policy(recipe, job, policy, (turn, times))
        done = curate_into(lake, part)
        assert done is not None
        train_on(lake, part, done.version)
        policy = f"{done.version.label}/{job.resolved.objective.name}"
        yield done.version.label


def policy_of(recipe: Recipe) -> Training:
    """The one policy that the recipe trains, which alone answers its prompts. Raises ConfigError on another recipe."""
    policies = [job for job in recipe.train if job.resolved.objective.kind == "policy"]
    if len(policies) != 1 or not recipe.generate or recipe.generate.pool != (policies[0].model,) or not recipe.publish:
        raise ConfigError(
            f"{recipe.name}: to iterate, train one policy, generate with the model it starts from alone, and publish."
        )
    return policies[0]


def with_policy(recipe: Recipe, job: Training, policy: str, part: tuple[int, int]) -> Recipe:
    """The recipe with `policy` in the place of the model it starts from, on one part of its prompts."""
    assert recipe.generate is not None and recipe.prompts is not None
    engines = dict(recipe.engines)
    if job.model in engines:
        engines[policy] = engines[job.model]
    changes = {
        "prompts": recipe.prompts.model_copy(update={"part": part}),
        "generate": recipe.generate.model_copy(update={"models": (policy,), "bands": {}}),
        "engines": engines,
        "train": tuple(one.model_copy(update={"model": policy}) if one is job else one for one in recipe.train),
    }
    return recipe.model_copy(update=changes)
