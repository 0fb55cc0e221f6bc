"""Train on responses that the policy samples as it learns: rollout, reward, credit, steps, and again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
import torch
from accelerate import PartialState
from pydantic import BeforeValidator, Field, PlainSerializer
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import pad

from schemas.base import Plugin, Strict
from schemas.errors import ConfigError, InputError
from schemas.ids import content_id
from training.batches import SequenceExamples, Sequences
from training.checkpoint import Loaded
from training.loop import FitSettings
from training.objectives.policy import Policy, RolloutBatch, Rollouts
from training.prepare import pad_of
from training.rollout.rewards import Component, Composition
from training.rollout.samplers import SAMPLERS, Engine, Sampled, Sampler, Sampling
from training.rollout.samplers.transformers import Transformers
from training.score import TokenScorer, score_all
from training.tokens import Encoded, Messages, encode_prompts

AnySampler = Annotated[Sampler, BeforeValidator(SAMPLERS.build), PlainSerializer(Plugin.spec)]

HELD_OUT_PROMPTS = 256
"""Most prompts of the test split that are answered before and after."""


class RolloutSettings(Strict):
    """What is sampled between steps, and what rewards it."""

    prompts: int = Field(default=16, ge=1)
    """Of the train split, for each rollout; an epoch is all of them once."""
    samples: int = Field(default=4, ge=1)
    """Responses to each."""
    max_tokens: int = Field(default=256, ge=1)
    """Of a response with its end token."""
    passes: int = Field(default=1, ge=1)
    """Times that a rollout is learned from."""
    sampler: AnySampler = Transformers()
    rewards: tuple[Component, ...] = ()
    """Models and judges that reward; their parts are added."""
    cut_off: float = 0.0
    """Taken from the reward of a response that reached `max_tokens`."""
    references: int = Field(default=4, ge=1)
    """Responses of the policy as it started to each prompt, where a transform of a reward compares with them."""
    watch_kl: bool = True
    """Measure the distance from the policy as it started also where the objective does not look at it."""


class Prompt(NamedTuple):
    """What is asked."""

    prompt_id: str
    messages: Messages
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Rollout:
    """N = P * G responses with their rewards and credit, ready to be learned."""

    examples: RolloutExamples
    figures: Mapping[str, float]
    """Of the whole rollout"""
    states: list[Any]
    """Of every reward component's transforms, after it"""


class RolloutExamples:
    """Sampled responses. What each counts in the mean of a step is the objective's to say."""

    def __init__(self, sequences: Sequences, units: Tensor, parts: Mapping[str, Tensor]) -> None:
        """`parts` are the fields that RolloutBatch has beyond SequenceBatch, [N, C] or [N]."""
        self.responses = SequenceExamples(sequences)
        self.lengths = self.tokens = sequences.lengths
        self.units = units
        self.parts = parts

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> RolloutBatch:
        """The padded batch of the given responses."""
        batch = self.responses.batch(rows)
        most = batch.completion_mask.shape[1]
        parts = {name: part[rows, :most] if part.dim() > 1 else part[rows] for name, part in self.parts.items()}
        return RolloutBatch(**vars(batch), **parts)


