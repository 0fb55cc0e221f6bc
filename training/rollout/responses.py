"""What a policy says to prompts: sampled, as texts, and as sequences to score."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from schemas.ids import seed_of
from training.batches import GroupExamples, Sequences
from training.checkpoint import Loaded
from training.prepare import pad_of
from training.rollout import Prompt
from training.rollout.samplers import Engine, Sampled, Sampling
from training.score import score_all
from training.settings import Precision
from training.tokens import Encoded


def sample(
    engine: Engine, prompts: Sequence[Prompt], samples: int, sampling: Sampling, *parts: object
) -> list[Sampled]:
    """[P * samples] responses to P prompts, those to one side by side, by an engine that is awake.

    `parts` keep their seeds apart from those of other responses.
    """
    asked = [(prompt, n) for prompt in prompts for n in range(samples)]
    seeds = [seed_of(*parts, prompt.prompt_id, n) for prompt, n in asked]
    return engine.sample([prompt.ids for prompt, _ in asked], seeds, sampling)


def texts_of(loaded: Loaded, said: Sequence[Sampled]) -> list[str]:
    """[N] what the responses read, without special tokens and space around it."""
    texts = loaded.tokenizer.batch_decode([one.ids for one in said], skip_special_tokens=True)
    return [text.strip() for text in texts]


def grouped(loaded: Loaded, prompts: Sequence[Prompt], said: Sequence[Sampled]) -> GroupExamples:
    """N = P * S responses with their prompts [P]."""
    samples = len(said) // len(prompts)
    asked = [prompt for prompt in prompts for _ in range(samples)]
    encoded = [Encoded(prompt.ids + one.ids, len(prompt.ids)) for prompt, one in zip(asked, said, strict=True)]
    return GroupExamples(Sequences.of(encoded, pad_of(loaded.tokenizer)), samples)


def mask_of(responses: GroupExamples) -> Tensor:
    """[N, C] bool, true on tokens of the responses; C: tokens of the longest."""
    return responses.sequences.responses(torch.arange(len(responses)))[2]


def sampled_logps(said: Sequence[Sampled]) -> Tensor | None:
    """[N, C] float32 log-probabilities as the engine had them, 0 beyond a response; None where it does not say."""
    if not all(one.logps for one in said):
        return None
    return pad_sequence([torch.tensor(one.logps) for one in said], batch_first=True)


def token_logps(scorer: nn.Module, responses: GroupExamples, precision: Precision = "no") -> Tensor:
    """[N, C] log-probabilities of single tokens by a scorer that makes nothing else; 0 beyond a response."""
    most = int(responses.units.max())
    return score_all(scorer, responses, lambda logps, _: wide(logps, most), precision)


def wide(values: Tensor, most: int) -> Tensor:
    """[N, most] of [N, C], filled with 0."""
    return pad(values, (0, most - values.shape[1]))
