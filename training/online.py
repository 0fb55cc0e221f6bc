"""Train on responses that the policy samples as it learns: rollout, reward, credit, steps, and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor, nn

from schemas.errors import ConfigError, InputError
from training.batches import GroupExamples
from training.checkpoint import Loaded
from training.data import Version
from training.evaluate.implicit_reward import Rewards
from training.jobs import TrainSettings
from training.loop import walk
from training.objectives.policy import Policy, Rollouts
from training.prepare import TOO_LONG, pad_of
from training.progress import Report, followed
from training.rollout import Prompt, RolloutSettings, permutation, prompts_of
from training.rollout.record import Rollout, RolloutExamples, distances, explained, figures_of
from training.rollout.responses import grouped, mask_of, sample, sampled_logps, texts_of, token_logps, wide
from training.rollout.rewards import Composition
from training.rollout.samplers import Engine, Sampled, Sampling
from training.score import TokenScorer, score_all
from training.settings import FitSettings
from training.tokens import Messages

Around = Callable[[int], AbstractContextManager[Any]]
"""What the gradient of step 1, 2, ... is taken within."""

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
        self.sampling = Sampling(temperature=objective.temperature, max_tokens=settings.max_tokens)
        self.greedy = Sampling(temperature=0, max_tokens=settings.max_tokens)
        self.weights = torch.cat([rewards.weights, torch.tensor([settings.cut_off])])
        self.rollouts = max(1, round(fit.epochs * len(prompts) / settings.prompts))
        self.steps = settings.passes * -(-min(settings.prompts, len(prompts)) * settings.samples // fit.batch_size)
        self.total = self.rollouts * self.steps
        self.reference = None
        if objective.needs_reference or settings.watch_kl:
            self.reference = TokenScorer(deepcopy(loaded.model).requires_grad_(False), objective.temperature)
        self.known = self._references() if rewards.reads_references else {}

    def after(self, done: int) -> Iterator[tuple[RolloutExamples, Tensor, Mapping[str, float]]]:
        """What every step after the first `done` learns: examples, the rows of them, and figures of the rollout."""
        first = done // self.steps
        before = self._stored(first - 1) if first else None
        states = before.states if before else self.rewards.start()
        for number in range(first, self.rollouts):
            rollout = self._stored(number) or self._collect(number, states)
            states = rollout.states
            orders = self._orders(number, len(rollout.examples))
            for rows in orders[max(0, done - number * self.steps) :]:
                yield rollout.examples, rows, rollout.figures

    def around(self, learned: Around) -> Around:
        """What a step is taken within: as `learned` says, and nothing while only the critic learns."""

        def within(step: int) -> AbstractContextManager[Any]:
            return learned(step) if self.objective.learns((step - 1) // self.steps) else nullcontext()

        return within

    def mean_reward(self, prompts: Sequence[Prompt]) -> dict[str, float]:
        """Figures of one response to each of `prompts` by the policy as it is; none without prompts."""
        if not prompts:
            return {}
        with self.engine.awake():
            sampled = sample(self.engine, prompts, 1, self.sampling, self.fit.seed, "test")
        tokens = torch.tensor([len(one.ids) for one in sampled])
        raw = self.rewards.raw(self._items(prompts, sampled))
        return {"length": float(tokens.float().mean()), **self.rewards.figures(raw)}

    def _collect(self, number: int, states: Sequence[Any]) -> Rollout:
        """Sample, reward and credit rollout `number`, and keep it. `states` are those of the rewards' transforms."""
        objective, samples = self.objective, self.settings.samples
        chosen = self._chosen(number)
        asked = [prompt for prompt in chosen for _ in range(samples)]
        with self.engine.awake():
            sampled = sample(self.engine, chosen, samples, self.sampling, self.fit.seed, number)
            greedy = sample(self.engine, chosen, 1, self.greedy) if objective.reads_greedy else []
        responses = grouped(self.loaded, chosen, sampled)
        mask = mask_of(responses)
        scored = self._scored(responses, mask, sampled)

        raw = self.rewards.raw(self._items(asked, sampled))
        parts, after = self._parts(asked, sampled, raw, states)
        baseline = parts[0, :0]
        if greedy:
            worth, _ = self._parts(chosen, greedy, self.rewards.raw(self._items(chosen, greedy)), states)
            baseline = self.weights @ worth
        divergence = (scored["old"] - scored["reference"]).where(mask, 0)
        given = Rollouts(
            self.weights @ parts, mask, divergence, samples, baseline, scored["values"], parts, self.weights
        )
        credit = objective.credit(given)
        stopped = torch.tensor([one.stopped for one in sampled])
        figures = self.rewards.figures(raw) | figures_of(given, stopped)
        if self.reference is not None:
            figures |= distances(scored["old"], divergence, mask)
        if objective.reads_values:
            figures["explained_variance"] = explained(credit.returns[mask], scored["values"][mask])
        learned = {
            **scored,
            # Where one step takes all, the policy that learns is the one that sampled.
            "old": scored["old"] if self.steps > 1 else scored["old"][:, :0],
            "advantage": credit.advantage,
            "returns": credit.returns,
            "learn": torch.full((len(mask),), float(objective.learns(number))),
        }
        rollout = Rollout(RolloutExamples(responses, objective.units(mask), learned), figures, after)
        rollout.write(self._file(number))
        return rollout

    def _scored(self, responses: GroupExamples, mask: Tensor, sampled: Sequence[Sampled]) -> dict[str, Tensor]:
        """[N, C] each: log-probabilities under the policy as it is (`old`) and as it started, and a critic's values.

        What nobody looks at is 0, or for the start as it is now.
        """
        precision = self.fit.precision
        # Where one step takes all, ratios are 1, and what the engine says is near enough to be a distance.
        known = sampled_logps(sampled) if self.steps == 1 and precision == "no" else None
        nothing = torch.zeros(mask.shape)
        found = {"old": nothing, "values": nothing}
        if self.objective.reads_values:
            most = mask.shape[1]
            both = score_all(
                self.scorer,
                responses,
                lambda one, _: torch.stack([wide(one.logps, most), wide(one.values, most)], 1),
                precision,
            )
            found["old"], found["values"] = both.unbind(1)
        elif known is not None:
            found["old"] = known
        elif self.steps > 1 or self.reference is not None:
            found["old"] = token_logps(self.scorer, responses, precision)
        found["reference"] = token_logps(self.reference, responses, precision) if self.reference else found["old"]
        self.scorer.train()
        return found

    def _items(self, prompts: Sequence[Prompt], sampled: Sequence[Sampled]) -> list[tuple[Messages, str]]:
        texts = texts_of(self.loaded, sampled)
        return [(one.messages, text) for one, text in zip(prompts, texts, strict=True)]

    def _parts(
        self, prompts: Sequence[Prompt], sampled: Sequence[Sampled], raw: Tensor, states: Sequence[Any]
    ) -> tuple[Tensor, list[Any]]:
        """[K + 1, N] the parts of the reward, of raw ones [K, N], and the states of the transforms after them.

        The last part is -1 where a response was cut off.
        """
        tokens = torch.tensor([len(one.ids) for one in sampled])
        known = raw.new_zeros(*raw.shape, 0)
        if self.known:
            known = torch.stack([self.known[one.prompt_id] for one in prompts], 1)
        shaped, after = self.rewards.shaped(raw, known, tokens, states)
        return torch.cat([shaped, torch.tensor([[one.stopped - 1.0 for one in sampled]])]), after

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

    def _references(self) -> dict[str, Tensor]:
        """By prompt: [K, M] rewards of responses of the policy as it started."""
        count = self.settings.references
        with self.engine.awake():
            sampled = sample(self.engine, self.prompts, count, self.sampling, self.fit.seed, "reference")
        asked = [prompt for prompt in self.prompts for _ in range(count)]
        raw = self.rewards.raw(self._items(asked, sampled))
        return {one.prompt_id: known for one, known in zip(self.prompts, raw.split(count, dim=1), strict=True)}

    def _file(self, number: int) -> Path:
        return self.folder / f"rollout-{number:06d}.safetensors"

    def _stored(self, number: int) -> Rollout | None:
        return Rollout.read(self._file(number), pad_of(self.loaded.tokenizer))


