"""Deployments: each recipe on its schedule, and retraining on each new version of its dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from prefect.runner import Runner

from flows.curate import curate
from flows.events import announce, on_new_version
from flows.recipe import Recipe, load
from flows.retrain import retrain, untrained
from warehouse.lake import Lake
from warehouse.versions import versions


def serve_recipes(recipe_files: Sequence[Path], warehouse: Path) -> None:
    """Register the recipes' deployments and run what they start, until interrupted."""
    asyncio.run(_serve([(path.resolve(), load(path)) for path in recipe_files], warehouse.resolve()))


async def _serve(recipes: Sequence[tuple[Path, Recipe]], warehouse: Path) -> None:
    runner = Runner(name="prefinery", limit=1, query_seconds=2)
    for path, recipe in recipes:
        given = {"recipe_file": str(path), "warehouse": str(warehouse)}
        await runner.aadd_deployment(
            await curate.ato_deployment(name=recipe.name, cron=recipe.schedule, parameters=given)
        )
        if recipe.train and recipe.publish:
            trigger = on_new_version(recipe.publish.dataset, str(warehouse))
            await runner.aadd_deployment(
                await retrain.ato_deployment(name=recipe.name, triggers=[trigger], parameters=given)
            )
    _announce_untrained([recipe for _, recipe in recipes], warehouse)
    await runner.start()


def _announce_untrained(recipes: Sequence[Recipe], warehouse: Path) -> None:
    """Wake the triggers for newest versions that nothing was trained from: published while nobody listened."""
    with Lake.open(warehouse) as lake:
        for recipe in recipes:
            published = versions(lake, recipe.publish.dataset) if recipe.publish else []
            if published and untrained(lake, recipe, published[-1]):
                announce(published[-1], str(warehouse))
