"""Train one model from one dataset version, and measure it on the held-out split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from accelerate import PartialState
from torch import Tensor, nn

from schemas.errors import InputError, ModelError
from training.attention import choose_attention
from training.batches import Examples
from training.card import card
from training.checkpoint import Loaded, TrainingRecord, load_policy, load_reward, revision_of, save
from training.data import Version, read_version, set_apart
from training.evaluate.accuracy import pair_accuracy
from training.evaluate.implicit_reward import Rewards
from training.jobs import TrainSettings, settings_of
from training.loop import fit, taken
from training.lora import adapt, merge
from training.objectives import Objective
from training.objectives.likelihood import Likelihood
from training.objectives.pairwise import Pairwise
from training.objectives.policy import Policy
from training.objectives.reward import Reward
from training.online import run_online
from training.prepare import PreparedPairs, PreparedSequences, prepare_pairs, prepare_sequences
from training.progress import Report, followed, silent
from training.reference import store_reference
from training.resume import HISTORY, claim
from training.score import score_all

Prepared = PreparedPairs | PreparedSequences

History = Sequence[Mapping[str, float]]
"""The metrics of every step of a run."""

CURVES = "learning_curves.svg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished run: where the model lies, and what made it."""

    path: Path
    record: TrainingRecord

    @property
    def metrics(self) -> Mapping[str, float]:
        """Training figures of the step whose weights were taken (`train_...`), held-out ones (`test_...`), counts."""
        return self.record.metrics


def train(
    job: str,
    data: Path | str,
    model: Path | str,
    out: Path | str,
    settings: TrainSettings | Mapping[str, Any] | None = None,
    *,
    report: Report = silent,
    draw: Callable[[History], str] | None = None,
    cache: Path | None = None,
    judges: Mapping[str, Rewards] | None = None,
) -> Trained:
    """Train `job` (`reward`, `dpo`, `sft` or any objective) on an exported version and save the result to `out`.

    The same seed, data and base give the same bytes on a CPU, also where a run was killed, and the same call went on
    with what it had kept in `OUT.unfinished`. `draw` makes an SVG of the learning curves. `cache` keeps reference
    log-probabilities for other runs. `judges` are what `rollout.rewards` may name beside models.
    """
    settings = settings if isinstance(settings, TrainSettings) else settings_of(job, settings)
    version = read_version(data)
    revision = revision_of(model)
    reference = revision_of(settings.reference or model)
    out = Path(out).resolve()
    unfinished = out.with_name(f"{out.name}.unfinished")
    state = PartialState()
    claim(unfinished, {
        "fingerprint": version.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "base_revision": revision,
        "reference_revision": reference,
        "processes": state.num_processes,
    })  # fmt: skip
    loaded = load(settings, model)
    tuner = adapt(loaded.model, settings.lora, settings.fit.seed) if settings.lora else None
    if isinstance(objective := settings.objective, Policy):
        history, measured = run_online(objective, settings, version, loaded, unfinished, report, judges or {})
    else:
        history, measured = run(settings, version, loaded, unfinished, report, cache and cache / reference)
    if tuner is not None:
        merge(tuner)
    record = recorded(settings, version, model, revision, taken(history), measured)
    texts = {HISTORY: "".join(f"{json.dumps(step)}\n" for step in history)}
    texts |= {CURVES: draw(history)} if draw else {}
    save(out, loaded, record, texts=texts | {"README.md": card(record, CURVES if draw else "")})
    state.wait_for_everyone()  # another process may still read the best weights
    if state.is_main_process:
        shutil.rmtree(unfinished)
    state.wait_for_everyone()
    return Trained(path=out, record=record)


def recorded(
    settings: TrainSettings,
    version: Version,
    model: Path | str,
    revision: str,
    step: Mapping[str, float],
    measured: Mapping[str, float],
) -> TrainingRecord:
    """What made a model of `model`: the metrics are those of the step whose weights were taken, and held-out ones."""
    return TrainingRecord(
        kind=settings.objective.kind,
        data=version.label,
        fingerprint=version.fingerprint,
        recipe=version.recipe,
        objective=settings.objective.spec(),
        settings=settings.model_dump(mode="json"),
        base=str(model),
        base_revision=revision,
        metrics={f"train_{name}": value for name, value in step.items()} | dict(measured),
    )


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


def run(
    settings: TrainSettings,
    version: Version,
    loaded: Loaded,
    unfinished: Path,
    report: Report,
    cache: Path | None,
) -> tuple[History, dict[str, float]]:
    """Train `loaded` in place; returns the metrics of all steps, and figures of the data and the held-out split.

    `cache` is of the reference.
    """
    objective = settings.objective
    scorer = objective.scorer(loaded.model)
    parts = {name: prepare(objective, rows, loaded, settings) for name, rows in splits(settings, version).items()}
    for name, part in parts.items():
        if name != "test" and not len(part.examples):
            raise InputError(f"{version.label}: no pair of the train split is left to learn from.")
    examples = {name: objective.examples(part) for name, part in parts.items() if name != "test"}
    if isinstance(objective, Pairwise) and objective.needs_reference:
        learned = [pairs for each in examples.values() for pairs in objective.referenced(each)]
        wanted = [*learned, parts["test"].examples]
        reference = scorer if settings.reference is None else referred(settings, loaded)
        store_reference(wanted, reference, settings.fit.precision, report, cache)
    around = objective.around(scorer, loaded.tokenizer, settings.max_length, settings.fit.precision)
    kept = {"folder": unfinished, "held_out": examples.get("held_out")}
    history = followed(fit(scorer, examples["train"], objective.loss_of, settings.fit, around, **kept), report)
    figures = evaluate(parts["test"], objective, scorer, settings, report)
    return history, {key: count for name, part in parts.items() for key, count in counts(part, name).items()} | figures


def referred(settings: TrainSettings, loaded: Loaded) -> nn.Module:
    """The scorer of the reference that the settings name. Raises ModelError where it reads other tokens."""
    assert settings.reference is not None
    other = load(settings, settings.reference)
    if other.tokenizer.get_vocab() != loaded.tokenizer.get_vocab():
        raise ModelError(f"{settings.reference} has another vocabulary than the model that learns; name another.")
    return settings.objective.scorer(other.model)


def splits(settings: TrainSettings, version: Version) -> dict[str, pa.Table]:
    """The pairs of `train` and `test`, and with early stopping those of `held_out`, a part of `train` no more."""
    train_rows, test_rows = version.split("train"), version.split("test")
    if settings.fit.patience is None:
        return {"train": train_rows, "test": test_rows}
    learned, held_out = set_apart(train_rows, settings.held_out)
    return {"train": learned, "held_out": held_out, "test": test_rows}


def prepare(objective: Objective, pairs: pa.Table, loaded: Loaded, settings: TrainSettings) -> Prepared:
    """Tokenised examples of some pairs, in the objective's shape."""
    tokenise = prepare_sequences if isinstance(objective, Likelihood) else prepare_pairs
    return tokenise(pairs, loaded.tokenizer, settings.max_length)


def counts(part: Prepared, split: str) -> dict[str, float]:
    """Rows kept, and dropped by reason."""
    dropped = {f"{split}_dropped_{reason}": float(count) for reason, count in part.funnel.dropped.items()}
    return {f"{split}_kept": float(part.funnel.kept), **dropped}


def evaluate(
    part: Prepared, objective: Objective, scorer: nn.Module, settings: TrainSettings, report: Report
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
