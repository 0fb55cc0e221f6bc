from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from training import score
from training.batches import GroupExamples, PairExamples, SequenceBatch, SequenceExamples, Sequences
from training.checkpoint import Loaded, load_reward
from training.loop import silence_dropout
from training.objectives.pairwise import PairLogps
from training.objectives.pairwise.dpo import DPO
from training.score import MeanState, RewardScorer, TokenScorer, score_all
from training.tokens import Encoded

ENCODED = [Encoded([1, 4, 9, 12, 5, 8, 2], 5), Encoded([1, 4, 30, 5, 7, 2], 4), Encoded([1, 4, 9, 12, 5, 2], 5)]


def batch_of(encoded: list[Encoded] = ENCODED, columns: int = 0) -> SequenceBatch:
    """The sequences as one batch; with `columns`, beside one that is as much longer than they are."""
    longest = max(len(one.ids) for one in encoded)
    every = [*encoded, Encoded([1] * (longest + columns), longest)] if columns else encoded
    return SequenceExamples(Sequences.of(every, pad=0)).batch(torch.arange(len(every)))


@torch.no_grad()
def test_mean_states_are_those_of_the_response_tokens(policy: Loaded) -> None:
    """One by one, side by side, and behind prompts that are read once."""
    scorer = MeanState(policy.model.eval())
    asked = [one for one in ENCODED for _ in range(2)]
    said = [[4, 2], [9], [5, 6, 7, 8], [2], [8], [3, 3, 2]]
    every = [Encoded(one.ids[: one.cut] + more, one.cut) for one, more in zip(asked, said, strict=True)]
    expected = []
    for one in every:
        states = policy.model.model(input_ids=torch.tensor(one.ids)[None]).last_hidden_state[0]
        expected.append(states[one.cut :].mean(0))
    sequences = Sequences.of(every, pad=0)
    for examples in (SequenceExamples(sequences), GroupExamples(sequences, 2)):
        found = scorer(examples.batch(torch.arange(6)))
        assert torch.allclose(found, torch.stack(expected), rtol=0, atol=1e-5)


@torch.no_grad()
def test_log_probabilities_are_those_of_the_whole_model(policy: Loaded) -> None:
    found = TokenScorer(policy.model.eval())(batch_of())
    for one, scored in zip(ENCODED, found, strict=True):
        ids = torch.tensor(one.ids)
        whole = policy.model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1).gather(1, ids[1:, None]).squeeze(1)
        expected = torch.zeros(found.shape[1])
        expected[: len(ids) - one.cut] = whole[one.cut - 1 :]
        assert torch.allclose(scored, expected, atol=1e-5)


@torch.no_grad()
def test_as_many_tokens_are_scored_as_the_response_has(policy: Loaded) -> None:
    scored = TokenScorer(policy.model)(batch_of()) != 0
    assert scored.sum(1).tolist() == [len(one.ids) - one.cut for one in ENCODED]


@pytest.mark.parametrize("columns", [1, 5])
@torch.no_grad()
def test_more_padding_changes_no_score(policy: Loaded, model_folder: Path, columns: int) -> None:
    tokens, rewards = TokenScorer(policy.model).eval(), RewardScorer(load_reward(model_folder).model).eval()
    assert torch.allclose(tokens(batch_of()).sum(1), tokens(batch_of(columns=columns)).sum(1)[:3], atol=1e-5)
    assert torch.allclose(rewards(batch_of()).rewards, rewards(batch_of(columns=columns)).rewards[:3], atol=1e-6)


@torch.no_grad()
def test_a_reward_does_not_depend_on_its_batch(model_folder: Path) -> None:
    scorer = RewardScorer(load_reward(model_folder).model).eval()
    together = scorer(batch_of()).rewards
    alone = torch.cat([scorer(batch_of([one])).rewards for one in ENCODED])
    assert torch.allclose(together, alone, atol=1e-6)
    assert together.unique().numel() == 3


@torch.no_grad()
def test_rewards_are_those_that_transformers_reads(model_folder: Path) -> None:
    model = load_reward(model_folder).model.eval()
    batch = batch_of()
    real = torch.arange(7) < torch.tensor([[len(one.ids)] for one in ENCODED])
    theirs = model(input_ids=batch.input_ids, attention_mask=real.long()).logits
    assert torch.allclose(RewardScorer(model)(batch).rewards, theirs, atol=1e-6)


