"""The order of stored answers, as far as the warehouse knows it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pyarrow as pa

from curation.rubrics.ranking import Pair, by_scores, by_votes, ensemble
from curation.rubrics.settings import KnownOrder
from schemas.prompts import Prompt
from schemas.responses import Response
from warehouse.lake import Lake


def known_orders(lake: Lake, prompts: Sequence[Prompt], order: KnownOrder) -> dict[str, tuple[Response, ...]]:
    """By prompt id, stored answers from the best to the worst; prompts with fewer than two of them are left out."""
    wanted = prompts_in(prompt.prompt_id for prompt in prompts)
    find = _by_votes if order.by == "votes" else _by_scores
    ranked = {prompt: ids for prompt, ids in find(lake, wanted, order).items() if len(ids) > 1}
    texts = {row["response_id"]: row for row in lake.ask("responses_to", prompts_in=wanted).to_pylist()}
    return {prompt: tuple(Response(**texts[one]) for one in ids) for prompt, ids in ranked.items()}


def prompts_in(prompt_ids: Iterable[str]) -> pa.Table:
    """The parameter of this name of queries."""
    return pa.table({"prompt_id": pa.array(list(prompt_ids), pa.string())})


def _by_votes(lake: Lake, wanted: pa.Table, order: KnownOrder) -> dict[str, list[str]]:
    net: defaultdict[str, dict[Pair, int]] = defaultdict(dict)
    rows = lake.ask("rubric_known_votes", prompts_in=wanted, annotators=list(order.annotators))
    for row in rows.to_pylist():
        net[row["prompt_id"]][row["response_a"], row["response_b"]] = row["net"]
    return {prompt: by_votes(wins, order.answers) for prompt, wins in net.items()}


def _by_scores(lake: Lake, wanted: pa.Table, order: KnownOrder) -> dict[str, list[str]]:
    rows = lake.ask("rubric_known_scores", prompts_in=wanted, annotators=list(order.annotators)).to_pylist()
    if {row["annotator"] for row in rows} != set(order.annotators):
        return {}
    mean = ensemble((row["annotator"], row["response_id"], row["rating"]) for row in rows)
    scores: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row["response_id"] in mean:
            scores[row["prompt_id"]][row["response_id"]] = mean[row["response_id"]]
    return {prompt: by_scores(rated, order.answers) for prompt, rated in scores.items()}