def run_online(
    objective: Policy,
    settings: TrainSettings,
    version: Version,
    loaded: Loaded,
    unfinished: Path,
    report: Report,
    judges: Mapping[str, Rewards],
) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Train `loaded` in place on its own responses to a version's prompts.

    Returns the metrics of all steps, and figures of responses to prompts of the held-out split, before and after.
    """
    rollout = settings.rollout or RolloutSettings()
    scorer = objective.scorer(loaded.model)
    rewards = Composition(rollout.rewards, judges)
    room = settings.max_length - rollout.max_tokens
    learned, too_long = prompts_of(version.split("train"), loaded, room)
    tested, test_too_long = prompts_of(version.split("test"), loaded, room)
    held_out = tested[:HELD_OUT_PROMPTS]
    with rollout.sampler.start(loaded, str(loaded.model.name_or_path)) as engine:
        steps = Online(objective, settings.fit, rollout, learned, loaded, scorer, engine, rewards, unfinished)
        before = steps.mean_reward(held_out)
        around = steps.around(objective.around(scorer, loaded.tokenizer, settings.max_length, settings.fit.precision))
        history = followed(walk(scorer, steps, objective.loss_of, settings.fit, around, folder=unfinished), report)
        after = steps.mean_reward(held_out)
    figures = {"train_kept": len(learned), "test_kept": len(held_out)}
    figures |= {f"train_dropped_{TOO_LONG}": too_long, f"test_dropped_{TOO_LONG}": test_too_long}
    figures["test_dropped_not_asked"] = len(tested) - len(held_out)
    figures |= {f"test_{name}_before": value for name, value in before.items()}
    figures |= {f"test_{name}": value for name, value in after.items()}
    return history, {name: float(value) for name, value in figures.items()}