@torch.no_grad()
def test_the_end_token_is_read_where_it_is_the_padding_too(model_folder: Path) -> None:
    """Read by ids, as transformers reads, the last token that is no padding would be the one before the end."""
    model = load_reward(model_folder).model.eval()
    apart = RewardScorer(model)(batch_of()).rewards
    ends = SequenceExamples(Sequences.of(ENCODED, pad=2)).batch(torch.arange(3))
    assert torch.allclose(RewardScorer(model)(ends).rewards, apart, atol=1e-6)
    cut = SequenceExamples(Sequences.of([Encoded(one.ids[:-1], one.cut) for one in ENCODED], pad=0))
    before_end = RewardScorer(model)(cut.batch(torch.arange(3))).rewards
    assert (before_end - apart).abs().min() > 1e-4
    model.config.pad_token_id = 2
    real = torch.arange(7) < torch.tensor([[len(one.ids)] for one in ENCODED])
    theirs = model(input_ids=torch.where(real, ends.input_ids[:, :7], 2), attention_mask=real.long()).logits
    assert torch.allclose(theirs, before_end, atol=1e-6)


@torch.no_grad()
def test_rewards_are_float32_under_bfloat16(model_folder: Path) -> None:
    scorer = RewardScorer(load_reward(model_folder).model).eval()
    with score.autocast(torch.device("cpu"), "bf16"):
        assert scorer(batch_of()).rewards.dtype == torch.float32


@torch.no_grad()
def test_the_head_computes_in_float32_whatever_it_reads(model_folder: Path) -> None:
    """A trunk with bfloat16 weights: near 16 its own numbers are 0.125 apart, and close rewards must not be equal."""
    model = load_reward(model_folder).model.eval()
    model.base_model.to(torch.bfloat16)
    model.score.weight.mul_(1000)
    rewards, pooled = RewardScorer(model)(batch_of())
    assert (pooled.dtype, rewards.dtype) == (torch.bfloat16, torch.float32)
    expected = pooled.double() @ model.score.weight.double().T
    assert torch.allclose(rewards.double(), expected, rtol=1e-6)
    assert not rewards.equal(rewards.bfloat16().float())


def test_tiles_change_neither_scores_nor_gradients(policy: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    def scores_and_gradient() -> tuple[Tensor, Tensor]:
        policy.model.zero_grad()
        scores = TokenScorer(policy.model).eval()(batch_of())
        scores.square().sum().backward()
        return scores.detach(), torch.cat([weight.grad.flatten() for weight in policy.model.parameters()])  # pyright: ignore[reportOptionalMemberAccess]

    whole = scores_and_gradient()
    monkeypatch.setattr(score, "TILE_LOGITS", 100)
    tiled = scores_and_gradient()
    assert torch.allclose(whole[0], tiled[0], atol=1e-6)
    assert torch.allclose(whole[1], tiled[1], atol=1e-5)


def test_policy_equal_to_reference_has_loss_log_two(policy: Loaded) -> None:
    """The reference pass and the training forward are one code path, with dropout off although the config has it."""
    examples = PairExamples(
        Sequences.of([*ENCODED[:2], *ENCODED[1:]], pad=0),
        margin=torch.zeros(2), weight=torch.ones(2), soft_label=torch.ones(2),
    )  # fmt: skip
    scorer = TokenScorer(policy.model)
    sums = score_all(scorer, examples, lambda scores, _: torch.stack(scores.sum(1).chunk(2), 1))
    examples.reference = sums.T.reshape(-1)
    silence_dropout(scorer.train())
    batch = examples.batch(torch.tensor([1, 0]))
    assert DPO()(PairLogps.of(scorer(batch), batch)).loss.item() == pytest.approx(math.log(2), abs=1e-6)


def test_scores_come_back_in_the_order_of_the_examples(policy: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "SCORING_TOKENS", 7)
    seen: list[tuple[int, int]] = []
    examples = SequenceExamples(Sequences.of(ENCODED, pad=0))
    found = score_all(
        TokenScorer(policy.model), examples, lambda scores, _: scores.sum(1), progress=lambda *at: seen.append(at)
    )
    assert torch.allclose(found, TokenScorer(policy.model).eval()(batch_of()).sum(1), atol=1e-5)
    assert seen == [(1, 3), (2, 3), (3, 3)]