class Online:
    """The steps of an online run: every rollout is sampled with the weights that the steps before it have made.

    Each is kept in the run's folder until the run ends, so that a run that was killed learns from the same.
    """

    def __init__(
        self,
        objective: Policy,
        fit: FitSettings,
        settings: RolloutSettings,
        prompts: Sequence[Prompt],
        loaded: Loaded,
        scorer: nn.Module,
        engine: Engine,
        rewards: Composition,
        folder: Path,
    ) -> None:
        """`scorer` makes log-probabilities of `loaded`, whose weights at this moment are the reference."""
        if not prompts:
            raise InputError("No prompt of the train split is short enough; raise max_length.")
        if settings.samples < objective.least_samples:
            raise ConfigError(f"{objective.name} compares responses; set rollout.samples to 2 or more.")
        if PartialState().num_processes > 1:
            raise ConfigError("An online run takes one process; start it without torchrun.")
        self.objective, self.fit, self.settings = objective, fit, settings
        self.prompts, self.loaded, self.scorer = prompts, loaded, scorer
        self.engine, self.rewards, self.folder = engine, rewards, folder
        self.rollouts = max(1, round(fit.epochs * len(prompts) / settings.prompts))
        self.steps = settings.passes * -(-min(settings.prompts, len(prompts)) * settings.samples // fit.batch_size)
        self.total = self.rollouts * self.steps
        self.reference = None
        if objective.needs_reference or settings.watch_kl:
            self.reference = TokenScorer(deepcopy(loaded.model).requires_grad_(False), objective.temperature)
        self.known = self._references() if rewards.reads_references else None

    def after(self, done: int) -> Iterator[tuple[RolloutExamples, Tensor, Mapping[str, float]]]:
        """What every step after the first `done` learns: examples, the rows of them, and figures of the rollout."""
        for number in range(done // self.steps, self.rollouts):
            rollout = self._read(number) or self._collect(number)
            orders = self._orders(number, len(rollout.examples))
            for rows in orders[max(0, done - number * self.steps) :]:
                yield rollout.examples, rows, rollout.figures

    def mean_reward(self, prompts: Sequence[Prompt]) -> dict[str, float]:
        """Figures of one response to each of `prompts` by the policy as it is."""
        seeds = [seed_of(self.fit.seed, "test", one.prompt_id) for one in prompts]
        self.engine.push()
        sampled = self._sample(prompts, seeds, self.objective.temperature)
        tokens = torch.tensor([len(one.ids) for one in sampled])
        raw = self.rewards.raw(self._items(prompts, sampled))
        names = [f"reward_{place}" for place in range(len(raw))] if len(raw) > 1 else ["reward"]
        return {"length": float(tokens.float().mean()), **dict(zip(names, raw.mean(1).tolist(), strict=True))}

    def _collect(self, number: int) -> Rollout:
        """Sample, reward and credit rollout `number`, and keep it."""
        objective, settings = self.objective, self.settings
        chosen = self._chosen(number)
        asked = [prompt for prompt in chosen for _ in range(settings.samples)]
        seeds = [seed_of(self.fit.seed, number, one.prompt_id, n % settings.samples) for n, one in enumerate(asked)]
        self.engine.push()
        sampled = self._sample(asked, seeds, objective.temperature)
        encoded = [Encoded(one.ids + said.ids, len(one.ids)) for one, said in zip(asked, sampled, strict=True)]
        sequences = Sequences.of(encoded, pad_of(self.loaded.tokenizer))
        mask = sequences.responses(torch.arange(len(encoded)))[2]
        scored = self._scored(sequences, mask)

        tokens = mask.sum(1)
        raw = self.rewards.raw(self._items(asked, sampled))
        known = self._known(chosen) if self.known is not None else raw.new_zeros(*raw.shape, 0)
        worth = self.rewards.worth(raw, known, tokens, self._states(number))
        stopped = torch.tensor([one.stopped for one in sampled])
        rewards = worth.rewards - settings.cut_off * (~stopped)
        greedy = self._greedy(chosen, known, number) if objective.reads_greedy else rewards[:0]
        divergence = (scored["old"] - scored["reference"]).where(mask, 0) if self.reference else mask * 0.0
        given = Rollouts(rewards, mask, divergence, settings.samples, greedy, scored["values"])
        credit = objective.credit(given)
        figures = {
            "reward": float(raw.sum(0).mean()) if len(raw) == 1 else float(rewards.mean()),
            "shaped_reward": float(rewards.mean()),
            "reward_deviation": float(given.grouped(rewards).std(1).mean()) if settings.samples > 1 else 0.0,
            "equal_groups": float((given.grouped(rewards).amax(1) == given.grouped(rewards).amin(1)).float().mean()),
            "length": float(tokens.float().mean()),
            "stopped": float(stopped.float().mean()),
            **distances(scored["old"], divergence, mask, self.reference is not None),
        }
        if len(raw) > 1:
            figures |= {f"reward_{place}": float(one.mean()) for place, one in enumerate(raw)}
        if objective.reads_values:
            left = (credit.returns - scored["values"])[mask].var() / credit.returns[mask].var().clamp(min=1e-8)
            figures["explained_variance"] = float(1 - left)
        alone = self.steps == 1 and not objective.reads_values
        parts = {
            "old": scored["old"][:, :0] if alone else scored["old"],
            "reference": scored["reference"],
            "advantage": credit.advantage,
            "returns": credit.returns,
            "values": scored["values"],
            "learn": torch.full((len(mask),), float(objective.learns(number))),
        }
        rollout = Rollout(RolloutExamples(sequences, objective.units(mask), parts), figures, [*worth.states])
        self._keep(number, rollout)
        return rollout

    def _scored(self, sequences: Sequences, mask: Tensor) -> dict[str, Tensor]:
        """[N, C] each: log-probabilities under the policy as it is (`old`) and as it started, and a critic's values."""
        examples, most = SequenceExamples(sequences), mask.shape[1]
        nothing = torch.zeros(mask.shape)
        found = {"old": nothing, "reference": nothing, "values": nothing}

        def wide(values: Tensor) -> Tensor:
            return pad(values, (0, most - values.shape[1]))

        if self.objective.reads_values:
            both = score_all(
                self.scorer,
                examples,
                lambda one, _: torch.stack([wide(one.logps), wide(one.values)], 1),
                self.fit.precision,
            )
            found["old"], found["values"] = both.unbind(1)
        elif self.steps > 1 or self.reference is not None:
            found["old"] = score_all(self.scorer, examples, lambda one, _: wide(one), self.fit.precision)
        if self.reference is not None:
            found["reference"] = score_all(self.reference, examples, lambda one, _: wide(one), self.fit.precision)
        return found

    def _sample(self, prompts: Sequence[Prompt], seeds: Sequence[int], temperature: float) -> list[Sampled]:
        sampling = Sampling(temperature=temperature, max_tokens=self.settings.max_tokens)
        return self.engine.sample([one.ids for one in prompts], seeds, sampling)

    def _items(self, prompts: Sequence[Prompt], sampled: Sequence[Sampled]) -> list[tuple[Messages, str]]:
        texts = self.loaded.tokenizer.batch_decode([one.ids for one in sampled], skip_special_tokens=True)
        return [(one.messages, text.strip()) for one, text in zip(prompts, texts, strict=True)]

    def _greedy(self, chosen: Sequence[Prompt], known: Tensor, number: int) -> Tensor:
        """[P] rewards of the greedy responses, shaped as those of the samples are."""
        sampled = self._sample(chosen, [0] * len(chosen), 0.0)
        raw = self.rewards.raw(self._items(chosen, sampled))
        tokens = torch.tensor([len(one.ids) for one in sampled])
        worth = self.rewards.worth(raw, known[:, :: self.settings.samples], tokens, self._states(number))
        cut = torch.tensor([not one.stopped for one in sampled])
        return worth.rewards - self.settings.cut_off * cut

    def _chosen(self, number: int) -> list[Prompt]:
        """The prompts of a rollout: an epoch is a permutation, and goes over into the next."""
        count, size = len(self.prompts), min(self.settings.prompts, len(self.prompts))
        places = range(number * size, (number + 1) * size)
        order = {epoch: permutation(count, self.fit.seed, "prompts", epoch) for epoch in {at // count for at in places}}
        return [self.prompts[int(order[at // count][at % count])] for at in places]

    def _orders(self, number: int, count: int) -> list[Tensor]:
        """The rows of every step on a rollout. Passes are permutations of their own."""
        orders = [permutation(count, self.fit.seed, "rows", number, n) for n in range(self.settings.passes)]
        return [rows for order in orders for rows in order.split(self.fit.batch_size)]

    def _states(self, number: int) -> Any:
        """The states of the rewards' transforms before a rollout."""
        before = self._read(number - 1) if number else None
        return before.states if before else self.rewards.start()

    def _references(self) -> Tensor:
        """[K, P, M] rewards of responses of the policy as it started to all prompts, in their order."""
        count = self.settings.references
        asked = [prompt for prompt in self.prompts for _ in range(count)]
        seeds = [seed_of(self.fit.seed, "reference", one.prompt_id, n % count) for n, one in enumerate(asked)]
        self.engine.push()
        raw = self.rewards.raw(self._items(asked, self._sample(asked, seeds, self.objective.temperature)))
        return raw.view(len(raw), -1, count)

    def _known(self, chosen: Sequence[Prompt]) -> Tensor:
        """[K, N, M] the reference rewards of each response's prompt."""
        assert self.known is not None
        places = {one.prompt_id: place for place, one in enumerate(self.prompts)}
        rows = torch.tensor([places[one.prompt_id] for one in chosen])
        return self.known[:, rows].repeat_interleave(self.settings.samples, dim=1)

    def _file(self, number: int) -> Path:
        return self.folder / f"rollout-{number:06d}.safetensors"

    def _keep(self, number: int, rollout: Rollout) -> None:
        """Store a rollout, whole or not at all."""
        sequences = rollout.examples.responses.sequences
        tensors = {name: getattr(sequences, name) for name in ("ids", "starts", "lengths", "cuts")}
        tensors |= {"units": rollout.examples.units, **rollout.examples.parts}
        about = {"figures": json.dumps(rollout.figures), "states": json.dumps(rollout.states)}
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self._file(number).with_suffix(".draft")
        save_file({name: value.clone().contiguous() for name, value in tensors.items()}, draft, metadata=about)
        draft.replace(self._file(number))

    def _read(self, number: int) -> Rollout | None:
        """A rollout that was kept; None where it was not sampled yet."""
        if not self._file(number).is_file():
            return None
        with safe_open(self._file(number), "pt") as stored:
            about = stored.metadata()
        tensors = load_file(self._file(number))
        where = {name: tensors.pop(name) for name in ("ids", "starts", "lengths", "cuts")}
        sequences = Sequences(**where, pad=pad_of(self.loaded.tokenizer))
        examples = RolloutExamples(sequences, tensors.pop("units"), tensors)
        return Rollout(examples, json.loads(about["figures"]), json.loads(about["states"]))


def prompts_of(pairs: pa.Table, loaded: Loaded, most: int) -> list[Prompt]:
    """The prompts of some pairs, each once, that leave room: at most `most` tokens."""
    rows = {row["prompt_id"]: row["prompt"] for row in pairs.select(["prompt_id", "prompt"]).to_pylist()}
    encoded = encode_prompts(loaded.tokenizer, list(rows.values()))
    found = [Prompt(*one) for one in zip(rows, rows.values(), encoded, strict=True)]
    return [prompt for prompt in found if len(prompt.ids) <= most]


def distances(old: Tensor, divergence: Tensor, mask: Tensor, known: bool) -> dict[str, float]:
    """Entropy of the sampling policy in nats per token, and its KL from the start, in nats per response, three ways.

    http://joschu.net/blog/kl-approx.html: k1 = u, k2 = u^2 / 2, k3 = e^-u - 1 + u of single tokens, with u the
    log-ratio; each is summed over a response.
    """
    figures = {"entropy": float(-old[mask].mean())}
    if known:
        each = {
            "kl": divergence,
            "kl_k2": divergence.square() / 2,
            "kl_k3": (-divergence).exp() - 1 + divergence,
        }
        figures |= {name: float(values.where(mask, 0).sum(1).mean()) for name, values in each.items()}
    return figures


def seed_of(*parts: object) -> int:
    """A seed that depends on all of `parts`, and on nothing else."""
    return int(content_id("seed", *parts)[:15], 16)


def permutation(count: int, *parts: object) -> Tensor:
    """[count] an order that depends on `parts`."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed_of(*parts)))
