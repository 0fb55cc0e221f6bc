from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from schemas.errors import InputError
from tests.training.conftest import pair_row, pair_table, ranked_right, write_version
from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.batches import SequenceExamples, Sequences
from training.objectives.pairwise.pro import PRO, ListLogps, ValuedBatch
from training.objectives.pairwise.simpo import SimPO
from training.objectives.reward.plackett_luce import PlackettLuce, Rankings
from training.prepare import prepare_pairs
from training.tokens import Encoded
from training.train import train

NATS = st.floats(-30, -0.1)
A, B, C = "w1 good", "w2 good good", "w3 bad"


def lists(*given: list[float], value: list[list[float]] | None = None) -> ListLogps:
    """Lists of mean log-probabilities of responses of ten tokens, best first, padded with what must not be read."""
    width = max(map(len, given))
    means = torch.tensor([[*one, *[math.nan] * (width - len(one))] for one in given], dtype=torch.float64)
    there = ~means.isnan()
    values = torch.zeros_like(means) if value is None else torch.tensor(value, dtype=torch.float64)
    return ListLogps(10 * means.nan_to_num(-777.0), torch.full_like(means, 10.0), values, there)


def cost(*given: list[float], **fields: float) -> list[float]:
    return PRO.model_validate({"nll": 0.0} | fields).list_costs(lists(*given)).tolist()


def test_worked_number() -> None:
    """s = (-0.5, -0.7, -0.9) of ratings 2, 1, -0.5: the first is told from two, the second from one."""
    given = lists([-0.5, -0.7, -0.9], value=[[2.0, 1.0, -0.5]])
    objective = PRO(use_margin=True, nll=0.0)
    assert objective.contrasts(given)[0].tolist() == pytest.approx([1.131767354, 0.554355244, 0.0], abs=1e-9)
    assert objective.list_costs(given).item() == pytest.approx(1.686122599, abs=1e-9)


@given(NATS, NATS, st.floats(0.1, 5))
def test_a_list_of_two_is_a_pair(chosen: float, rejected: float, margin: float) -> None:
    """-log s(margin * difference of means); without margins SimPO with beta 1 and no gap to ask for."""
    pair = of(chosen, rejected, 0.0, 0.0, margin=margin)
    apart = margin * (chosen / 10 - rejected / 12)
    warm = PRO(use_margin=True, nll=0.0)(pair).loss.item()
    assert warm == pytest.approx(math.log1p(math.exp(-apart)), rel=1e-9)
    plain = PRO(nll=0.0)(pair).loss.item()
    assert plain == pytest.approx(SimPO(beta=1.0, gamma_ratio=0.0)(pair).loss.item(), rel=1e-12)


@given(st.lists(st.floats(-5, 0), min_size=2, max_size=5))
def test_without_margins_it_is_plackett_luce(means: list[float]) -> None:
    rewards, one = torch.tensor([means], dtype=torch.float64), torch.ones(1)
    expected = PlackettLuce()(Rankings(rewards, torch.ones_like(rewards, dtype=torch.bool), one)).loss.item()
    assert cost(means)[0] == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.floats(-5, 0), min_size=2, max_size=5), st.floats(-20, 20))
def test_a_shift_of_all_means_changes_nothing_where_all_count_alike(means: list[float], shift: float) -> None:
    assert cost([mean + shift for mean in means])[0] == pytest.approx(cost(means)[0], abs=1e-9)


def test_with_unlike_margins_a_shift_of_all_means_counts() -> None:
    means, moved = (lists([s - 0.5, s - 0.7, s - 0.9], value=[[2.0, 1.0, -0.5]]) for s in (0.0, 1.0))
    objective = PRO(use_margin=True, nll=0.0)
    first, second, _ = (objective.contrasts(moved) - objective.contrasts(means))[0].tolist()
    assert abs(first) > 0.1
    assert second == pytest.approx(0, abs=1e-12)


