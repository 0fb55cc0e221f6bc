"""Train an ensemble that votes on the pairs of a version: M raw rewards of both sides (arXiv:2401.06080).

A voter that has seen a pair agrees with its label, right or wrong. So the prompts are cut into folds, and each voter is
trained once for every fold, on the others. `shared` voters are heads on one trunk, trained all at once; `full` voters
are models of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor, nn

from schemas.errors import InputError
from schemas.funnel import Funnel
from schemas.ids import draw, seed_of
from training.attention import choose_attention
from training.batches import Batch, PairBatch, PairExamples
from training.checkpoint import Loaded, load_reward
from training.data import Version
from training.loop import fit
from training.lora import adapt, merge
from training.objectives import Step, soft_log_loss
from training.objectives.reward.bradley_terry import BradleyTerry
from training.prepare import prepare_pairs
from training.progress import Report, silent
from training.score import RewardScorer, score_all
from training.settings import VoterSettings


class Voted(NamedTuple):
    """What M voters give to P pairs."""

    voters: tuple[str, ...]
    pair_ids: tuple[str, ...]
    rewards: NDArray[np.float64]
    """[M, 2P], all chosen first"""
    funnel: Funnel
    """Pairs voted on, and those that could not be read, by reason"""


def vote(version: Version, model: Path | str, settings: VoterSettings, report: Report = silent) -> Voted:
    """Rewards of the train split's pairs by an ensemble that starts from `model`."""
    loaded = _load(model, settings, settings.seed)
    part = prepare_pairs(version.split("train"), loaded.tokenizer, settings.max_length)
    if not len(part.examples):
        raise InputError(f"{version.label}: no pair of the train split is left to vote on.")
    fold_of = folds_of(part.rows.column("prompt_id").to_pylist(), settings)
    by = shared if settings.mode == "shared" else full
    return Voted(
        voters=tuple(f"{settings.mode}:{model}#{settings.seed}.{voter}" for voter in range(settings.count)),
        pair_ids=tuple(part.rows.column("pair_id").to_pylist()),
        rewards=by(part.examples, fold_of, model, settings, report).flatten(1).double().numpy(),
        funnel=part.funnel,
    )


def folds_of(prompt_ids: Sequence[str], settings: VoterSettings) -> Tensor:
    """[P] int64, the fold of each pair. All pairs of a prompt are in one, and other prompts do not move it."""
    folds = [int(settings.folds * draw("fold", settings.seed, prompt)) for prompt in prompt_ids]
    if len(set(folds)) < settings.folds:
        raise InputError(f"{len(set(prompt_ids))} prompts do not fill {settings.folds} folds; lower `folds`.")
    return torch.tensor(folds)


