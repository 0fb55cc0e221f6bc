"""Train a reward of several attributes: ridge regressions on a frozen trunk, then a gate (ArmoRM, arXiv:2406.12845).

Two choices differ from the released code: the gate is trained on the rewards that it will weigh, freed of verbosity;
and where no attribute is called so, verbosity is the length of the response, learned like any other attribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import PartialState
from pydantic import Field
from torch import Tensor, nn

from schemas.base import Strict
from schemas.errors import ConfigError, InputError
from schemas.prompts import user
from training.batches import Batch, PairExamples, SequenceExamples
from training.checkpoint import Loaded, TrainingRecord, labels, load_reward, revision_of, save
from training.data import Version, read_version
from training.evaluate.accuracy import pair_accuracy
from training.gated import Gate, prompt_states
from training.loop import fit
from training.objectives.reward.bradley_terry import BradleyTerry
from training.prepare import prepare_pairs, sequences_within
from training.ratings import MEAN, Rated, read_ratings
from training.score import RewardScorer, Scored, score_all
from training.settings import FitSettings

ALPHAS = tuple(10.0**power for power in range(-4, 5))
"""Strengths of the ridge that are tried."""
PENALTIES = (0.0, 0.01, 0.025, *(step / 40 for step in range(2, 7)), *(step / 20 for step in range(4, 20)))
"""Shares of verbosity that are taken off, the smallest first: steps of 0.025 to 0.15, then of 0.05 to 0.95."""
HELD_OUT = 0.2
"""Share of the prompts on which a ridge's strength is chosen."""
LENGTH = "length"
"""The attribute that is the number of tokens of a response."""


class ArmoSettings(Strict):
    """One training run."""

    attributes: tuple[str, ...] = ()
    """Ratings to learn; empty for all that enough responses have, but the mean of the others."""
    verbosity: str = LENGTH
    """The attribute that the others are freed of: `length`, or a rating."""
    most_correlation: float = Field(default=0.03, gt=0, le=1)
    """Spearman's correlation with verbosity that may remain."""
    least_rated: int = Field(default=100, ge=2)
    """An attribute with fewer rated responses is left out."""
    width: int = Field(default=1024, ge=1)
    """Units in each of the gate's three layers."""
    max_length: int = Field(default=1024, ge=2)
    """Tokens of prompt and response together; what is longer is left out."""
    fit: FitSettings = FitSettings(epochs=20, batch_size=1024, learning_rate=1e-3)
    """How the gate is trained. Its seed also says which prompts choose the ridges' strength."""


@dataclass(frozen=True, kw_only=True)
class GateBatch(Batch):
    """B pairs as the frozen trunk sees them: all chosen, then all rejected."""

    attributes: Tensor
    """[2B, K]"""
    prompts: Tensor
    """[2B, H]"""
    margin: Tensor
    """[B]"""
    weight: Tensor
    """[B]"""
    soft_label: Tensor
    """[B]"""


class GateExamples:
    """P pairs as the frozen trunk sees them. A step's mean is over its pairs."""

    def __init__(self, pairs: PairExamples, attributes: Tensor, prompts: Tensor) -> None:
        self.pairs, self.attributes, self.prompts = pairs, attributes, prompts
        self.lengths = self.tokens = self.units = pairs.units

    def __len__(self) -> int:
        return len(self.pairs)

    def batch(self, rows: Tensor) -> GateBatch:
        """The given pairs."""
        both = torch.cat([rows, rows + len(self)])
        return GateBatch(
            attributes=self.attributes[both],
            prompts=self.prompts[both],
            margin=self.pairs.margin[rows],
            weight=self.pairs.weight[rows],
            soft_label=self.pairs.soft_label[rows],
        )