@given(st.lists(st.tuples(st.floats(-5, 0), st.floats(0.1, 3)), min_size=2, max_size=5))
def test_it_is_what_the_fraction_says(ranks: list[tuple[float, float]]) -> None:
    """The paper's fraction, computed without logarithms."""
    means = [mean for mean, _ in ranks]
    rating = [-sum(step for _, step in ranks[:k]) for k in range(len(ranks))]
    expected = 0.0
    for k in range(len(ranks) - 1):
        heat = [rating[k] - other for other in rating[k + 1 :]]
        own = math.exp(means[k] * max(heat))
        rest = sum(math.exp(mean * one) for mean, one in zip(means[k + 1 :], heat, strict=True))
        expected -= math.log(own / (own + rest))
    found = PRO(use_margin=True, nll=0.0).list_costs(lists(means, value=[rating])).item()
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("use_margin", [False, True])
def test_a_list_of_all_but_impossible_responses_stays_finite(use_margin: bool) -> None:
    given = lists([-1e4, 0.0, -1e4, -3.0], value=[[90.0, 30.0, 1.0, 0.0]])
    sums = given.sums.float().requires_grad_()
    loss = PRO(use_margin=use_margin).list_costs(given._replace(sums=sums)).sum()
    loss.backward()
    assert loss.isfinite()
    assert sums.grad is not None and sums.grad.isfinite().all()


def test_responses_alike_cost_the_logarithm_of_what_is_left() -> None:
    assert cost([-1.0] * 4)[0] == pytest.approx(math.log(4 * 3 * 2))


def test_responses_of_one_rating_are_not_told_apart() -> None:
    """The second and third have margin 0: what is left are the first's contrasts with both."""
    given = lists([-0.5, -0.7, -0.9], value=[[2.0, 1.0, 1.0]])
    sums = given.sums.clone().requires_grad_()
    found = PRO(use_margin=True, nll=0.0).contrasts(given._replace(sums=sums))
    assert found[0, 1:].tolist() == [0.0, 0.0]
    found.sum().backward()
    assert sums.grad is not None and (sums.grad.sign() == torch.tensor([[-1, 1, 1]])).all()
    none = PRO(use_margin=True, nll=0.0)(of(*GOLDEN, margin=0.0))
    assert none.loss == 0


def test_short_lists_cost_what_they_cost_alone_and_nothing_reaches_what_is_behind_their_end() -> None:
    long, short = [-0.5, -0.7, -0.9], [-0.3, -0.1]
    assert cost(long, short) == pytest.approx(cost(long) + cost(short))
    given = lists(long, short)
    sums = given.sums.clone().requires_grad_()
    PRO().list_costs(given._replace(sums=sums)).sum().backward()
    assert sums.grad is not None and sums.grad[1, 2] == 0
    assert sums.grad[1, :2].count_nonzero() == 2


def test_turned_round_the_worst_is_first() -> None:
    long, short = [-0.5, -0.7, -0.9], [-0.3, -0.1]
    assert PRO(nll=0.1).list_costs(lists(long, short).turned()).tolist() == pytest.approx(
        PRO(nll=0.1).list_costs(lists(long[::-1], short[::-1])).tolist()
    )


def test_the_best_response_is_learned_more_in_longer_lists() -> None:
    """nll * (n - 1)^2 * 5 nats."""
    for size in (2, 3, 4):
        means = [-0.5] * size
        assert cost(means, nll=0.2)[0] - cost(means)[0] == pytest.approx(0.2 * (size - 1) ** 2 * 5)


def batch_of(soft_label: float) -> tuple[Tensor, ValuedBatch]:
    """A list of three responses of one token each, and what a policy says of them."""
    examples = SequenceExamples(Sequences.of([Encoded([1, 2, place], 2) for place in (3, 4, 5)], pad=0))
    batch = ValuedBatch(
        **vars(examples.batch(torch.arange(3))), places=torch.tensor([[0, 1, 2]]), list_weight=torch.tensor([2.0]),
        value=torch.zeros(1, 3), soft_label=torch.tensor([soft_label]),
    )  # fmt: skip
    return torch.tensor([[-0.5], [-0.7], [-0.9]]), batch


@pytest.mark.parametrize(("soft_label", "order"), [(1.0, 1), (0.0, -1)])
def test_a_step_on_lists_heeds_weight_and_soft_label(soft_label: float, order: int) -> None:
    found = PRO(nll=0.0).loss_of(*batch_of(soft_label))
    assert found.loss.item() == pytest.approx(2 * cost([-0.5, -0.7, -0.9][::order])[0], rel=1e-6)
    assert found.metrics["accuracy"] == 1
    assert found.metrics["margin"].item() == pytest.approx((0.2 + 0.2 + 0.4) / 3)


