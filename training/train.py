"""Train one model from one dataset version, and measure it on the held-out split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor

from schemas.errors import InputError
from training.attention import choose_attention
from training.batches import Examples, PairBatch, SequenceBatch
from training.checkpoint import Loaded, TrainingRecord, load_policy, load_reward, revision_of, save
from training.data import Version, read_version
from training.evaluate.accuracy import pair_accuracy
from training.jobs import TrainSettings, settings_of
from training.loop import fit
from training.objectives import Objective
from training.objectives.likelihood import Likelihood
from training.objectives.pairwise import Pairwise
from training.objectives.reward import Reward
from training.prepare import PreparedPairs, PreparedSequences, prepare_pairs, prepare_sequences
from training.progress import Report, silent
from training.score import score_all

Prepared = PreparedPairs | PreparedSequences


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished run: where the model lies, and what made it."""

    path: Path
    record: TrainingRecord

    @property
    def metrics(self) -> Mapping[str, float]:
        """Last training figures (`train_...`), held-out figures (`test_...`) and pair counts."""
        return self.record.metrics


def train(
    job: str,
    data: Path | str,
    model: Path | str,
    out: Path | str,
    settings: TrainSettings | Mapping[str, Any] | None = None,
    *,
    report: Report = silent,
) -> Trained:
    """Train `job` (`reward`, `dpo`, `sft` or any objective) on an exported version and save the result to `out`.

    The same seed, data and base give the same bytes on a CPU.
    """
    settings = settings if isinstance(settings, TrainSettings) else settings_of(job, settings)
    version = read_version(data)
    revision = revision_of(model)
    loaded = load(settings, model)
    metrics = run(settings, version, loaded, report)
    record = TrainingRecord(
        kind=settings.objective.kind,
        data=version.label,
        fingerprint=version.fingerprint,
        objective=settings.objective.spec(),
        settings=settings.model_dump(mode="json"),
        base=str(model),
        base_revision=revision,
        metrics=metrics,
    )
    state = PartialState()
    path = save(out, loaded, record) if state.is_main_process else Path(out).resolve()
    state.wait_for_everyone()
    return Trained(path=path, record=record)


def load(settings: TrainSettings, model: Path | str) -> Loaded:
    """The model that the objective trains, on this process's device."""
    if isinstance(settings.objective, Reward):
        loaded = load_reward(model, seed=settings.fit.seed, head=settings.head, outputs=settings.objective.outputs)
    else:
        loaded = load_policy(model)
    loaded.model.to(PartialState().device)  # pyright: ignore[reportArgumentType]
    if not isinstance(settings.objective, Likelihood):
        choose_attention(loaded.model, settings.max_length)
    if settings.fit.gradient_checkpointing:
        loaded.model.gradient_checkpointing_enable({"use_reentrant": False})
    return loaded


def run(settings: TrainSettings, version: Version, loaded: Loaded, report: Report) -> dict[str, float]:
    """Train `loaded` in place; returns the figures of the last step and of the held-out split."""
    objective = settings.objective
    scorer = objective.scorer(loaded.model)
    train_part, test_part = (prepare(objective, version, split, loaded, settings) for split in ("train", "test"))
    if not len(train_part.examples):
        raise InputError(f"{version.label}: no pair of the train split is left to learn from.")
    for part in (train_part, test_part):
        _store_reference(part, objective, scorer, settings, report)
    last: dict[str, float] = {}
    examples = objective.examples(train_part)
    around = objective.around(scorer, loaded.tokenizer, settings.max_length, settings.fit.precision)
    for last in fit(scorer, examples, objective.loss_of, settings.fit, around):
        report("train", int(last["step"]), int(last["total_steps"]), last)
    # Speed differs from run to run, and the record must not.
    figures = {f"train_{name}": value for name, value in last.items() if name not in ("tokens_per_s", "step")}
    held_out = evaluate(test_part, objective, scorer, settings, report)
    return figures | counts(train_part, "train") | counts(test_part, "test") | held_out


def prepare(objective: Objective, version: Version, split: str, loaded: Loaded, settings: TrainSettings) -> Prepared:
    """Tokenised examples of one split, in the objective's shape."""
    tokenise = prepare_sequences if isinstance(objective, Likelihood) else prepare_pairs
    return tokenise(version.split(split), loaded.tokenizer, settings.max_length)


def counts(part: Prepared, split: str) -> dict[str, float]:
    """Rows kept, and dropped by reason."""
    dropped = {f"{split}_dropped_{reason}": float(count) for reason, count in part.funnel.dropped.items()}
    return {f"{split}_kept": float(part.funnel.kept), **dropped}


def evaluate(
    part: Prepared, objective: Objective, scorer: torch.nn.Module, settings: TrainSettings, report: Report
) -> dict[str, float]:
    """Held-out figures: pair accuracy, NLL and calibration, or the NLL per token for likelihood objectives."""
    if not len(part.examples):
        return {}

    def summary(scores: Any, batch: Any) -> Tensor:
        return objective.gap_of(scores, batch) if isinstance(objective, Pairwise | Reward) else scores.sum(1)

    examples: Examples[Any] = part.examples
    found = score_all(scorer, examples, summary, settings.fit.precision, lambda a, b: report("evaluate", a, b))
    if isinstance(part, PreparedSequences):
        return {"test_nll": float(-found.sum() / part.examples.units.sum())}
    figures = pair_accuracy(found.numpy(), part.rows.column("prompt_id").to_pylist(), settings.fit.seed).figures()
    return {f"test_{name}": float(value) for name, value in figures.items()}


def _store_reference(
    part: Prepared, objective: Objective, scorer: torch.nn.Module, settings: TrainSettings, report: Report
) -> None:
    """Log-probabilities under the model as it starts, once for all epochs; then no second model is needed."""
    wanted = isinstance(objective, Pairwise) and objective.needs_reference and len(part.examples) > 0
    if wanted and isinstance(part, PreparedPairs):
        part.examples.reference = reference_logps(scorer, part, settings, report)


def reference_logps(scorer: torch.nn.Module, part: PreparedPairs, settings: TrainSettings, report: Report) -> Tensor:
    """[2P] summed log-probabilities, all chosen first."""

    def summary(scores: Tensor, _: SequenceBatch | PairBatch) -> Tensor:
        return torch.stack(scores.sum(1).chunk(2), dim=1)

    both = score_all(scorer, part.examples, summary, settings.fit.precision, lambda a, b: report("reference", a, b))
    return both.T.reshape(-1)
