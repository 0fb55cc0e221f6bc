"""Train on responses that the policy samples as it learns: rollout, reward, credit, steps, and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor, nn
from torch.nn.functional import pad

from schemas.errors import ConfigError, InputError
from schemas.ids import seed_of
from training.batches import SequenceExamples, Sequences
from training.checkpoint import Loaded
from training.loop import FitSettings
from training.objectives.policy import Policy, Rollouts
from training.prepare import pad_of
from training.rollout import Prompt, RolloutSettings, permutation
from training.rollout.record import Rollout, RolloutExamples, distances, explained, figures_of
from training.rollout.rewards import Composition
from training.rollout.samplers import Engine, Sampled, Sampling
from training.score import TokenScorer, score_all
from training.tokens import Encoded, Messages

HELD_OUT_PROMPTS = 256
"""Most prompts of the test split that are answered before and after."""


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
        if fit.patience is not None:
            raise ConfigError("An online run has no held-out loss to be patient with; leave fit.patience out.")
        if PartialState().num_processes > 1:
            raise ConfigError("An online run takes one process; start it without torchrun.")
        self.objective, self.fit, self.settings = objective, fit, settings
        self.prompts, self.loaded, self.scorer = prompts, loaded, scorer
        self.engine, self.rewards, self.folder = engine, rewards, folder
        self.rollouts = max(1, round(fit.epochs * len(prompts) / settings.prompts))
        self.steps = settings.passes * -(-min(settings.prompts, len(prompts)) * settings.samples // fit.batch_size)
        self.total = self.rollouts * self.steps
        # The policy that learns may be another than the one that sampled.
        self.stale = self.steps > 1
        self.reference = None
        if objective.needs_reference or settings.watch_kl:
            self.reference = TokenScorer(deepcopy(loaded.model).requires_grad_(False), objective.temperature)
        self.known = self._references() if rewards.reads_references else None

    def after(self, done: int) -> Iterator[tuple[RolloutExamples, Tensor, Mapping[str, float]]]:
        """What every step after the first `done` learns: examples, the rows of them, and figures of the rollout."""
        for number in range(done // self.steps, self.rollouts):
            rollout = self._stored(number) or self._collect(number)
            orders = self._orders(number, len(rollout.examples))
            for rows in orders[max(0, done - number * self.steps) :]:
                yield rollout.examples, rows, rollout.figures

    def mean_reward(self, prompts: Sequence[Prompt]) -> dict[str, float]:
        """Figures of one response to each of `prompts` by the policy as it is; none without prompts."""
        if not prompts:
            return {}
        seeds = [seed_of(self.fit.seed, "test", one.prompt_id) for one in prompts]
        self.engine.push()
        sampled = self._sample(prompts, seeds, self.objective.temperature)
        tokens = torch.tensor([len(one.ids) for one in sampled])
        raw = self.rewards.raw(self._items(prompts, sampled))
        return {"length": float(tokens.float().mean()), **self.rewards.figures(raw)}

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
        figures = self.rewards.figures(raw) | figures_of(given, stopped)
        if self.reference is not None:
            figures |= distances(scored["old"], divergence, mask)
        if objective.reads_values:
            figures["explained_variance"] = explained(credit.returns[mask], scored["values"][mask])
        parts = {
            "old": scored["old"] if self.stale else scored["old"][:, :0],
            "reference": scored["reference"],
            "advantage": credit.advantage,
            "returns": credit.returns,
            "values": scored["values"],
            "learn": torch.full((len(mask),), float(objective.learns(number))),
        }
        rollout = Rollout(RolloutExamples(sequences, objective.units(mask), parts), figures, [*worth.states])
        rollout.write(self._file(number))
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
        elif self.stale or self.reference is not None:
            found["old"] = score_all(self.scorer, examples, lambda one, _: wide(one), self.fit.precision)
        if self.reference is not None:
            found["reference"] = score_all(self.reference, examples, lambda one, _: wide(one), self.fit.precision)
        self.scorer.train()
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
        before = self._stored(number - 1) if number else None
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

    def _stored(self, number: int) -> Rollout | None:
        return Rollout.read(self._file(number), pad_of(self.loaded.tokenizer))
