"""Every objective on sampled responses passes this by existing; what is common to them is tested here, too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.conftest import FIGURES_OF_A_STEP
from tests.training.objectives.policy.conftest import batch_of, rollouts
from training.objectives.policy import LINEAR_FROM, POLICY, Policy, Rollouts, chi_square, chi_square_costs
from training.objectives.policy.grpo import Grpo
from training.objectives.policy.ppo import Judged
from training.rollout.record import distances, figures_of

ALL = sorted(POLICY.classes)


def built(name: str, **fields: Any) -> Policy:
    return POLICY.build({"name": name, **fields})


def some(seed: int = 0) -> Rollouts:
    """Three prompts, four responses of 1 to 5 tokens to each."""
    chance = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 6, (12,), generator=chance).tolist()
    width = max(lengths)
    return rollouts(
        torch.randn(12, generator=chance).tolist(), lengths, samples=4,
        divergence=torch.randn(12, width, generator=chance), greedy=torch.randn(3, generator=chance).tolist(),
        values=torch.randn(12, width, generator=chance),
    )  # fmt: skip


def loss_of(objective: Policy, logps: Tensor, batch: Any) -> Tensor:
    scores = Judged(logps, torch.zeros_like(logps)) if objective.reads_values else logps
    return objective.loss_of(scores, batch).loss


@pytest.mark.parametrize("name", ALL)
def test_credit_is_finite_and_only_on_tokens(name: str) -> None:
    for scale in (1.0, 0.0, 1e4):
        given = some()._replace(rewards=scale * some().rewards)
        found = built(name).credit(given)
        assert found.advantage.isfinite().all()
        assert found.returns.isfinite().all()
        assert found.advantage[~given.mask].abs().sum() == 0


@pytest.mark.parametrize("name", ALL)
def test_wider_padding_changes_nothing(name: str) -> None:
    given = some()
    wide = {part: torch.nn.functional.pad(getattr(given, part), (0, 3)) for part in ("mask", "divergence", "values")}
    objective = built(name)
    assert torch.allclose(
        objective.credit(given._replace(**wide)).advantage[:, :-3], objective.credit(given).advantage, atol=1e-6
    )


@pytest.mark.parametrize("name", ALL)
def test_what_is_better_is_praised_more(name: str) -> None:
    given = some()
    more = given.rewards.clone()
    more[5] += 3.0
    objective = built(name)
    last = int(given.mask[5].sum()) - 1
    before, after = (objective.credit(given._replace(rewards=one)).advantage for one in (given.rewards, more))
    assert after[5, last] > before[5, last]


@pytest.mark.parametrize("name", ALL)
def test_a_figure_is_what_its_name_says(name: str) -> None:
    """`methods/data.md` 31.19: the pull is what the loss gains by it, and the figures of a rollout keep their names."""
    chance = torch.Generator().manual_seed(0)
    logps, old, reference, advantage = torch.randn(4, 3, 5, generator=chance) / 4
    batch = batch_of(advantage, old=old, reference=reference)
    free, pulled = (built(name, kl=kl, kl_in="loss") for kl in (0.0, 0.5))
    scores = Judged(logps, torch.zeros_like(logps)) if free.reads_values else logps
    step, more = free.loss_of(scores, batch), pulled.loss_of(scores, batch)
    assert float(more.loss - step.loss) == pytest.approx(0.5 * float(more.metrics["pull"]), abs=1e-6)
    assert float(more.metrics["pull"]) > 0.001
    ratio, high = (logps - old).exp(), free.clip if free.clip_high is None else free.clip_high
    if free.ratio == "token":
        cut = (ratio < 1 - free.clip) | (ratio > 1 + high)
        assert float(step.metrics["clipped"]) == pytest.approx(float(cut.float().mean()))
    named = {"reward", *figures_of(some(), torch.ones(12)), *distances(logps, logps, torch.ones(3, 5, dtype=bool))}
    assert not more.metrics.keys() & (named | FIGURES_OF_A_STEP)


@pytest.mark.parametrize("name", ALL)
def test_praise_makes_tokens_likelier(name: str) -> None:
    given = some()
    logps = -torch.rand(given.mask.shape)
    logps.requires_grad_()
    advantage = torch.where(torch.arange(12)[:, None] % 2 == 0, 1.0, -1.0).where(given.mask, 0)
    loss_of(built(name, kl=0), logps, batch_of(advantage, given.mask)).backward()
    assert logps.grad is not None
    assert torch.equal((-logps.grad).sign(), advantage)


@pytest.mark.parametrize("name", ALL)
def test_extreme_ratios_are_finite(name: str) -> None:
    given = some()
    logps = torch.where(given.mask, -100.0, 0.0).requires_grad_()
    for kl_in in ("reward", "loss"):
        batch = batch_of(given.divergence, given.mask, old=torch.zeros(given.mask.shape))
        loss = loss_of(built(name, kl_in=kl_in), logps, batch)
        loss.backward()
        assert loss.isfinite()
        assert logps.grad is not None
        assert logps.grad.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_a_pull_in_the_loss_is_none_on_the_reward(name: str) -> None:
    given = some()
    for estimator in ("k2", "chi_square"):
        free, pulled, apart = (
            built(name, kl_in=where, kl=kl, estimator=estimator).credit(given).advantage
            for where, kl in (("reward", 0.0), ("reward", 0.3), ("loss", 0.3))
        )
        assert torch.equal(apart, free)
        assert not torch.allclose(pulled, free, atol=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_far_from_the_start_what_chi_square_costs_is_finite(name: str) -> None:
    given = some()
    far = given._replace(divergence=torch.where(given.mask, 40.0, 0.0) * given.rewards.sign()[:, None])
    assert built(name, kl_in="reward", estimator="chi_square").credit(far).advantage.isfinite().all()


@pytest.mark.parametrize("aggregate", ["token_mean", "sequence_mean", "sequence_sum", "constant"])
def test_a_step_is_the_same_wherever_it_is_cut(aggregate: str) -> None:
    given, objective = some(), Grpo.model_validate({"aggregate": aggregate, "kl": 0, "longest": 5})
    logps = torch.zeros(given.mask.shape)
    whole = loss_of(objective, logps, batch_of(given.divergence, given.mask))
    units = objective.units(given.mask).float()
    parts = [
        loss_of(objective, logps[rows], batch_of(given.divergence[rows], given.mask[rows])) * units[rows].sum()
        for rows in torch.arange(12).split(5)
    ]
    assert sum(parts) / units.sum() == pytest.approx(float(whole), abs=1e-6)


@pytest.mark.parametrize(("name", "fields"), [("grpo", {}), ("grpo", {"deviation": "none"}), ("rloo", {})])
def test_a_groups_praise_adds_up_to_nothing_and_knows_no_shift(name: str, fields: dict[str, Any]) -> None:
    given, objective = some()._replace(divergence=torch.zeros(some().mask.shape)), built(name, **fields)
    found = objective.credit(given).advantage[:, 0]
    assert given.grouped(found).sum(1).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    moved = objective.credit(given._replace(rewards=given.rewards + 3.0)).advantage[:, 0]
    assert torch.allclose(moved, found, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_the_first_steps_slope_is_the_praise(name: str) -> None:
    """Nothing has moved: -E[A * slope of the log-probability], in the mean that the objective takes."""
    given = some()
    logps = torch.zeros(given.mask.shape, requires_grad=True)
    objective = built(name, kl=0, aggregate="token_mean")
    advantage = objective.credit(given).advantage
    if objective.ratio != "token":
        advantage = torch.ones_like(advantage).where(given.mask, 0)  # one action: all its tokens are praised alike
    loss_of(objective, logps, batch_of(advantage, given.mask)).backward()
    assert logps.grad is not None
    if objective.ratio == "token":
        assert torch.allclose(logps.grad, -advantage / given.mask.sum(), atol=1e-7)
    else:
        assert torch.allclose(logps.grad, -advantage * given.mask.sum(1, keepdim=True) / given.mask.sum(), atol=1e-7)


def test_the_log_ratio_on_the_reward_has_the_slope_of_the_kl() -> None:
    """As a loss the same term would have none: the mean of a score is 0."""
    torch.manual_seed(2)
    logits, reference = torch.randn(7, dtype=torch.float64, requires_grad=True), torch.randn(7).double().log_softmax(0)
    logps = logits.log_softmax(0)
    wanted = torch.autograd.grad((logps.exp() * (logps - reference)).sum(), logits, retain_graph=True)[0]
    given = rollouts([0.0] * 7, [1] * 7, divergence=(logps - reference).detach()[:, None])
    praise = Grpo(kl=1.0, kl_in="reward", deviation="none").credit(given).advantage[:, 0]
    found = torch.autograd.grad((logps.exp().detach() * praise * logps).sum(), logits, retain_graph=True)[0]
    assert torch.allclose(-found, wanted, atol=1e-6)
    alone = torch.autograd.grad((logps.exp().detach() * (logps - reference)).sum(), logits)[0]
    assert alone.abs().max() < 1e-12


def test_responses_of_one_length_count_alike_in_both_means() -> None:
    advantage = torch.randn(4, 3)
    by_token, by_response = (
        loss_of(Grpo.model_validate({"aggregate": one, "kl": 0}), torch.zeros(4, 3), batch_of(advantage))
        for one in ("token_mean", "sequence_mean")
    )
    assert by_token == pytest.approx(float(by_response))


def test_a_bound_of_its_own_above() -> None:
    batch = batch_of(torch.ones(1, 1), old=torch.zeros(1, 1))
    losses = [loss_of(Grpo(kl=0, clip_high=high), torch.tensor([[1.5]]).log(), batch) for high in (None, 0.28)]
    assert losses == [pytest.approx(-1.2), pytest.approx(-1.28)]


def test_the_second_clip_bounds_what_a_bad_token_costs() -> None:
    batch = batch_of(torch.tensor([[-2.0]]), old=torch.zeros(1, 1))
    assert loss_of(Grpo(kl=0), torch.tensor([[10.0]]).log(), batch) == pytest.approx(20)
    assert loss_of(Grpo(kl=0, dual_clip=3), torch.tensor([[10.0]]).log(), batch) == pytest.approx(6)


def test_ratios_of_responses() -> None:
    moved = torch.tensor([[0.1, 0.3], [0.0, 0.0]])
    batch = batch_of(torch.tensor([[1.0, 1.0], [0.0, 0.0]]), old=torch.zeros(2, 2))
    objective = {"kl": 0, "clip": 9}
    mean, product = (
        loss_of(Grpo.model_validate({**objective, "ratio": one}), moved, batch)
        for one in ("sequence_mean", "sequence_sum")
    )
    assert mean == pytest.approx(-math.exp(0.2) / 2)
    assert product == pytest.approx(-math.exp(0.4) / 2)


@pytest.mark.parametrize(
    ("apart", "k1", "k2", "k3"), [(0.5, 0.5, 0.125, 0.106530660), (-0.5, -0.5, 0.125, 0.148721271)]
)
def test_worked_estimators(apart: float, k1: float, k2: float, k3: float) -> None:
    logps, reference = torch.full((1, 1), apart), torch.zeros(1, 1)
    for estimator, value in (("k2", k2), ("k3", k3), ("ratio_k3", k3)):
        objective = Grpo.model_validate({"kl": 2.0, "estimator": estimator})
        assert loss_of(objective, logps, batch_of(torch.zeros(1, 1), reference=reference)) == pytest.approx(2 * value)
    figures = distances(logps, logps - reference, torch.ones(1, 1, dtype=torch.bool))
    assert [figures[name] for name in ("kl", "kl_k2", "kl_k3")] == pytest.approx([k1, k2, k3])


@pytest.mark.parametrize("estimator", ["k2", "ratio_k3", "k3"])
def test_the_pulls_gradient(estimator: str) -> None:
    """Over a softmax of seven tokens, by their chance: that of KL(policy || reference); k3's is of the other."""
    torch.manual_seed(1)
    logits = torch.randn(7, dtype=torch.float64, requires_grad=True)
    reference = torch.randn(7, dtype=torch.float64).log_softmax(0)
    logps = logits.log_softmax(0)
    ways = {"k3": (reference.exp() * (reference - logps)).sum()}
    wanted = torch.autograd.grad(
        ways.get(estimator, (logps.exp() * (logps - reference)).sum()), logits, retain_graph=True
    )[0]
    objective = Grpo.model_validate({"kl": 1.0, "estimator": estimator})
    batches = [
        loss_of(objective, logps[None, None, n], batch_of(torch.zeros(1, 1), reference=reference[None, None, n]))
        for n in range(7)
    ]
    loss = (torch.stack(batches) * logps.exp().detach()).sum()
    assert torch.allclose(torch.autograd.grad(loss, logits)[0], wanted, atol=1e-7)


