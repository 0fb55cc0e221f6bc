from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPTNeoXConfig,
    GPTNeoXForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForSequenceClassification,
    Qwen3Config,
    Qwen3ForSequenceClassification,
)

from schemas.errors import ConfigError, ModelError
from training.attention import FLEX, choose_attention
from training.batches import GroupExamples, PairBatch, PairExamples, SequenceExamples, Sequences
from training.score import RewardScorer, TokenScorer, ValueScorer, autocast
from training.tokens import Encoded

SIZE: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 64, "num_labels": 1, "pad_token_id": 0, "initializer_range": 0.1,
}  # fmt: skip
GPT2: dict[str, Any] = {
    "vocab_size": 60, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "num_labels": 1, "pad_token_id": 0,
    "eos_token_id": 2, "initializer_range": 0.1,
}  # fmt: skip
FAMILIES: dict[str, Callable[[], PreTrainedModel]] = {
    "llama": lambda: LlamaForSequenceClassification(LlamaConfig(**SIZE)),
    "llama-grouped": lambda: LlamaForSequenceClassification(LlamaConfig(**SIZE, num_key_value_heads=2)),
    "llama-eager": lambda: LlamaForSequenceClassification(LlamaConfig(**SIZE, attn_implementation="eager")),
    "qwen2": lambda: Qwen2ForSequenceClassification(Qwen2Config(**SIZE, num_key_value_heads=2)),
    "qwen3": lambda: Qwen3ForSequenceClassification(Qwen3Config(**SIZE, num_key_value_heads=2, head_dim=16)),
    "gpt-neox": lambda: GPTNeoXForSequenceClassification(GPTNeoXConfig(**SIZE)),
    "gpt2": lambda: GPT2ForSequenceClassification(GPT2Config(**GPT2)),
}


def made(family: str) -> PreTrainedModel:
    torch.manual_seed(0)
    return FAMILIES[family]().eval()


def examples() -> PairExamples:
    """Nine pairs; the last three share two tokens, none, and all tokens of the chosen side."""
    chance = torch.Generator().manual_seed(0)

    def ids(count: int) -> list[int]:
        return torch.randint(3, 60, (count,), generator=chance).tolist()

    prompts = [ids(length) for length in (5, 12, 3, 8, 1, 20)]
    chosen = [[*prompt, *ids(4 + number), 2] for number, prompt in enumerate(prompts)]
    rejected = [[*prompt, *ids(9 - number), 2] for number, prompt in enumerate(prompts)]
    chosen += [[7, 8, *ids(6), 2], [9, *ids(5), 2], [7, 8, 9, 2]]
    rejected += [[7, 8, *ids(3), 2], [8, *ids(9), 2], [7, 8, 9, 2, 5, 2]]
    cuts = [*map(len, prompts), 4, 3, 2]
    encoded = [Encoded(row, cut) for row, cut in zip(chosen + rejected, cuts + cuts, strict=True)]
    weights = torch.linspace(0.5, 2, len(chosen))
    return PairExamples(Sequences.of(encoded, pad=0), margin=weights * 0, weight=weights, soft_label=torch.ones(9))


def padded_rewards(model: PreTrainedModel, pairs: PairExamples) -> Tensor:
    """[2B] as transformers computes them from right-padded sequences, all chosen first."""
    ids = SequenceExamples(pairs.sequences).batch(torch.arange(2 * len(pairs))).input_ids
    real = torch.arange(ids.shape[1]) < pairs.sequences.lengths[:, None]
    return model(input_ids=ids, attention_mask=real.long(), use_cache=False).logits.squeeze(1)


def loss_of(rewards: Tensor, batch: PairBatch) -> Tensor:
    chosen, rejected = rewards.chunk(2)
    return -(batch.weight * logsigmoid(chosen - rejected)).mean()


def gradient(model: PreTrainedModel, loss: Tensor) -> Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


@pytest.mark.parametrize("family", FAMILIES)
def test_rewards_and_gradients_are_those_of_padded_sequences(family: str) -> None:
    model, pairs = made(family), examples()
    choose_attention(model, 64)
    batch = pairs.batch(torch.arange(9))
    ours, theirs = RewardScorer(model)(batch).rewards.squeeze(1), padded_rewards(model, pairs)
    assert theirs.std() > 0.05
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-6)
    mine, other = gradient(model, loss_of(ours, batch)), gradient(model, loss_of(theirs, batch))
    assert torch.allclose(mine, other, rtol=1e-5, atol=1e-6 * float(other.abs().max()))


