"""What to train: a word (`reward`, `dpo`, `sft`, any objective) and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, model_validator

from schemas.base import Plugin, Strict
from schemas.errors import ConfigError, UnknownPlugin, explain_settings
from schemas.registry import Registry
from training.checkpoint import Head
from training.lora import Lora
from training.objectives import Objective
from training.objectives.likelihood import LIKELIHOOD
from training.objectives.pairwise import PAIRWISE, Pairwise
from training.objectives.policy import POLICY, Policy
from training.objectives.policy.ppo import Ppo
from training.objectives.reward import REWARD
from training.rollout import RolloutSettings
from training.rollout.samplers.vllm import VLLM
from training.settings import JUDGE, RULE, FitSettings

FAMILIES: tuple[Registry[Any], ...] = (LIKELIHOOD, PAIRWISE, REWARD, POLICY)


def words() -> dict[str, Registry[Any]]:
    """Every word that names a job, with the registry that knows it: each objective, and each family's own name."""
    families = {registry.base.family: registry for registry in FAMILIES}
    return families | {name: registry for registry in FAMILIES for name in registry.classes}


def objective_of(spec: object) -> Objective:
    """An objective from a word, a spec with `name`, or itself. A family's name means its default objective."""
    if isinstance(spec, Objective):
        return spec
    fields = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    known = words()
    name = str(fields.get("name"))
    if name not in known:
        raise UnknownPlugin("training.objectives", name, sorted(known))
    registry = known[name]
    return registry.build(fields if name in registry.classes else {**fields, "name": registry.base.default})


AnyObjective = Annotated[Objective, BeforeValidator(objective_of), PlainSerializer(Plugin.spec)]


class TrainSettings(Strict):
    """One training run: what to minimise, how, and on how much text."""

    objective: AnyObjective
    fit: FitSettings = FitSettings()
    max_length: int = Field(default=1024, ge=2)
    """Tokens of prompt and response together; longer pairs are dropped and counted."""
    head: Head = "normal"
    """How a fresh reward head starts: small random numbers, or zero."""
    lora: Lora | None = None
    """Learn low-rank adapters instead of all weights, and merge them at the end."""
    reference: str | None = None
    """The policy that log-ratios are taken to, such as the one that the first of several iterations started from: a
    folder or a hub name. None: the one that training starts from."""
    rollout: RolloutSettings | None = None
    """What is sampled between steps, and what rewards it: of objectives that learn from their own responses."""
    held_out: float = Field(default=0.05, gt=0, lt=1)
    """Share of the train split's prompts that measures the held-out loss, where `fit.patience` is set."""

    @property
    def models(self) -> list[str]:
        """The models that the settings name: what rewards, a critic's start, a reference."""
        rewards = [one.source for one in self.rollout.rewards] if self.rollout else []
        critic = self.objective.critic if isinstance(self.objective, Ppo) else None
        named = [one for one in rewards if not one.startswith((RULE, JUDGE))]
        return [*named, *(one for one in (critic, self.reference) if one is not None)]

    @model_validator(mode="after")
    def _the_reference_is_looked_at(self) -> Self:
        if self.reference is not None and not (isinstance(self.objective, Pairwise) and self.objective.needs_reference):
            raise ValueError(f"reference: {self.objective.name} looks at no policy but its start; leave it out")
        return self

    @model_validator(mode="after")
    def _rollouts_are_learned_from(self) -> Self:
        if self.rollout is None:
            return self
        if not isinstance(self.objective, Policy):
            raise ValueError(f"rollout: {self.objective.name} learns from pairs; leave it out")
        if self.lora is not None and isinstance(self.rollout.sampler, VLLM):
            raise ValueError("rollout.sampler: vllm is given whole weights; name transformers, or leave lora out")
        return self


def settings_of(job: str, changes: Mapping[str, Any] | None = None) -> TrainSettings:
    """Defaults of a job with changes: `beta`, `fit.epochs` (or `epochs`), `max_length`, or nested mappings."""
    objective: dict[str, Any] = {"name": job}
    known = objective_of(job)
    fit: dict[str, Any] = {"learning_rate": known.learning_rate}
    if known.whole_steps:
        fit["micro_batch_tokens"] = "all"
    rest: dict[str, Any] = {}
    for key, value in (changes or {}).items():
        first, _, last = key.partition(".")
        if key in ("fit", "objective"):
            {"fit": fit, "objective": objective}[key].update(value)
        elif first == "fit" or key in FitSettings.model_fields:
            fit[last or first] = value
        elif key in TrainSettings.model_fields:
            rest[key] = value
        elif first in TrainSettings.model_fields and first != "objective":
            rest.setdefault(first, {})[last] = value
        else:
            objective[last if first == "objective" else key] = value
    try:
        return TrainSettings.model_validate({"objective": objective, "fit": fit, **rest})
    except ValidationError as error:
        raise ConfigError(f"{job}: {explain_settings(error)}") from error
