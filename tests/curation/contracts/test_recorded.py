"""The contracts on what real judges wrote: LLMBar's evaluators, RewardMATH's pairwise judge, Prometheus' GPT-4."""

import json
from collections import Counter
from itertools import combinations
from typing import NamedTuple

import krippendorff
import pytest
from sklearn.metrics import cohen_kappa_score

from curation.contracts import CONTRACTS
from curation.contracts.integer_rating import IntegerRating
from curation.contracts.output_a_or_b import OutputAOrB
from curation.contracts.tail_verdict import TailVerdict

ORDERS = ("swap = False", "swap = True")
"""As the evaluators' files name them: in the first, output 1 was shown first; in the second, output 2."""


@pytest.fixture
def dev_rows(real_data):
    return [json.loads(line) for line in (real_data / "judge_raw_dev.jsonl").read_text().splitlines()]


def test_every_recorded_output_is_read_as_recorded(dev_rows):
    counts = Counter(row["contract"] for row in dev_rows)
    assert counts == {"output_a_or_b": 115, "integer_rating": 24}
    for row in dev_rows:
        reading = CONTRACTS.build(row["contract"]).of_reply(row["raw"], row["finish_reason"])
        assert reading.value == row["expected"], row["id"]
        assert (reading.failure is None) == (row["expected"] is not None), row["id"]


def test_only_outputs_that_claim_both_are_not_plainly_read(dev_rows):
    """Six rows, three texts. Two of the texts end in `(b)`, but are recorded as `(a)`: upstream looks for (a) first."""
    rows = [row for row in dev_rows if row["contract"] == "output_a_or_b"]
    contested = [row for row in rows if OutputAOrB().read(row["raw"]).how != "ok"]
    assert [row["id"] for row in contested] == [row["id"] for row in rows if "both_patterns" in row["flags"]]
    assert len(contested) == 6
    assert all(OutputAOrB(contested="fail").read(row["raw"]).failure == "contradictory" for row in contested)
    ends_otherwise = [
        row for row in contested if OutputAOrB(contested="last").read(row["raw"]).value != row["expected"]
    ]
    assert len(ends_otherwise) == 4
    assert {row["expected"] for row in ends_otherwise} == {"first"}


class Figures(NamedTuple):
    """Of an evaluator: verdicts of its first stage for what was shown first, and all; kappa with gold by order."""

    first: int
    verdicts: int
    kappa: tuple[float, float]


EVALUATORS = {
    "ChatGPT/CoT": Figures(133, 199, (0.4341, 0.5267)),
    "ChatGPT/Swap": Figures(134, 200, (0.5295, 0.5484)),
    "ChatGPT/Vanilla": Figures(121, 200, (0.6025, 0.6380)),
    "Falcon/CoT": Figures(186, 200, (0.1034, 0.1883)),
    "Falcon/Vanilla": Figures(148, 200, (0.4532, 0.4929)),
    "GPT-4/CoT": Figures(103, 200, (0.8777, 0.8970)),
    "GPT-4/Rating": Figures(0, 0, (0.8325, 0.8379)),
    "GPT-4/Swap": Figures(105, 200, (0.8777, 0.8970)),
    "GPT-4/Vanilla": Figures(101, 200, (0.8977, 0.9179)),
}
"""Measured with these readers. A judge without a position bias would name the first in about half of its verdicts."""


@pytest.fixture(params=EVALUATORS)
def evaluator(request, real_data):
    folder = real_data / "llmbar_natural" / "evaluators" / request.param
    instances = json.loads((folder / "result.json").read_text())
    assert len(instances) == 100
    return request.param, instances, json.loads((folder / "statistics.json").read_text())


def winner_of(answer, order):
    """`1` or `2`, the output that the completion prefers, or None; and whether it is the one shown first."""
    value = OutputAOrB().of_reply(*answer["completion"]).value
    if value is None:
        return None, None
    shown = ("1", "2") if order == ORDERS[0] else ("2", "1")
    return shown[value == "second"], value == "first"


def rated_winner(stage, order):
    """The output with the higher rating. Upstream gives equal ratings to the output shown second."""
    one, two = (IntegerRating().of_reply(*stage[score]).value for score in ("score_1", "score_2"))
    if one == two:
        return "2" if order == ORDERS[0] else "1"
    return "1" if one > two else "2"


def winners(instance):
    """Of the last stage, by order: `Swap` asks a second time where the first stage's two orders disagree."""
    stage = instance["results"][-1]
    if "score_1" in stage:
        return [rated_winner(stage, order) for order in ORDERS]
    return [winner_of(stage[order], order)[0] for order in ORDERS]


def share(count, total):
    return f"{count} / {total} = {count / total * 100}%"


def test_every_completion_is_read_as_its_winner(evaluator):
    _, instances, _ = evaluator
    for instance in instances:
        for stage in instance["results"]:
            for order in ORDERS:
                if "completion" in stage[order]:
                    assert winner_of(stage[order], order)[0] == stage[order]["winner"]
        assert winners(instance) == [instance["results"][-1][order]["winner"] for order in ORDERS]


def test_accuracy_and_agreement_are_those_published(evaluator):
    _, instances, published = evaluator
    said = [winners(instance) for instance in instances]
    gold = [str(instance["label"]) for instance in instances]
    right = [[winner == label for winner in pair] for pair, label in zip(said, gold, strict=True)]
    first, second = (sum(pair[order] for pair in right) for order in (0, 1))
    ours = {
        "correct_False": share(first, 100),
        "correct_True": share(second, 100),
        "correct_average": f"{(first + second) / 2 / 100 * 100}%",
        "correct_both": share(sum(map(all, right)), 100),
        "equal": share(sum(one == other for one, other in said), 100),
    }
    assert ours == {name: published[name] for name in ours}
    assert published.keys() - ours.keys() == {"kappa_False", "kappa_True", "kappa_average", "kappa_agreement"}


