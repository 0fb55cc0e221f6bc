"""Evaluation in the simulated world: held-out prompts, gold scores, and every figure stored with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from prefect import flow

from curation.generate import Assignment, assignments
from curation.ledger import Served
from flows.curate import chosen_prompts, write
from flows.figures import Figure
from flows.recipe import PromptChoice, Recipe, load
from flows.retrain import model_folder
from flows.run import Run, answer, served
from schemas.calls import OUTAGES, Sampling
from schemas.datasets import DatasetVersion
from schemas.errors import UpstreamError
from schemas.models import EVALUATIONS
from schemas.prompts import Prompt
from training.evaluate.rewards import rewards_of
from training.evaluate.sandbox import (
    Comparison,
    first_share,
    gold_gain,
    mean_gold,
    ranking_accuracy,
    verdict_accuracy,
)
from warehouse.lake import Lake
from warehouse.versions import find_version

SAMPLES = 2
"""Answers of each policy to each held-out prompt."""

POLICY_SAMPLING = Sampling(temperature=1.0, max_tokens=32)


@flow(name="evaluate", validate_parameters=False)
def evaluate(recipe_file: str, warehouse: str, labels: list[str], held_out: str) -> None:
    """Measure judges and the models of the versions `labels`, on prompts of source `held_out`; store the figures."""
    with Lake.open(Path(warehouse)) as lake:
        recipe = load(Path(recipe_file))
        figures = list(measure(lake, recipe, [find_version(lake, label) for label in labels], held_out))
        rows = [asdict(figure) | {"run_id": None} for figure in figures]
        lake.append((EVALUATIONS, EVALUATIONS.rows(rows)))


def measure(lake: Lake, recipe: Recipe, versions: Sequence[DatasetVersion], held_out: str) -> Iterator[Figure]:
    """All figures: judges on the judged answers, reward models and policies on the held-out prompts."""
    assert recipe.prompts is not None
    yield from judge_figures(lake, list(recipe.prompts.sources), versions[-1].label)
    run = Run(lake=lake, recipe=recipe.model_copy(update={"prompts": PromptChoice(sources=(held_out,))}))
    prompts = chosen_prompts(lake, run.recipe)
    yield from reward_figures(run, prompts, versions, held_out)
    yield from policy_figures(run, prompts, versions, held_out)


def judge_figures(lake: Lake, sources: Sequence[str], data: str) -> Iterator[Figure]:
    """Agreement of the stored judgments with gold."""
    rated = lake.ask("rated_texts", sources=list(sources)).to_pydict()
    if rated["score"]:
        found = ranking_accuracy(rated["prompt"], rated["response"], rated["score"])
        yield Figure.of("aspects", "pair accuracy against gold", data, found)
    verdicts = [Comparison(**row) for row in lake.ask("verdict_texts", sources=list(sources)).to_pylist()]
    if verdicts:
        yield Figure.of("pairwise", "pair accuracy against gold", data, verdict_accuracy(verdicts))
        yield Figure.of("pairwise", "share of the first position", data, first_share(verdicts))


def reward_figures(
    run: Run, prompts: Sequence[Prompt], versions: Sequence[DatasetVersion], data: str
) -> Iterator[Figure]:
    """Agreement of each version's reward models with gold, on the pool's answers to held-out prompts."""
    jobs = [job for job in run.recipe.train if job.resolved.objective.kind == "reward"]
    if not jobs or run.recipe.generate is None:
        return
    asked = list(assignments(prompts, run.recipe.generate, run.recipe.seed))
    answered = [
        response
        for model in run.recipe.generate.pool
        for response in write(
            run,
            served(run, model),
            [wanted for wanted in asked if wanted.model == model],
            run.recipe.generate.sampling,
            f"answer {model}",
        )[0]
    ]
    texts = {prompt.prompt_id: prompt for prompt in prompts}
    items = [(texts[response.prompt_id].messages, response.text) for response in answered]
    for version in versions:
        for job in jobs:
            scores = rewards_of(model_folder(run.lake, run.recipe, job, version), items)
            found = ranking_accuracy([m[-1]["content"] for m, _ in items], [text for _, text in items], scores)
            yield Figure.of(f"{version.label}/{job.job}", "pair accuracy against gold", data, found)


def policy_figures(
    run: Run, prompts: Sequence[Prompt], versions: Sequence[DatasetVersion], data: str
) -> Iterator[Figure]:
    """Mean gold of the policies that each version made and of the one they started from, and the gain over it."""
    jobs = [job for job in run.recipe.train if job.resolved.objective.kind == "policy"]
    texts = [prompt.messages[-1]["content"] for prompt in prompts for _ in range(SAMPLES)]
    for job in jobs:
        before = policy_texts(run, prompts, served(run, job.model))
        yield Figure.of(job.model, "mean gold", data, mean_gold(texts, before))
        for version in versions:
            name = f"{version.label}/{job.job}"
            after = policy_texts(run, prompts, served(run, name, str(model_folder(run.lake, run.recipe, job, version))))
            yield Figure.of(name, "mean gold", data, mean_gold(texts, after))
            yield Figure.of(name, f"gold gain over {job.model}", data, gold_gain(texts, after, before))


def policy_texts(run: Run, prompts: Sequence[Prompt], policy: Served) -> list[str]:
    """SAMPLES answers of a policy to every prompt, prompt by prompt. An empty answer counts: its gold is what it is."""
    asked = [
        Assignment(prompt=p, model=policy.model, sample=i, messages=p.messages) for p in prompts for i in range(SAMPLES)
    ]
    requests = [wanted.request(POLICY_SAMPLING, run.recipe.seed) for wanted in asked]
    write(run, policy, asked, POLICY_SAMPLING, f"answer {policy.model}")
    found = list(answer(run, policy, f"answer {policy.model}", lambda: requests))
    if any(one.status in OUTAGES for one in found):
        raise UpstreamError(f"{policy.model} left prompts without an answer; run the command again.")
    return [one.raw_text for one in found]
