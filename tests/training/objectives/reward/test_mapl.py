from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from tests.training.conftest import pair_row, pair_table, write_version
from training.batches import PairBatch
from training.objectives import Step
from training.objectives.links import LinkedBatch, goes_on, variants_of
from training.objectives.reward import PairRewards
from training.objectives.reward.bradley_terry import BradleyTerry
from training.objectives.reward.mapl import Mapl
from training.prepare import prepare_pairs
from training.score import Scored
from training.train import train

NONE = torch.zeros(0)


def step(
    chosen: list[float] | Tensor,
    rejected: list[float] | Tensor,
    *,
    within: list[bool] | None = None,
    links: tuple[tuple[int, int, int], ...] = (),
    weight: list[float] | None = None,
    **settings: float,
) -> Step:
    rewards = torch.cat([torch.as_tensor(side) for side in (chosen, rejected)])
    one = torch.ones(len(rewards) // 2)
    treatment = {"margin": 0 * one, "weight": one if weight is None else torch.tensor(weight), "soft_label": one}
    pairs = PairBatch(**dict.fromkeys(PairBatch.__dataclass_fields__, NONE) | treatment)
    batch = LinkedBatch(
        **vars(pairs),
        within=torch.tensor(within or [False] * len(one)),
        links=torch.tensor(links, dtype=torch.int64).view(-1, 3),
    )
    return Mapl.model_validate(settings).loss_of(Scored(rewards[:, None], NONE), batch)


def test_without_variants_it_is_bradley_terry() -> None:
    chosen, rejected, one = torch.tensor([0.7, -1.2]), torch.tensor([0.2, 0.4]), torch.ones(2)
    plain = BradleyTerry()(PairRewards(chosen, rejected, margin=0 * one, weight=one, soft_label=one)).loss
    assert step(chosen, rejected).loss.equal(plain)


def test_pairs_of_prompts_have_a_weight_of_their_own() -> None:
    plain = step([1.0, 0.0], [0.0, 1.0], prompts=0).loss.item()
    assert step([1.0, 0.0], [0.0, 1.0], within=[True, False], prompts=0).loss.item() == pytest.approx(
        math.log(1 + math.e) / 2
    )
    assert step([1.0, 0.0], [0.0, 1.0], within=[True, True], prompts=3).loss.item() == pytest.approx(3 * plain)


def test_worked_number() -> None:
    """m(x+) = 1.4, m(x) = 0.9: -log s(0.5) = 0.474077."""
    found = step([1.4, 0.9], [0.0, 0.0], links=((1, 0, 1),))
    assert found.metrics["between"].item() * 2 == pytest.approx(0.474076984, abs=1e-6)


def test_demands_that_the_other_side_meets_lower_the_difference() -> None:
    """m(x) = 0.9; under x- the other side is chosen by 0.2, so m(x-) = -0.2: -log s(1.1)."""
    found = step([0.9, 0.2], [0.0, 0.0], links=((0, 1, -1),))
    assert found.metrics["between"].item() * 2 == pytest.approx(math.log(1 + math.exp(-1.1)), abs=1e-6)


def test_demands_that_change_nothing_cost_log_two_and_prompts_may_shift_freely() -> None:
    links = ((0, 1, 1), (0, 2, -1))
    alike = step([0.9, 0.9, 0.0], [0.0, 0.0, 0.9], links=links).metrics["between"].item()
    assert alike * 3 == pytest.approx(2 * math.log(2), abs=1e-6)
    moved = step([0.9, 5.9, -3.0], [0.0, 5.0, -2.1], links=links).metrics["between"].item()
    assert moved == pytest.approx(alike, abs=1e-6)


@pytest.mark.parametrize("gaps", [(1e4, -1e4, 1e4), (-1e4, 1e4, -1e4), (1e4, 1e4, 1e4)])
def test_extreme_differences_between_a_pair_and_its_variants_stay_finite(gaps: tuple[float, ...]) -> None:
    chosen = torch.tensor(gaps, requires_grad=True)
    found = step(chosen, [0.0] * 3, links=((0, 1, 1), (0, 2, -1)))
    found.loss.backward()
    assert found.loss.isfinite()
    assert chosen.grad is not None and chosen.grad.isfinite().all()


def test_a_links_gradient_parts_the_variant_from_its_pair() -> None:
    """-log s(m(x+) - m(x)) - log s(m(x) - m(x-)) at 0: variants gain, and what they are compared with keeps still."""
    chosen = torch.zeros(3, requires_grad=True)
    (found,) = torch.autograd.grad(step(chosen, [0.0] * 3, links=((0, 1, 1), (0, 2, -1)), prompts=0).loss, chosen)
    (plain,) = torch.autograd.grad(step(chosen, [0.0] * 3, prompts=0).loss, chosen)
    assert (3 * (found - plain)).tolist() == pytest.approx([0.0, -0.5, -0.5])
    (higher,) = torch.autograd.grad(step(chosen, [0.0] * 3, links=((0, 1, 1),)).loss, chosen)
    assert (3 * (higher - plain)).tolist() == pytest.approx([0.5, -0.5, 0.0])


def test_a_link_to_a_pair_of_weight_zero_does_not_count() -> None:
    chosen = torch.tensor([0.9, 1.4], requires_grad=True)
    step(chosen, [0.0, 0.0], links=((0, 1, 1),), weight=[1.0, 0.0]).loss.backward()
    alone = torch.tensor([0.9, 1.4], requires_grad=True)
    step(alone, [0.0, 0.0], weight=[1.0, 0.0]).loss.backward()
    assert chosen.grad is not None and alone.grad is not None
    assert chosen.grad.equal(alone.grad)


def turn(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


@pytest.mark.parametrize(
    ("prompt", "longer", "expected"),
    [
        pytest.param([turn("say")], [turn("say it")], True, id="more"),
        pytest.param([turn("say")], [turn("say")], False, id="the same"),
        pytest.param([turn("say it")], [turn("say")], False, id="less"),
        pytest.param([turn("w1"), turn("say")], [turn("w2"), turn("say it")], False, id="other turns"),
        pytest.param([turn("say")], [turn("say"), turn("it")], False, id="another turn"),
    ],
)
def test_a_prompt_goes_on_where_another_ends(prompt: Any, longer: Any, expected: bool) -> None:
    assert goes_on(prompt, longer) is expected


def row(n: int, prompt: str, chosen: str, rejected: str, rejected_prompt: str | None = None) -> dict[str, object]:
    other = [turn(rejected_prompt or prompt)]
    return pair_row(n, chosen, rejected, prompt=[turn(prompt)], rejected_prompt=other)


FAMILY = [
    row(0, "say w1 good", "A", "B"),  # demands what A has
    row(1, "say", "A", "B"),
    row(2, "say w2", "C", "D"),
    row(3, "say w1 bad", "B", "A"),  # demands what B has
    row(4, "say w1", "A", "A", "say w2"),  # one response, two prompts
    row(5, "say w1", "A", "B"),
]


def test_variants_hang_on_the_shortest_prompt_that_they_go_on_from() -> None:
    assert sorted(variants_of(pair_table(FAMILY))) == [(1, 0, 1), (1, 3, -1), (1, 5, 1)]


def test_a_step_holds_whole_families(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = {"A": "w1 good", "B": "w1 bad", "C": "w3", "D": "w4"}
    rows = [one | {side: texts[str(one[side])] for side in ("chosen", "rejected")} for one in FAMILY]
    part = prepare_pairs(pair_table(rows), tokenizer, 64)
    families = Mapl().examples(part)
    assert [sorted(members) for members in families.members] == [[0, 1, 3, 5], [2], [4]]
    assert families.units.tolist() == [4, 1, 1]
    assert families.tokens.tolist()[1] == part.examples.tokens[2]
    batch = families.batch(torch.tensor([2, 0]))
    assert batch.within.tolist() == [True, False, False, False, False]
    assert {(a, side) for a, _, side in batch.links.tolist()} == {(1, 1), (1, -1)}
    assert sorted(batch.links[:, 1].tolist()) == [2, 3, 4]
    assert families.batch(torch.tensor([1])).links.shape == (0, 3)


def test_rewards_come_to_follow_the_prompt(model_folder: Path, tmp_path: Path) -> None:
    rows = []
    for n in range(40):
        base, a, b = f"say w{n % 30}", f"w{n % 30} good", f"w{n % 30} bad"
        more, less = f"{base} good good", f"{base} bad bad"
        split = {"split": "test" if n % 5 == 4 else "train"}
        rows += [one | split for one in (row(n, more, a, b), row(n, less, b, a), row(n, more, a, a, less))]
        rows += [row(n, base, a, b) | split]
    data = write_version(tmp_path / "data", pair_table([one | {"pair_id": str(n)} for n, one in enumerate(rows)]))
    changes = {"epochs": 30, "batch_size": 16, "learning_rate": 3e-3, "max_length": 64}
    metrics = train("mapl", data, model_folder, tmp_path / "out", changes).metrics
    assert metrics["test_accuracy"] > 0.9
    assert metrics["train_between"] < 2 / 4 * math.log(2)
