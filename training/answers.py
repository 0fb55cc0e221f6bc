"""What a policy and the model it started from answer to held-out prompts, and how far apart the two are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from accelerate import PartialState
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from schemas.base import Strict
from schemas.errors import InputError
from training.batches import GroupExamples
from training.checkpoint import Loaded, load_policy
from training.evaluate.rewards import Item
from training.progress import Report, silent
from training.rollout import AnySampler, Prompt, prompts_of
from training.rollout.record import estimates
from training.rollout.responses import grouped, mask_of, sample, texts_of, token_logps
from training.rollout.samplers import Sampled, Sampling
from training.rollout.samplers.transformers import Transformers
from training.score import MeanState, TokenScorer, score_all


class Asking(Strict):
    """How many prompts are asked, and how."""

    prompts: int = Field(default=128, ge=2)
    """Most prompts of the test split."""
    samples: int = Field(default=4, ge=1)
    """Responses to each; diversity per input needs 2."""
    max_length: int = Field(default=1024, ge=2)
    """Tokens of prompt and response together; longer prompts are left out."""
    max_tokens: int = Field(default=256, ge=1)
    """Of a response with its end token."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the sampling, and so of the probabilities that are compared."""
    seed: int = 0
    sampler: AnySampler = Transformers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """N = P * S responses of one model, prompt by prompt."""

    sampled: Sequence[Sampled]
    """[N] token ids"""
    texts: Sequence[str]
    """[N]"""
    surprise: NDArray[np.float64]
    """[N] -log p under the model itself, in nats: its mean per token is the entropy"""
    vectors: NDArray[np.float64]
    """[N, H] mean hidden states under the reference"""

    @property
    def tokens(self) -> NDArray[np.float64]:
        """[N] with the end token."""
        return np.array([len(one.ids) for one in self.sampled], dtype=np.float64)

    @property
    def stopped(self) -> NDArray[np.float64]:
        """[N] 1 where the model ended it, 0 where it was cut off."""
        return np.array([one.stopped for one in self.sampled], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """A policy and its reference on the same P prompts, with the same draws: equal weights give equal answers."""

    prompts: Sequence[Prompt]
    """[P]"""
    too_long: int
    """Prompts that were left out because they leave no room for a response"""
    samples: int
    """S"""
    policy: Answers
    reference: Answers
    kl: Mapping[str, NDArray[np.float64]]
    """[N] nats each, of the policy's responses: `kl`, `kl_k2`, `kl_k3`"""
    vocabulary: int
    """Tokens that the policy chooses among"""

    @property
    def rows(self) -> NDArray[np.str_]:
        """[N] the prompt of each response."""
        return np.repeat([one.prompt_id for one in self.prompts], self.samples)

    @property
    def items(self) -> list[Item]:
        """[2N] what to reward: the policy's responses, then the reference's."""
        asked = [one.messages for one in self.prompts for _ in range(self.samples)]
        return [item for who in (self.policy, self.reference) for item in zip(asked, who.texts, strict=True)]

    def of_prompts(self, values: Sequence[str] | NDArray[np.float64]) -> NDArray[np.generic]:
        """[P, S, ...] of [N, ...]."""
        found = np.asarray(values)
        return found.reshape(len(self.prompts), self.samples, *found.shape[1:])


def answers_of_both(
    policy: Path | str, reference: Path | str, pairs: pa.Table, asking: Asking, report: Report = silent
) -> Both:
    """Ask both the prompts of some pairs. One model is in memory at a time."""
    moved = _loaded(policy)
    prompts, too_long = prompts_of(pairs, moved, asking.max_length - asking.max_tokens)
    prompts = prompts[: asking.prompts]
    if len(prompts) < 2:
        raise InputError(f"{len(prompts)} held-out prompts are short enough; intervals need 2 or more.")
    report("sample", 0, 2)
    ours = _asked(moved, policy, prompts, asking)
    said = grouped(moved, prompts, ours)
    own = _logps(moved, said, asking)
    texts, vocabulary = texts_of(moved, ours), len(moved.tokenizer)
    del moved
    report("sample", 1, 2)
    still = _loaded(reference)
    theirs = _asked(still, reference, prompts, asking)
    others = grouped(still, prompts, theirs)
    mask = mask_of(said)
    kl = estimates((own - _logps(still, said, asking)).where(mask, 0), mask)
    report("sample", 2, 2)
    return Both(
        prompts=prompts,
        too_long=too_long,
        samples=asking.samples,
        policy=_answers(texts, ours, own, _states(still, said)),
        reference=_answers(texts_of(still, theirs), theirs, _logps(still, others, asking), _states(still, others)),
        kl={name: each.double().numpy() for name, each in kl.items()},
        vocabulary=vocabulary,
    )


def _loaded(model: Path | str) -> Loaded:
    loaded = load_policy(model)
    loaded.model.to(PartialState().device)  # pyright: ignore[reportArgumentType]
    return loaded


def _asked(loaded: Loaded, model: Path | str, prompts: Sequence[Prompt], asking: Asking) -> list[Sampled]:
    sampling = Sampling(temperature=asking.temperature, max_tokens=asking.max_tokens)
    with asking.sampler.start(loaded, str(model)) as engine, engine.awake():
        return sample(engine, prompts, asking.samples, sampling, asking.seed, "evaluate")


def _logps(loaded: Loaded, responses: GroupExamples, asking: Asking) -> Tensor:
    """[N, C] of single tokens, 0 beyond a response."""
    return token_logps(TokenScorer(loaded.model, asking.temperature), responses)


def _states(loaded: Loaded, responses: GroupExamples) -> Tensor:
    """[N, H] means over the tokens of each response."""
    return score_all(MeanState(loaded.model), responses, lambda states, _: states)


def _answers(texts: list[str], said: Sequence[Sampled], logps: Tensor, states: Tensor) -> Answers:
    return Answers(
        sampled=said,
        texts=texts,
        surprise=-logps.double().sum(1).numpy(),
        vectors=states.double().numpy(),
    )
