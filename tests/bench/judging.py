"""Judges in the simulated world, beside gold: a panel and its judges, a rubric, and second opinions.

Nothing is timed: what counts is how often answers to held-out prompts come in the order of their true quality.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from curation.asking import Group
from curation.importers import IMPORTERS
from curation.importing import import_paths
from curation.judges import JUDGES, Judge
from flows.curate import chosen_prompts, generate
from flows.judging import groups_of, judge, mean_ratings
from flows.recipe import PromptChoice, load
from flows.run import Run
from flows.sandbox import HELD_OUT, RECIPE, prompts, write_prompts
from flows.server import prefect_server
from schemas.calls import CALLS
from schemas.rubrics import Rubric, RubricItem
from schemas.scores import SCORES
from tests.bench.figures import Bars, say
from training.evaluate.sandbox import ranking_accuracy
from training.sandbox.world import parse
from warehouse.lake import Lake

RATERS = ("sandbox/judge", "sandbox/judge-2", "sandbox/judge-3")
CRITIC = "sandbox/critic"
SOURCE = "held-out"

Scores = Mapping[str, float]
"""By response id."""


def shipped(name: str, model: str) -> Judge:
    """A judge of the demo's recipe, asking another model."""
    found = next(one for one in load(RECIPE).judges if one.name == name)
    return found.model_copy(update={"model": model})


def by_criteria() -> Judge:
    """The critic, asked in the words that tiny models know."""
    rating = shipped("aspects", CRITIC).model_dump()
    settings = {name: rating[name] for name in ("model", "sampling", "nonce_chars", "rationale", "answers_per_request")}
    template = "rate {{ prompt }} {{ answers | join(' ') }} . {{ criterion }}"
    return JUDGES.build({"name": "criteria", "template": template, **settings})


def rubric_of(group: Group) -> Rubric:
    """What the prompt demands, item by item: hard rules that a rubric writer reads off it."""
    instruction = parse(group.prompt.messages[-1]["content"])
    items = [RubricItem(kind="hard", text=extra.text) for extra in instruction.extras]
    return Rubric.of(group.prompt.prompt_id, items, writer="instruction", writer_version="1", checked_by="instruction")


def asked_of(lake: Lake) -> dict[str, str]:
    """The model of every call."""
    calls = lake.read(CALLS).select(["call_id", "model"])
    return dict(zip(*(calls.column(name).to_pylist() for name in calls.column_names), strict=True))


def rated(lake: Lake, models: Sequence[str], wanted: Callable[[str], bool]) -> Scores:
    """Mean rating of every response by these models, in the aspects wanted."""
    model_of = asked_of(lake)
    found: dict[str, list[float]] = {}
    for row in lake.read(SCORES).to_pylist():
        if row["value"] is not None and model_of[row["call_id"]] in models and wanted(row["aspect"]):
            found.setdefault(row["response_id"], []).append(row["value"])
    return {response_id: float(np.mean(values)) for response_id, values in found.items()}


def agreement(groups: Sequence[Group], scores: Scores) -> float:
    """Share of the pairs of answers that the scores order as gold does; ties are half."""
    answers = [(group.prompt.messages[-1]["content"], one) for group in groups for one in group.responses]
    given = [scores.get(one.response_id, 0.0) for _, one in answers]
    found = ranking_accuracy([text for text, _ in answers], [one.text for _, one in answers], given)
    say(f"    {found.value:.3f} [{found.low:.3f}, {found.high:.3f}] of {found.n:,} pairs")
    return found.value


def panels(lake: Lake, groups: Sequence[Group], bars: Bars) -> None:
    """Three judges, each alone and their mean; then one critic without and with the items of the prompt."""
    plain = lambda aspect: " " not in aspect  # noqa: E731 - an item of a rubric is a sentence
    single = []
    for model in RATERS:
        say(f"  {model}, mean of aspects")
        single.append(agreement(groups, rated(lake, [model], plain)))
    say("  the three together")
    panel = agreement(groups, rated(lake, RATERS, plain))
    bars.add("panel above the mean of its judges", panel - float(np.mean(single)), 0.0, most=False)
    say("  the critic on instruction following: as one aspect, and item by item")
    whole = rated(lake, [CRITIC], lambda aspect: aspect == "instruction_following")
    items = rated(lake, [CRITIC], lambda aspect: not plain(aspect))
    agreement(groups, whole)
    agreement(groups, items)
    say("  the critic on everything: all aspects, and with the items in place of instruction following")
    others = rated(lake, [CRITIC], lambda aspect: plain(aspect) and aspect != "instruction_following")
    without, by_items = (
        agreement(groups, {key: 3 * others[key] + part[key] for key in others.keys() & part.keys()})
        for part in (whole, items)
    )
    bars.add("rubric above plain ratings", by_items - without, 0.0, most=False)


def second_opinions(lake: Lake, groups: Sequence[Group], bars: Bars) -> None:
    """The first judge about all answers and the second where the first ties, beside all three about everything."""
    first, second, _ = judges = [shipped("aspects", model) for model in RATERS]
    found = []
    for asked, later in ((judges, ()), ([first, second], (second.annotator,))):
        run = Run(lake=lake, recipe=load(RECIPE).model_copy(update={"judges": tuple(asked), "second_opinions": later}))
        judge(run, groups)
        scores = mean_ratings(run)
        say(f"  {len(run.call_ids):,} calls")
        by_id = dict(zip(scores["response_id"].to_pylist(), scores["score"].to_pylist(), strict=True))
        found.append((agreement(groups, by_id), len(run.call_ids)))
    (whole, all_calls), (some, calls) = found
    bars.add("second opinions below the whole panel", whole - some, 0.01)
    bars.add("share of the panel's calls", calls / all_calls, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200)
    count = parser.parse_args().prompts
    bars = Bars()
    with tempfile.TemporaryDirectory() as folder, prefect_server(Path(folder)), Lake.create(Path(folder) / "w") as lake:
        file = write_prompts(Path(folder) / "held-out.jsonl", prompts(0, min(count, HELD_OUT)))
        import_paths(lake, IMPORTERS.build({"name": "prompts", "source": SOURCE}), [file])
        judges = [shipped("aspects", model) for model in (*RATERS, CRITIC)] + [by_criteria()]
        changes = {"prompts": PromptChoice(sources=(SOURCE,)), "judges": tuple(judges)}
        run = Run(lake=lake, recipe=load(RECIPE).model_copy(update=changes))
        chosen = chosen_prompts(lake, run.recipe)
        groups = [replace(group, rubric=rubric_of(group)) for group in groups_of(chosen, generate(run, chosen))]
        judge(run, groups)
        say(f"{len(groups)} prompts, {sum(len(group.responses) for group in groups)} answers")
        panels(lake, groups, bars)
        second_opinions(lake, groups, bars)
    bars.end()


if __name__ == "__main__":
    main()
