"""Recipes: a declared chain of import, generate, judge, pair, publish, vote and train, in one strict YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, model_validator

from curation.adaptive import Panel
from curation.balance import Balance
from curation.budget import Limits
from curation.engines import ENGINES, Engine
from curation.filters import FILTERS, Filter
from curation.gate import Gate
from curation.generate import Generation
from curation.importers import IMPORTERS, Importer
from curation.judges import JUDGES, ComparingJudge, Judge, RatingJudge
from curation.judges.binary_principle import BinaryPrinciple
from curation.leaks import LeakScan
from curation.pairing import PAIR_BUILDERS, PairBuilder
from curation.principles.stage import PrincipleStage
from curation.rewards import rule_of
from curation.rubrics.settings import RubricStage
from curation.rules import RULES, Rule
from curation.voting.strength import Policy
from schemas.base import Plugin, Strict
from schemas.errors import ConfigError, explain_settings
from schemas.ids import draw
from training.settings import JUDGE, RULE, VoterSettings

if TYPE_CHECKING:
    from training.jobs import TrainSettings

AnyEngine = Annotated[Engine, BeforeValidator(ENGINES.build), PlainSerializer(Plugin.spec)]
AnyFilter = Annotated[Filter, BeforeValidator(FILTERS.build), PlainSerializer(Plugin.spec)]
AnyJudge = Annotated[Judge, BeforeValidator(JUDGES.build), PlainSerializer(Plugin.spec)]
AnyRule = Annotated[Rule, BeforeValidator(RULES.build), PlainSerializer(Plugin.spec)]
AnyImporter = Annotated[Importer, BeforeValidator(IMPORTERS.build), PlainSerializer(Plugin.spec)]
AnyPairBuilder = Annotated[PairBuilder, BeforeValidator(PAIR_BUILDERS.build), PlainSerializer(Plugin.spec)]


class Import(Strict):
    """Files to bring in before anything else."""

    format: AnyImporter
    paths: tuple[str, ...]
    """Files, folders, or `hf://datasets/OWNER/NAME[@REV]`; relative paths start at the working directory."""


class PromptChoice(Strict):
    """Which stored prompts a run works on."""

    sources: tuple[str, ...] | Mapping[str, int]
    """Under which names they came; as a mapping, at most so many prompts of each, the first by id."""
    limit: int | None = Field(default=None, gt=0)
    """At most this many in all, the first by id; all when absent."""
    part: tuple[int, int] | None = None
    """(2, 3): the second third of them, by a hash of their ids, before `limit`. Parts share no prompt."""

    @model_validator(mode="after")
    def _part_is_one(self) -> Self:
        if self.part is not None and not 1 <= self.part[0] <= self.part[1]:
            raise ValueError("part: write (k, n), the k-th of n parts, from 1 to n")
        return self

    def takes(self, prompt_id: str) -> bool:
        """Whether a prompt is of the part."""
        return self.part is None or int(draw("part", prompt_id) * self.part[1]) == self.part[0] - 1

    @property
    def shares(self) -> list[tuple[tuple[str, ...], int | None]]:
        """Sources that are taken from together, and how many prompts at most."""
        if isinstance(self.sources, Mapping):
            return [((source,), most) for source, most in self.sources.items()]
        return [(self.sources, self.limit)]


class Publish(Strict):
    """The dataset that a run ends in."""

    dataset: str
    of: Literal["pairs", "questions"] = "pairs"
    """What it is of: the answers that `pair` puts side by side, or questions, one for each principle that is kept.

    A question is a pair too: the right word for it, yes or no, over the wrong one. `train entailment` learns from it.
    """
    message: str = ""
    """Why this version exists; shown by `prefinery versions`."""


class Vote(Strict):
    """Who votes on the pairs of a version, and what follows from the strength of their preference."""

    ensembles: tuple[str, ...] = ()
    """Models from which voters are trained: folders, hub names, sandbox/NAME, or scratch/LAYERSxWIDTH."""
    voters: VoterSettings = VoterSettings()
    """How they are trained."""
    models: tuple[str, ...] = ()
    """Stored reward models, a voter each."""
    judges: tuple[str, ...] = ()
    """Annotators in `votes`, a voter each: a judge is NAME:MODEL."""
    log_odds: bool = False
    """The judges' strengths are their own log odds; otherwise their verdicts are counted."""
    policy: Policy = Policy()
    """What the strengths make of the pairs."""

    @model_validator(mode="after")
    def _somebody_votes(self) -> Self:
        if not (self.ensembles or self.models or self.judges):
            raise ValueError("nobody votes; name `ensembles`, `models` or `judges`")
        return self