def test_a_step_reads_far_fewer_tokens_than_padded_sequences() -> None:
    pairs = examples()
    padded = SequenceExamples(pairs.sequences).batch(torch.arange(18)).input_ids
    assert pairs.batch(torch.arange(9)).input_ids.numel() < 0.45 * padded.numel()


@torch.no_grad()
def test_log_probabilities_are_those_of_single_sequences() -> None:
    torch.manual_seed(0)
    scorer, pairs = TokenScorer(LlamaForCausalLM(LlamaConfig(**SIZE)).eval()), examples()
    single = SequenceExamples(pairs.sequences).batch(torch.arange(18))
    packed = pairs.batch(torch.arange(9))
    assert packed.completion_mask.equal(single.completion_mask)
    assert packed.targets[packed.completion_mask].equal(single.targets[single.completion_mask])
    assert torch.allclose(scorer(packed), scorer(single), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_of_one_prompt_are_read_as_single_sequences(family: str) -> None:
    """What every response token is predicted from, and gradients, of a step that takes some samples of each prompt."""
    model, chance = made(family), torch.Generator().manual_seed(1)
    prompts = [torch.randint(3, 60, (size,), generator=chance).tolist() for size in (7, 1, 12)]
    said = [torch.randint(3, 60, (1 + place % 5,), generator=chance).tolist() for place in range(12)]
    every = Sequences.of([Encoded(prompts[n // 4] + one, len(prompts[n // 4])) for n, one in enumerate(said)], pad=0)
    rows = torch.tensor([3, 8, 0, 1, 11, 6, 9])
    choose_attention(model, 64)
    scorer = ValueScorer(model, 0)
    found, alone = (scorer(examples.batch(rows)) for examples in (GroupExamples(every, 4), SequenceExamples(every)))
    assert alone.std() > 0.05
    assert torch.allclose(found, alone, rtol=0, atol=1e-6)
    mine, other = (gradient(model, values.square().sum()) for values in (found, alone))
    assert torch.allclose(mine, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


@torch.no_grad()
def test_masks_fit_bfloat16() -> None:
    model, pairs = made("llama"), examples()
    with autocast(torch.device("cpu"), "bf16"):
        found = RewardScorer(model)(pairs.batch(torch.arange(9))).rewards.squeeze(1)
    assert found.dtype == torch.float32
    assert torch.allclose(found, padded_rewards(model, pairs), rtol=2e-2, atol=5e-2)


@torch.no_grad()
def test_flex_attention_gives_the_same_rewards() -> None:
    """The mask in FlexAttention's plain form: its compiled form errs on some CPUs, and no form has gradients there."""
    model, pairs = made("qwen2"), examples()
    expected = padded_rewards(model, pairs)
    model.set_attn_implementation(FLEX)
    with torch.compiler.set_stance("force_eager"):
        found = RewardScorer(model)(pairs.batch(torch.arange(9))).rewards.squeeze(1)
    assert torch.allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_flex_attention_trains_on_a_gpu() -> None:
    model, pairs = made("qwen2").cuda(), examples()
    theirs = gradient(model, loss_of(padded_rewards(model.cpu(), pairs), pairs.batch(torch.arange(9))))
    choose_attention(model.cuda(), 64)
    assert model.config._attn_implementation == FLEX
    batch = pairs.batch(torch.arange(9)).to(model.device)
    ours = gradient(model, loss_of(RewardScorer(model)(batch).rewards.squeeze(1), batch))
    assert torch.allclose(ours.cpu(), theirs.cpu(), rtol=1e-3, atol=1e-4)


TINY: dict[str, Any] = {key: SIZE[key] for key in ("vocab_size", "hidden_size", "num_hidden_layers", "pad_token_id")}


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lambda: MambaForCausalLM(MambaConfig(**TINY)), id="recurrent"),
        pytest.param(lambda: BloomForCausalLM(BloomConfig(**TINY, n_head=4)), id="alibi"),
    ],
)
def test_a_model_that_mixes_sequences_is_refused(model: Callable[[], PreTrainedModel]) -> None:
    with pytest.raises(ModelError, match="cannot read two responses after one prompt"):
        choose_attention(model(), 64)


def test_more_tokens_than_an_attention_window_are_refused() -> None:
    model = MistralForCausalLM(MistralConfig(**SIZE, num_key_value_heads=2, sliding_window=16))
    choose_attention(model, 16)
    with pytest.raises(ConfigError, match="set it to 16 or less"):
        choose_attention(model, 17)