class GateScorer(nn.Module):
    """A gate as a function from a batch to rewards."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, batch: GateBatch) -> Scored:
        """Rewards of all chosen, then of all rejected. Responses to one prompt are weighed alike."""
        return Scored(self.gate(batch.attributes, batch.prompts)[:, None], batch.prompts)


def train_armo(
    data: Path | str, ratings: Path, model: Path | str, out: Path | str, settings: ArmoSettings | None = None
) -> TrainingRecord:
    """Train on rated responses (a version in UltraFeedback's format) and on the pairs of an exported version.

    Only head and gate are learned: the trunk of `model`, best a trained reward model, stays as it is.
    """
    settings = settings or ArmoSettings()
    version = read_version(data)
    loaded = load_reward(model, seed=settings.fit.seed)
    loaded.model.to(PartialState().device)  # pyright: ignore[reportArgumentType]
    learned = learn_attributes(loaded, read_ratings(ratings, "train"), settings)
    _set_head(loaded, learned)
    gate, metrics = _train_gate(loaded, learned, version, settings)
    record = TrainingRecord(
        kind="reward",
        data=version.label,
        fingerprint=version.fingerprint,
        objective={"name": "armo", "version": "1", "attributes": list(learned.names)},
        settings=settings.model_dump(mode="json"),
        base=str(model),
        base_revision=revision_of(model),
        metrics=metrics,
    )
    save(out, loaded, record, gate.cpu().state_dict())
    return record


class Learned(NamedTuple):
    """K attributes that are read linearly from the trunk."""

    names: tuple[str, ...]
    head: Tensor
    """[K, H] float64"""
    alphas: tuple[float, ...]
    """The strength of each ridge."""
    debias: Tensor
    """[K, K] what frees rewards [N, K] of verbosity: `rewards @ debias`"""


def ridge(states: Tensor, target: Tensor, alpha: float) -> Tensor:
    """[H] the w of least |states w - target|^2 + alpha |w|^2, for states [N, H], target [N]. There is no intercept."""
    gram = states.T @ states
    return torch.linalg.solve(gram + alpha * torch.eye(len(gram), dtype=gram.dtype), states.T @ target)


def chosen_ridge(states: Tensor, target: Tensor, held_out: Tensor) -> tuple[Tensor, float]:
    """A ridge on all rows, with the strength that errs least on `held_out` [N] bool when learned from the others."""
    seen = (states[~held_out], target[~held_out])
    errors = {
        alpha: float((states[held_out] @ ridge(*seen, alpha) - target[held_out]).square().mean()) for alpha in ALPHAS
    }
    best = min(errors, key=errors.__getitem__)
    return ridge(states, target, best), best


def spearman(x: Tensor, y: Tensor) -> float:
    """Correlation of the ranks of x and y [N], which have no ties."""
    ranks = torch.stack([x, y]).argsort(1).argsort(1).double()
    return float(torch.corrcoef(ranks)[0, 1])


def debias(rewards: Tensor, verbosity: int, most: float) -> Tensor:
    """[K, K] the T of `rewards @ T`, for rewards [N, K]: each attribute less so much of verbosity that `most` remains.

    Of the penalties the smallest that is enough, 1 where none is; verbosity itself becomes 0.
    """
    verbose = rewards[:, verbosity]
    transform = torch.eye(rewards.shape[1])
    for place, attribute in enumerate(rewards.T):
        enough = (share for share in PENALTIES if spearman(attribute - share * verbose, verbose) <= most)
        transform[verbosity, place] -= 1.0 if place == verbosity else next(enough, 1.0)
    return transform


def learn_attributes(loaded: Loaded, rated: Sequence[Rated], settings: ArmoSettings) -> Learned:
    """One ridge an attribute, each on the responses that have it."""
    items = [(user(one.prompt), one.response) for one in rated]
    sequences, short = sequences_within(loaded.tokenizer, items, settings.max_length)
    if not short:
        raise InputError("No rated response is left to learn from; raise `max_length`, or name another folder.")
    rated = [rated[place] for place in short]
    names, ratings = attribute_table(rated, sequences.lengths - sequences.cuts, settings)
    states = score_all(
        RewardScorer(loaded.model), SequenceExamples(sequences), lambda one, _: one.pooled, settings.fit.precision
    ).double()
    held_out = _some_prompts(rated, settings.fit.seed)
    found: list[tuple[Tensor, float]] = []
    for column in ratings.T:
        known = column.isfinite()
        found.append(chosen_ridge(states[known], column[known], held_out[known]))
    head = torch.stack([weights for weights, _ in found])
    free = debias(states @ head.T, names.index(settings.verbosity), settings.most_correlation)
    return Learned(names, head, tuple(alpha for _, alpha in found), free)


def attribute_table(rated: Sequence[Rated], lengths: Tensor, settings: ArmoSettings) -> tuple[tuple[str, ...], Tensor]:
    """Names and ratings [N, K] float64 of the attributes to learn, each from 0 to 1; NaN where there is none."""
    wanted = settings.attributes or sorted({name for one in rated for name in one.ratings} - {MEAN})
    columns = {name: torch.tensor([one.ratings.get(name, torch.nan) for one in rated]).double() for name in wanted}
    columns[LENGTH] = lengths.double()
    scaled: dict[str, Tensor] = {}
    for name, column in columns.items():
        known = column[column.isfinite()]
        if len(known) >= settings.least_rated and known.min() < known.max():
            scaled[name] = (column - known.min()) / (known.max() - known.min())
    if missing := {settings.verbosity, *settings.attributes}.difference(scaled):
        raise ConfigError(
            f"Fewer than {settings.least_rated} responses differ in {', '.join(sorted(missing))}; "
            f"there is enough of {', '.join(scaled) or 'nothing'}."
        )
    return tuple(scaled), torch.stack(list(scaled.values()), dim=1)


def _some_prompts(rated: Sequence[Rated], seed: int) -> Tensor:
    """[N] bool, true for the responses to a fifth of the prompts."""
    prompts = sorted({one.prompt for one in rated})
    order = torch.randperm(len(prompts), generator=torch.Generator().manual_seed(seed)).tolist()
    held_out = {prompts[place] for place in order[: max(1, round(HELD_OUT * len(prompts)))]}
    return torch.tensor([one.prompt in held_out for one in rated])


def _set_head(loaded: Loaded, learned: Learned) -> None:
    """Attributes in place of the head's outputs."""
    score = nn.Linear(learned.head.shape[1], len(learned.names), bias=False)
    score.weight.data = learned.head.float()
    loaded.model.score = score.to(loaded.model.device)
    loaded.model.config.update(labels(learned.names))


def _train_gate(
    loaded: Loaded, learned: Learned, version: Version, settings: ArmoSettings
) -> tuple[Gate, dict[str, float]]:
    """A gate that orders the pairs of the train split, and figures of the test split."""
    torch.manual_seed(settings.fit.seed)
    gate = Gate(learned.head.shape[1], len(learned.names), settings.width)
    gate.debias.copy_(learned.debias)
    scorer, objective = GateScorer(gate), BradleyTerry()
    train, test = (
        prepare_pairs(version.split(split), loaded.tokenizer, settings.max_length) for split in ("train", "test")
    )
    if not len(train.examples):
        raise InputError(f"{version.label}: no pair of the train split is left to learn from.")
    *_, last = fit(scorer, _as_seen(loaded, train.examples, settings), objective.loss_of, settings.fit)
    figures = {f"train_{name}": value for name, value in last.items() if name not in ("tokens/s", "step")}
    if len(test.examples):
        gaps = score_all(scorer, _as_seen(loaded, test.examples, settings), objective.gap_of)
        held_out = pair_accuracy(gaps.numpy(), test.rows.column("prompt_id").to_pylist(), settings.fit.seed)
        figures |= {f"test_{name}": float(value) for name, value in held_out.figures().items()}
    return gate, figures


def _as_seen(loaded: Loaded, pairs: PairExamples, settings: ArmoSettings) -> Any:
    """The pairs as GateExamples."""
    scorer, single = RewardScorer(loaded.model), SequenceExamples(pairs.sequences)
    attributes = score_all(scorer, single, lambda one, _: one.rewards, settings.fit.precision)
    return GateExamples(pairs, attributes, prompt_states(scorer, pairs.sequences, settings.fit.precision))