def drawn(fold_of: Tensor, fold: int, voter: int, settings: VoterSettings) -> Tensor:
    """[N] rows that a voter of this fold is trained on, in its own order: as many in every fold."""
    chance = torch.Generator().manual_seed(seed_of("voter", settings.seed, voter, fold))
    others = (fold_of != fold).nonzero().squeeze(1) if settings.folds > 1 else torch.arange(len(fold_of))
    size = len(fold_of) - len(fold_of) // settings.folds if settings.folds > 1 else len(fold_of)
    if settings.bootstrap:
        return others[torch.randint(len(others), (size,), generator=chance)]
    rounds = [others[torch.randperm(len(others), generator=chance)] for _ in range(-(-size // len(others)))]
    return torch.cat(rounds)[:size]


def full(pairs: PairExamples, fold_of: Tensor, model: Path | str, settings: VoterSettings, report: Report) -> Tensor:
    """[M, 2, P] rewards by models that are trained one after the other."""
    found = torch.empty(settings.count, 2, len(pairs))
    for voter in range(settings.count):
        for fold in range(settings.folds):
            report("train voters", voter * settings.folds + fold, settings.count * settings.folds)
            loaded = _load(model, settings, seed_of("head", settings.seed, voter))
            _train(loaded, _Some(pairs, drawn(fold_of, fold, voter, settings)), settings, voter)
            held = _held(fold_of, fold)
            found[voter, :, held] = _score(loaded, _Some(pairs, held), settings, "rewards").squeeze(2)
    return found


def shared(pairs: PairExamples, fold_of: Tensor, model: Path | str, settings: VoterSettings, report: Report) -> Tensor:
    """[M, 2, P] rewards by heads on one trunk, or where it is tuned on one for each fold."""
    found = torch.empty(settings.count, 2, len(pairs))
    everything = range(settings.folds)
    for folds in [[fold] for fold in everything] if settings.tune else [everything]:
        report("read pairs", folds[0], settings.folds)
        loaded = _load(model, settings, settings.seed)
        if settings.tune:
            once = settings.model_copy(update={"bootstrap": False})
            _train(loaded, _Some(pairs, drawn(fold_of, folds[0], 0, once)), settings, 0)
        states = _score(loaded, pairs, settings, "pooled")
        weights = heads(states[0] - states[1], pairs, fold_of, folds, settings)
        for fold, its_heads in zip(folds, weights, strict=True):
            held = _held(fold_of, fold)
            found[:, :, held] = torch.einsum("mh,sph->msp", its_heads, states[:, held])
    return found


def heads(
    differences: Tensor, pairs: PairExamples, fold_of: Tensor, folds: Sequence[int], settings: VoterSettings
) -> Tensor:
    """[F, M, H] heads of every voter for the given folds, on what the sides differ in, [P, H]: trained all at once."""
    scale = differences.square().mean(0).sqrt().clamp_min(1e-6)
    each = [(fold, voter) for fold in folds for voter in range(settings.count)]
    rows = torch.stack([drawn(fold_of, fold, voter, settings) for fold, voter in each])
    starts = [torch.Generator().manual_seed(seed_of("head", settings.seed, voter)) for _, voter in each]
    width = differences.shape[1]
    start = torch.stack([torch.randn(width, generator=chance) for chance in starts]) / (width + 1)
    many = _Heads(start)
    examples: Any = _HeadExamples(differences / scale, pairs, rows)
    for _ in fit(many, examples, _loss_of_heads, settings.heads):
        pass
    return (many.weights.detach().cpu() / scale).view(len(folds), settings.count, width)


@dataclass(frozen=True, kw_only=True)
class _HeadBatch(Batch):
    """B pairs of each of V heads."""

    differences: Tensor
    """[V, B, H]"""
    weight: Tensor
    """[V, B]"""
    soft_label: Tensor
    """[V, B]"""


class _HeadExamples:
    """The n-th example is the n-th row that each of V heads has drawn, rows [V, N]."""

    def __init__(self, differences: Tensor, pairs: PairExamples, rows: Tensor) -> None:
        self.differences, self.pairs, self.rows = differences, pairs, rows
        self.lengths = self.tokens = self.units = torch.ones(rows.shape[1], dtype=torch.int64)

    def __len__(self) -> int:
        return self.rows.shape[1]

    def batch(self, rows: Tensor) -> _HeadBatch:
        mine = self.rows[:, rows]
        return _HeadBatch(
            differences=self.differences[mine], weight=self.pairs.weight[mine], soft_label=self.pairs.soft_label[mine]
        )


class _Heads(nn.Module):
    """V linear heads without bias."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(start)

    def forward(self, batch: _HeadBatch) -> Tensor:
        """[V, B] what each head makes of its pairs."""
        return torch.bmm(batch.differences, self.weights[:, :, None]).squeeze(2)


def _loss_of_heads(gaps: Tensor, batch: Any) -> Step:
    """Bradley-Terry: a mean over pairs, and a sum over heads, so that none feels how many others there are."""
    return Step((batch.weight * soft_log_loss(gaps, batch.soft_label, 0.0)).mean(1).sum(), {})


class _Some:
    """Some of the pairs, perhaps repeatedly."""

    def __init__(self, pairs: PairExamples, rows: Tensor) -> None:
        self.pairs, self.rows = pairs, rows
        self.lengths, self.tokens, self.units = (part[rows] for part in (pairs.lengths, pairs.tokens, pairs.units))

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: Tensor) -> PairBatch:
        return self.pairs.batch(self.rows[rows])


def _held(fold_of: Tensor, fold: int) -> Tensor:
    """[N] rows that the models of a fold vote on."""
    return (fold_of == fold).nonzero().squeeze(1)


def _load(model: Path | str, settings: VoterSettings, seed: int) -> Loaded:
    loaded = load_reward(model, seed=seed, outputs=("reward",))
    loaded.model.to(PartialState().device)  # pyright: ignore[reportArgumentType]
    choose_attention(loaded.model, settings.max_length)
    return loaded


def _train(loaded: Loaded, pairs: _Some, settings: VoterSettings, voter: int) -> None:
    tuner = adapt(loaded.model, settings.lora, seed_of("lora", settings.seed, voter)) if settings.lora else None
    for _ in fit(RewardScorer(loaded.model), pairs, BradleyTerry().loss_of, settings.fit):
        pass
    if tuner is not None:
        merge(tuner)


def _score(loaded: Loaded, pairs: PairExamples | _Some, settings: VoterSettings, what: str) -> Tensor:
    """[2, P, ...] rewards or pooled states of the chosen and the rejected sides."""
    both = score_all(
        RewardScorer(loaded.model),
        pairs,
        lambda scored, _: torch.stack(getattr(scored, what).chunk(2), dim=1),
        settings.fit.precision,
    )
    return both.transpose(0, 1)