def test_worked_chi_square() -> None:
    found = chi_square(torch.tensor([0.0, 0.5, -0.3, 1.2]))
    assert found.mean() == pytest.approx(0.4918100)
    assert found.mean().sqrt() == pytest.approx(0.7012917)
    assert chi_square(torch.tensor([0.5])) == pytest.approx(0.255251930)
    far = torch.tensor(11.0, dtype=torch.float64)
    assert float(chi_square(far) - torch.expm1(-far)) == pytest.approx(44051.931590, rel=1e-9)


def test_chi_square_has_no_kink() -> None:
    places = torch.tensor([LINEAR_FROM - 1e-6, LINEAR_FROM + 1e-6], dtype=torch.float64, requires_grad=True)
    values = chi_square(places)
    below, above = torch.autograd.grad(values.sum(), places)[0].tolist()
    assert float((values[1] - values[0]).detach()) == pytest.approx(2e-6 * math.exp(LINEAR_FROM), rel=1e-3)
    assert below == pytest.approx(above, rel=1e-5)


def test_the_mean_of_chi_square_is_chi_square() -> None:
    policy, reference = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    each = chi_square(torch.tensor(np.log(policy / reference)))
    assert float((torch.tensor(policy) * each).sum()) == pytest.approx(0.63)


def test_worked_kl_beside_chi_square() -> None:
    """k3 of responses of one token at 0, .5, -.3 and 1.2 is .1643959; of (.5, .3, .2) from (.2, .3, .5), .2748872."""
    apart = torch.tensor([[0.0], [0.5], [-0.3], [1.2]])
    assert distances(apart, apart, torch.ones(4, 1, dtype=torch.bool))["kl_k3"] == pytest.approx(0.1643959)
    said = torch.tensor([2.5, 1.0, 0.4]).repeat_interleave(torch.tensor([5, 3, 2])).log()[:, None]
    found = distances(said, said, torch.ones(10, 1, dtype=torch.bool))["kl"]
    assert found == pytest.approx(0.2748872)
    assert found <= math.log1p(float(chi_square(said[:, 0]).mean()))