def rows(*pairs: tuple[str, str], **other: object) -> list[dict[str, object]]:
    return [pair_row(1, *pair, prompt_id="p", **other) for pair in pairs]


def test_margins_of_neighbours_add_up_along_a_list(tokenizer: PreTrainedTokenizerFast) -> None:
    table = pair_table([*rows((B, C), margin=0.5), *rows((A, C), margin=9.0), *rows((A, B), margin=2.0)])
    made = PRO(use_margin=True).examples(prepare_pairs(table, tokenizer, 64))
    assert made.value.tolist() == [[0.0, -2.0, -2.5]]
    batch = made.batch(torch.tensor([0]))
    means = ListLogps.of(torch.tensor([[-0.5], [-0.7], [-0.9]]) * batch.completion_mask, batch).means
    assert (means[0].diff() < 0).all()


@pytest.mark.parametrize("doubt", [{"soft_label": 0.8}, {"weight": 0.0}], ids=str)
def test_a_doubtful_pair_makes_no_list_with_others(
    doubt: dict[str, float], tokenizer: PreTrainedTokenizerFast
) -> None:  # fmt: skip
    table = pair_table([*rows((A, B), (A, C)), *rows((B, C), **doubt)])
    made = PRO().examples(prepare_pairs(table, tokenizer, 64))
    assert sorted(made.lists.tolist()) == [[0, 3], [1, 4], [2, 5]]
    assert made.soft_label[0] == doubt.get("soft_label", 1.0)
    assert made.weight[0] == doubt.get("weight", 1.0)
    sure = PRO().examples(prepare_pairs(pair_table(rows((A, B), (A, C), (B, C))), tokenizer, 64))
    assert (len(sure), sure.soft_label.tolist()) == (1, [1.0])


def test_pairs_without_margins_are_refused_where_margins_are_wanted(tokenizer: PreTrainedTokenizerFast) -> None:
    part = prepare_pairs(pair_table([*rows((A, B)), *rows((A, C), margin=1.0)]), tokenizer, 64)
    with pytest.raises(InputError, match="pro: 1 of 2 pairs have no margin"):
        PRO(use_margin=True).examples(part)
    assert len(PRO().examples(part)) == 2


def test_a_list_of_two_is_the_pair_of_the_contract(tokenizer: PreTrainedTokenizerFast) -> None:
    """The step on lists and the call on pairs are one loss."""
    table = pair_table(rows((A, C), weight=0.5, soft_label=0.7, margin=1.5))
    objective = PRO(use_margin=True)
    batch = objective.examples(prepare_pairs(table, tokenizer, 64)).batch(torch.tensor([0]))
    scores = -torch.rand(batch.completion_mask.shape, generator=torch.Generator().manual_seed(0))
    scores = scores * batch.completion_mask
    sums, counts, half = scores.sum(1), batch.completion_mask.sum(1).float(), torch.tensor([0.5])
    pair = logps(
        sums[:1], sums[1:], *[torch.zeros(1)] * 2, n_chosen=counts[:1], n_rejected=counts[1:], weight=half,
        soft_label=half + 0.2, margin=half + 1,
    )  # fmt: skip
    assert objective.loss_of(scores, batch).loss.item() == pytest.approx(objective(pair).loss.item(), rel=1e-6)


@pytest.mark.parametrize("use_margin", [False, True])
def test_lists_train_a_policy(use_margin: bool, model_folder: Path, tmp_path: Path) -> None:
    """Held-out responses come to be in the order of the lists."""
    pairs = pair_table([
        pair_row(n, f"w{n} {better}", f"w{n} {worse}", prompt_id=f"prompt{n}", margin=1.0)
        for n in range(30)
        for better, worse in pairwise(("bad", "it", "good"))
    ])  # fmt: skip
    assert ranked_right(model_folder, pairs) < 0.5
    changes = {"epochs": 12, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64, "use_margin": use_margin}
    trained = train("pro", write_version(tmp_path / "data", pairs), model_folder, tmp_path / "out", changes)
    assert trained.metrics["train_total_steps"] == 36
    assert ranked_right(trained.path, pairs) == trained.metrics["test_accuracy"] == 1.0