class Training(Strict):
    """One training job on the published version."""

    job: str
    """`reward`, `dpo`, `sft` or the name of an objective."""
    model: str
    """The model to start from: a folder, a hub name, sandbox/NAME, or scratch/LAYERSxWIDTH for an untrained one."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Changes to the job's defaults: `beta`, `max_length`, `fit: {epochs: 2}` ..."""

    @property
    def resolved(self) -> TrainSettings:
        """The job's full settings."""
        from training.jobs import settings_of  # loads torch, which recipes that train nothing do without

        return settings_of(self.job, self.settings)

    @model_validator(mode="after")
    def _settings_fit(self) -> Self:
        _ = self.resolved
        return self


class Recipe(Strict):
    """What one run does. Stages that are absent are skipped; the order is always the same."""

    name: str
    seed: int = 0
    """Every random choice derives from it: models, orders, samples."""
    imports: tuple[Import, ...] = ()
    prompts: PromptChoice | None = None
    filters: tuple[AnyFilter, ...] = ()
    """Which of the prompts are left out before anything is asked: those of evaluation sets, malformed conversations."""
    engine: AnyEngine | None = None
    """Serves every model that the recipe names, unless `engines` says otherwise."""
    engines: Mapping[str, AnyEngine] = Field(default_factory=dict)
    """Engines of single models, by the model's name: a judge behind a server, say, beside policies in this process."""
    limits: Limits = Limits()
    """Where a run stops; the same command goes on from there."""
    generate: Generation | None = None
    rubrics: RubricStage | None = None
    """Write rubrics for the prompts; the judges `rubric` and `criteria` judge by those that are accepted."""
    judges: tuple[AnyJudge, ...] = ()
    second_opinions: tuple[str, ...] = ()
    """Rating judges, as NAME:MODEL, that are asked in this order and only about answers to a prompt that all before
    rate alike. What they say breaks the tie and counts for nothing else."""
    adaptive: Panel | None = None
    """Ask the comparing judges in rounds, and only where the verdicts so far leave it open; else all about all."""
    rules: tuple[AnyRule, ...] = ()
    """Judges that compute instead of asking a model."""
    ratings: tuple[str, ...] = ()
    """Whose imported ratings of the prompts' answers count in pairing, as `scores.judge` names them:
    `ultrafeedback/gpt-4`. Imported votes always count."""
    principles: PrincipleStage | None = None
    """Take principles out of stored feedback; `publish: {of: questions}` makes them a version."""
    gate: Gate | None = None
    """What keeps the run from being published: a judge that is wrong about golden items, fails, or has changed."""
    aspects: tuple[str, ...] | None = None
    """Aspects whose mean is a response's score in pairing; when absent all but `overall`, or it where it is alone.

    Without it, builders that compare scores refuse ratings on several scales."""
    pair: AnyPairBuilder | None = None
    leaks: LeakScan | None = None
    """Drop pairs whose winner a stray token, a role name or a line end tells; `{}` for the usual bounds."""
    balance: Balance | None = None
    """Drop or weigh pairs until length, format or author no longer tell the winner."""
    publish: Publish | None = None
    vote: Vote | None = None
    """Have the published pairs voted on, and publish a successor in which they are treated by their strength."""
    train: tuple[Training, ...] = ()
    schedule: str | None = None
    """Cron expression for `prefinery serve`; never when absent."""

    _OF_PAIRS: ClassVar[tuple[str, ...]] = ("pair", "leaks", "balance", "aspects", "gate", "vote")
    """What has no say in questions: they are made of feedback alone."""

    @property
    def _stages_on_prompts(self) -> list[str]:
        return [
            name
            for name in ("filters", "generate", "rubrics", "judges", "rules", "principles", "pair")
            if getattr(self, name)
        ]

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        models = {*(self.generate.pool if self.generate else ()), *(judge.model for judge in self.judges)}
        models |= {self.principles.extractor.model} if self.principles else set()
        models |= self.rubrics.models if self.rubrics else set()
        if not self.engine and (unserved := models - self.engines.keys()):
            raise ValueError(f"{min(unserved)} has no engine; add `engine: {{name: vllm}}`")
        if self._stages_on_prompts and not self.prompts:
            raise ValueError(f"{self._stages_on_prompts[0]} needs prompts; add `prompts: {{sources: [NAME]}}`")
        comparing = {judge.annotator for judge in self.judges if isinstance(judge, ComparingJudge)}
        if len(comparing) < sum(isinstance(judge, ComparingJudge) for judge in self.judges):
            raise ValueError(
                f"judges: several are {min(comparing)}, and their votes would mix; give each a name, `called`"
            )
        if self.adaptive and self.adaptive.prices.keys() != comparing:
            raise ValueError(f"adaptive: give a price to each comparing judge: {', '.join(sorted(comparing))}")
        rating = [judge.annotator for judge in self.judges if isinstance(judge, RatingJudge)]
        if unknown := {*self.second_opinions} - {*rating}:
            raise ValueError(f"second_opinions: {min(unknown)} is no rating judge; add it to `judges`")
        if rating and {*rating} == {*self.second_opinions} and not self.ratings:
            raise ValueError("second_opinions: leave out the judge that gives the first")
        if self.ratings and not self.pair:
            raise ValueError("ratings count in pairing; add `pair` and `publish`")
        by_rubric = [judge.annotator for judge in self.judges if judge.by_rubric]
        if by_rubric and not self.rubrics:
            raise ValueError(f"{by_rubric[0]} judges by rubrics; add `rubrics:`, as in `rubrics: {{stored: true}}`")
        if self.vote and not self.publish:
            raise ValueError("vote needs a published version; add `pair` and `publish`")
        for rollout in filter(None, (job.resolved.rollout for job in self.train)):
            for source in rollout.given:
                self.rewarder(source)
        return self

    @model_validator(mode="after")
    def _ends_in_one_thing(self) -> Self:
        if self.publish is None or self.publish.of == "pairs":
            if self.publish and self.principles and not self.pair:
                raise ValueError("publish: add `of: questions` to publish the principles, or `pair` to publish pairs")
            if bool(self.pair) != bool(self.publish):
                raise ValueError("pair and publish belong together; add the missing one")
            return self
        if not self.principles:
            raise ValueError("publish: questions are about principles; add `principles` with an extractor")
        if pairing := [name for name in self._OF_PAIRS if getattr(self, name)]:
            raise ValueError(f"{pairing[0]} is about pairs, and this recipe publishes questions; leave one of them out")
        if sum(isinstance(judge, BinaryPrinciple) for judge in self.judges) > 1:
            raise ValueError("publish: one judge `binary_principle` words the questions; leave out the others")
        return self

    def engine_of(self, model: str) -> Engine:
        """The engine that serves a model. Raises ConfigError when the recipe names none."""
        engine = self.engines.get(model, self.engine)
        if engine is None:
            raise ConfigError(f"{self.name}: {model} has no engine; add `engine: {{name: vllm}}`.")
        return engine

    def rewarder(self, source: str) -> Rule | RatingJudge:
        """The rule or judge that `rule:NAME` or `judge:NAME` means. Raises ConfigError where none could reward."""
        if source.startswith(RULE):
            return rule_of(source.removeprefix(RULE), self.rules)
        name = source.removeprefix(JUDGE)
        found = [judge for judge in self.judges if name in (judge.name, judge.annotator)]
        if len(found) != 1:
            known = ", ".join(judge.annotator for judge in self.judges) or "none"
            raise ConfigError(f"{source}: {len(found)} judges of the recipe are called so; it has {known}.")
        if not isinstance(found[0], RatingJudge):
            raise ConfigError(f"{source} compares answers with each other; name a judge that rates each.")
        if found[0].by_rubric:
            raise ConfigError(f"{source} judges by rubrics, which no response in training has; name another judge.")
        return found[0]


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe in a YAML file, with overrides by `key.sub`. Raises ConfigError naming the key at fault."""
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; give a recipe file.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no YAML file: {str(error).splitlines()[0]}") from error
    if not isinstance(fields, dict):
        raise ConfigError(f"{path} is empty or no mapping; see the recipes in flows/recipes.")
    for key, value in (overrides or {}).items():
        _override(fields, key, value)
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain_settings(error)}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def vote_of(fields: dict[str, Any], changes: Mapping[str, Any]) -> Vote:
    """A stage `vote` from its fields, with changes by `key.sub`."""
    for key, value in changes.items():
        _override(fields, key, value)
    try:
        return Vote.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(f"vote: {explain_settings(error)}") from error


def _override(fields: dict[str, Any], key: str, value: object) -> None:
    """Set `a.b.0.c` in nested mappings and lists."""
    *parents, last = key.split(".")
    place: Any = fields
    try:
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = value
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise ConfigError(f"--set {key}: the recipe has no such place; name a key as in the file.") from error