def test_chi_square_in_the_loss_is_of_whole_responses() -> None:
    """Two tokens each; the root of .4918100 whatever the tokens alone have moved."""
    apart = torch.tensor([[0.0, 0.0], [2.0, -1.5], [-0.2, -0.1], [0.5, 0.7]])
    objective = Grpo(kl=2.0, estimator="chi_square")
    assert loss_of(objective, apart, batch_of(torch.zeros(4, 2))) == pytest.approx(2 * 0.7012917)


def test_chi_square_in_the_reward_is_of_whole_responses() -> None:
    """(e^L - 1) / .7012917 for L = 0, .5, -.3, 1.2, on the response's reward."""
    costs = [0.0, 0.9250378, -0.3695777, 3.3083480]
    apart = torch.tensor([[0.0, 0.0], [2.0, -1.5], [-0.2, -0.1], [0.5, 0.7]])
    assert chi_square_costs(apart.sum(1)).tolist() == pytest.approx(costs, abs=1e-5)
    objective = Grpo(kl=0.5, kl_in="reward", estimator="chi_square", deviation="none")
    found = objective.credit(rollouts([1.0, 1.0, 1.0, 1.0], divergence=apart)).advantage[:, 0]
    assert found.tolist() == pytest.approx([0.5 * (np.mean(costs) - cost) for cost in costs], abs=1e-5)


