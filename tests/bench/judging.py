"""Judges in the simulated world, beside gold: a panel and its judges, a rubric, and asking only where it is open.

Nothing is timed: what counts is how often answers to held-out prompts come in the order of their true quality.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from curation.adaptive import Ask, Panel, next_round
from curation.asking import Group
from curation.importers import IMPORTERS, import_paths
from curation.judges import JUDGES, Judge
from curation.labels.evidence import Ballot, Evidence
from curation.pairing import PAIR_BUILDERS
from flows.curate import chosen_prompts, generate
from flows.judging import groups_of, judge
from flows.recipe import PromptChoice, load
from flows.run import Run
from flows.sandbox import HELD_OUT, RECIPE, prompts, write_prompts
from flows.server import prefect_server
from schemas.calls import CALLS
from schemas.rubrics import Rubric, RubricItem
from schemas.scores import SCORES
from schemas.votes import VOTES
from tests.bench.figures import Bars, say
from training.evaluate.sandbox import golds, ranking_accuracy
from training.sandbox.world import parse
from warehouse.lake import Lake

RATERS = ("sandbox/judge", "sandbox/judge-2", "sandbox/judge-3")
COMPARERS = ("sandbox/comparer", "sandbox/comparer-2", "sandbox/comparer-3")
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


def right(groups: Sequence[Group], better: Iterable[tuple[str, str]]) -> float:
    """Share of decided comparisons (better, worse) that are as gold has them; undecided ones count as half."""
    decided = set(better)
    texts = {one.response_id: (group.prompt, one.text) for group in groups for one in group.responses}
    hits: list[float] = []
    for group in groups:
        for one, other in combinations(sorted(r.response_id for r in group.responses), 2):
            prompt = texts[one][0].messages[-1]["content"]
            gap, *_ = np.diff(golds([prompt, prompt], [texts[other][1], texts[one][1]]))
            if gap:
                says = ((one, other) in decided) - ((other, one) in decided)
                hits.append((1 + says * np.sign(gap)) / 2)
    return float(np.mean(hits))


def panels(lake: Lake, groups: Sequence[Group], bars: Bars) -> None:
    """Three judges, each alone and their mean; then one critic without and with the items of the prompt."""
    plain = lambda aspect: ":" not in aspect  # noqa: E731 - an item of a rubric has a colon
    single = []
    for model in RATERS:
        say(f"  {model}, mean of aspects")
        single.append(agreement(groups, rated(lake, [model], plain)))
    say("  the three together")
    panel = agreement(groups, rated(lake, RATERS, plain))
    bars.add("panel above the mean of its judges", panel - float(np.mean(single)), 0.0, most=False)
    say("  the critic on instruction following: as one aspect, and item by item")
    whole = rated(lake, [CRITIC], lambda aspect: aspect == "instruction_following")
    items = rated(lake, [CRITIC], lambda aspect: ":" in aspect)
    agreement(groups, whole)
    agreement(groups, items)
    say("  the critic on everything: all aspects, and with the items in place of instruction following")
    others = rated(lake, [CRITIC], lambda aspect: plain(aspect) and aspect != "instruction_following")
    without, by_items = (
        agreement(groups, {key: 3 * others[key] + part[key] for key in others.keys() & part.keys()})
        for part in (whole, items)
    )
    bars.add("rubric above plain ratings", by_items - without, 0.0, most=False)


def adaptive(lake: Lake, groups: Sequence[Group], bars: Bars) -> None:
    """The comparing judges' stored verdicts, all of them beside those that the planner asks for."""
    said = {Ask(row["prompt_id"], row["shown_first"], _second(row), row["annotator"]): row
            for row in lake.read(VOTES).to_pylist()}  # fmt: skip
    judges = sorted({ask.annotator for ask in said})
    couples = [(g.prompt.prompt_id, *sorted((a.response_id, b.response_id)))
               for g in groups for a, b in combinations(g.responses, 2)]  # fmt: skip
    whole = labelled(groups, said.values())
    say(f"  all {len(said):,} verdicts of {len(judges)} judges: {whole:.3f}")
    panel = Panel(prices=dict.fromkeys(judges, 1.0))
    asked: set[Ask] = set()
    while todo := next_round(panel, evidence_of(said[ask] for ask in asked if ask in said), couples, asked):
        asked.update(todo)
        say(f"    {len(asked):,} asked")
    some = labelled(groups, [said[ask] for ask in asked if ask in said])
    say(f"  the {len(asked):,} that were asked for: {some:.3f}")
    bars.add("adaptive below the whole panel", whole - some, 0.01)
    bars.add("share of the panel's calls", len(asked) / len(said), 0.5)


def _second(row: Mapping[str, str]) -> str:
    return row["response_b"] if row["shown_first"] == row["response_a"] else row["response_a"]


def evidence_of(rows: Iterable[Mapping[str, str]]) -> list[Evidence]:
    """Verdicts by prompt."""
    found: dict[str, list[Ballot]] = {}
    for row in rows:
        if row["verdict"]:
            ballot = Ballot(a=row["response_a"], b=row["response_b"], verdict=row["verdict"],
                            annotator=row["annotator"], shown_first=row["shown_first"])  # fmt: skip
            found.setdefault(row["prompt_id"], []).append(ballot)
    return [Evidence(prompt_id=prompt_id, ballots=ballots) for prompt_id, ballots in sorted(found.items())]


def labelled(groups: Sequence[Group], rows: Iterable[Mapping[str, str]]) -> float:
    """How often Dawid and Skene's labels from these verdicts are as gold has them."""
    builder = PAIR_BUILDERS.build("dawid_skene")
    return right(groups, ((one.better, one.worse) for _, one in builder.over_all(evidence_of(rows)) if not one.dropped))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200)
    count = parser.parse_args().prompts
    bars = Bars()
    with tempfile.TemporaryDirectory() as folder, prefect_server(Path(folder)), Lake.create(Path(folder) / "w") as lake:
        file = write_prompts(Path(folder) / "held-out.jsonl", prompts(0, min(count, HELD_OUT)))
        import_paths(lake, IMPORTERS.build({"name": "prompts", "source": SOURCE}), [file])
        judges = [shipped("aspects", model) for model in (*RATERS, CRITIC)] + [by_criteria()]
        judges += [
            shipped("pairwise", model).model_copy(update={"comparisons_per_prompt": None}) for model in COMPARERS
        ]
        changes = {"prompts": PromptChoice(sources=(SOURCE,)), "judges": tuple(judges)}
        run = Run(lake=lake, recipe=load(RECIPE).model_copy(update=changes))
        chosen = chosen_prompts(lake, run.recipe)
        groups = [replace(group, rubric=rubric_of(group)) for group in groups_of(chosen, generate(run, chosen))]
        judge(run, groups)
        say(f"{len(groups)} prompts, {sum(len(group.responses) for group in groups)} answers")
        panels(lake, groups, bars)
        adaptive(lake, groups, bars)
    bars.end()


if __name__ == "__main__":
    main()
