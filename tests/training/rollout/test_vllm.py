"""The real vLLM beside a policy that learns: it samples from the weights that it was given last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from training.checkpoint import Loaded, load_policy, save
from training.rollout.samplers import SAMPLERS, Sampled, Sampling

pytest.importorskip("vllm", reason="vLLM is not installed")

PROMPTS = [[1, 8, 9], [1, 10], [1, 11, 12, 13, 14]]
GREEDY = Sampling(temperature=0, max_tokens=12)


@pytest.fixture
def wide_folder(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> Path:
    """A model with heads that vLLM's CPU build knows: 32 wide or more."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return save(tmp_path / "wide", Loaded(LlamaForCausalLM(config), tokenizer))


@pytest.mark.timeout(600)
def ids(said: Sequence[Sampled]) -> list[list[int]]:
    return [one.ids for one in said]


def test_new_weights_are_sampled_from(wide_folder: Path) -> None:
    policy = load_policy(wide_folder)
    threads = torch.get_num_threads()
    sampler = SAMPLERS.build({"name": "vllm", "dtype": "float32", "max_model_len": 64, "enforce_eager": True})
    with (
        SAMPLERS.build("transformers").start(policy, "") as plain,
        sampler.start(policy, str(wide_folder)) as engine,
    ):
        assert torch.get_num_threads() == threads, "the trainer's threads are its own"
        with engine.awake():
            first = engine.sample(PROMPTS, [0] * 3, GREEDY)
        assert ids(first) == ids(plain.sample(PROMPTS, [0] * 3, GREEDY))

        chance = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for weight in policy.model.parameters():
                weight.add_(0.2 * torch.randn(weight.shape, generator=chance))
        with engine.awake():
            second = engine.sample(PROMPTS, [0] * 3, GREEDY)
            drawn, again = (engine.sample([PROMPTS[0]] * 40, list(range(40)), Sampling(max_tokens=8)) for _ in range(2))
        assert ids(second) == ids(plain.sample(PROMPTS, [0] * 3, GREEDY))
        assert second != first
        assert drawn == again
        assert len({tuple(one.ids) for one in drawn}) > 30
        assert all(one.stopped == (one.ids[-1] == 2) for one in drawn)