def test_praise_for_less_chi_square_walks_down_its_root() -> None:
    """Ten responses of one token as often as the policy says them: their mean is exact."""
    reference = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    logits = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log().requires_grad_()
    said = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    chances = logits.softmax(0)
    root = ((chances - reference).square() / reference).sum().sqrt()
    wanted = torch.autograd.grad(root, logits)[0]
    logps = logits.log_softmax(0)[said]
    given = rollouts([0.0] * 10, [1] * 10, divergence=(logps - reference.log()[said]).detach()[:, None])
    praise = Grpo(kl=1.0, kl_in="reward", estimator="chi_square", deviation="none").credit(given).advantage[:, 0]
    found = torch.autograd.grad((praise * logps).mean(), logits)[0]
    assert float(root.detach()) == pytest.approx(math.sqrt(0.63))
    assert torch.allclose(-found, wanted, atol=1e-7)


def test_chi_square_bounds_what_a_proxy_loses() -> None:
    """arXiv:2403.03185: gain of the truth >= (gain of the proxy - sqrt((1 - rho^2) * chi2)) / rho, standardised."""
    chance = np.random.default_rng(0)
    tight = 0
    for _ in range(500):
        policy, reference = chance.dirichlet([0.5] * 6), chance.dirichlet([0.5] * 6) + 1e-3
        reference /= reference.sum()
        both = chance.normal(size=(2, 6))
        truth, proxy = (one - reference @ one for one in both)
        truth, proxy = (one / math.sqrt(reference @ one**2) for one in (truth, proxy))
        rho = float(reference @ (truth * proxy))
        if rho < 0.05:
            continue
        apart = torch.tensor(np.log(policy / reference).clip(-30))
        squared = float((torch.tensor(policy) * chi_square(apart)).sum())
        if float(apart.abs().max()) > LINEAR_FROM:
            continue  # the estimate goes on as a line there
        slack = policy @ truth - (policy @ proxy - math.sqrt((1 - rho**2) * squared)) / rho
        assert slack > -1e-9
        tight += slack < 0.5
    assert tight > 10, "some are near the bound"


def test_chi_square_starts_flat() -> None:
    logps = torch.zeros(2, 3, requires_grad=True)
    loss = loss_of(Grpo(kl=5.0, estimator="chi_square"), logps, batch_of(torch.zeros(2, 3)))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(5 * math.sqrt(1e-4))
    assert logps.grad is not None
    assert logps.grad.abs().sum() == 0