def test_the_published_kappa_is_wrong_and_how(evaluator):
    """Upstream codes winner 2 as 0 and gold 2 as 2, so that the two never agree on 2; and a null as a vote for 2.

    The agreement between the two orders has the same codes on both sides, and is right where nothing is null.
    """
    name, instances, published = evaluator
    said = [winners(instance) for instance in instances]
    gold = [instance["label"] for instance in instances]
    for order, key in enumerate(("kappa_False", "kappa_True")):
        miscoded = cohen_kappa_score([int(pair[order] == "1") for pair in said], gold)
        assert published[key] == pytest.approx(miscoded, abs=1e-12)
        voted = [(int(pair[order]), label) for pair, label in zip(said, gold, strict=True) if pair[order]]
        kappa = cohen_kappa_score(*zip(*voted, strict=True))
        assert kappa == pytest.approx(EVALUATORS[name].kappa[order], abs=5e-5)
        assert kappa - published[key] > 0.05
    both = [pair for pair in said if all(pair)]
    between_orders = cohen_kappa_score(*zip(*both, strict=True))
    assert (abs(published["kappa_agreement"] - between_orders) > 1e-12) == (name == "ChatGPT/CoT")
    assert len(said) - len(both) == (name == "ChatGPT/CoT")


def test_the_first_position_is_preferred_as_often_as_recorded(evaluator, record_property):
    name, instances, _ = evaluator
    firsts = [
        winner_of(instance["results"][0][order], order)[1]
        for instance in instances
        for order in ORDERS
        if "completion" in instance["results"][0][order]
    ]
    verdicts = [first for first in firsts if first is not None]
    record_property(f"first position, {name}", f"{sum(verdicts)} of {len(verdicts)}")
    assert (sum(verdicts), len(verdicts)) == EVALUATORS[name][:2]


@pytest.mark.parametrize(("judge", "asked_again", "first"), [("ChatGPT", 38, 101), ("GPT-4", 7, 103)])
def test_swap_asks_again_where_its_two_orders_disagree(real_data, judge, asked_again, first):
    """The second stage undoes the position bias of the first: 134 and 105 of 200 become 101 and 103."""
    path = real_data / "llmbar_natural" / "evaluators" / judge / "Swap" / "result.json"
    instances = json.loads(path.read_text())
    stages = [[winner_of(instance["results"][0][order], order)[0] for order in ORDERS] for instance in instances]
    again = [len(instance["results"]) == 2 for instance in instances]
    assert again == [one != other for one, other in stages]
    assert sum(again) == asked_again
    assert sum(winner_of(one["results"][-1][order], order)[1] for one in instances for order in ORDERS) == first


def test_equal_ratings_are_where_a_rater_contradicts_itself_upstream(real_data):
    """Ten ties of 100: upstream makes of each a vote for 2 in one order and for 1 in the other."""
    path = real_data / "llmbar_natural" / "evaluators" / "GPT-4" / "Rating" / "result.json"
    stages = [instance["results"][0] for instance in json.loads(path.read_text())]
    ties = [stage["score_1"][0] == stage["score_2"][0] for stage in stages]
    assert sum(ties) == 10
    assert ties == [stage[ORDERS[0]]["winner"] != stage[ORDERS[1]]["winner"] for stage in stages]


def test_null_verdicts_stay_null(real_data, record_property):
    """RewardMATH's pairwise judge: 483 problems x 9 comparisons, 621 of them without a verdict."""
    problems = json.loads((real_data / "rewardmath" / "llama3_8B_pairwise_reward.json").read_text())
    rows = [
        (TailVerdict().read(f"So: [[{said}]]"), right)
        for problem in problems
        for said, right in zip(problem["score"], problem["chosen_position"], strict=True)
    ]
    outcomes = Counter(reading.failure or ("right" if reading.value == right else "wrong") for reading, right in rows)
    assert outcomes == {"unparsable": 621, "right": 1905, "wrong": 1821}
    assert sum(outcomes.values()) == 483 * 9
    assert not [reading for reading, _ in rows if reading.value not in {"A", "B", None}]
    said_first = sum(reading.value == "A" for reading, _ in rows)
    record_property(
        "RewardMATH judge", f"right {1905 / 3726:.1%} of its verdicts, the first in {said_first / 3726:.1%}"
    )
    assert said_first == 2595


def test_three_scores_of_one_rater_agree_as_measured(real_data, record_property):
    """GPT-4 on Prometheus' Vicuna set, three samples a response. A score that is lost or misread moves every figure."""
    rows = json.loads((real_data / "prometheus" / "vicuna_eval.json").read_text())
    scores = [[IntegerRating(lo=1, hi=5).read(str(score)).value for score in row["gpt4_score"]] for row in rows]
    assert len(scores) == 320
    assert Counter(score for row in scores for score in row) == {4: 489, 5: 338, 3: 80, 2: 41, 1: 12}
    equal = [sum(row[one] == row[other] for row in scores) for one, other in combinations(range(3), 2)]
    assert equal == [233, 238, 245]
    assert sum(len(set(row)) == 1 for row in scores) == 199
    columns = list(zip(*scores, strict=True))
    alpha = {level: krippendorff.alpha(columns, level_of_measurement=level) for level in ("ordinal", "interval")}
    assert alpha == pytest.approx({"ordinal": 0.72344, "interval": 0.80754}, abs=1e-5)
    record_property("Prometheus, three GPT-4 scores", f"all equal {199 / 320:.1%}, alpha {alpha}")
