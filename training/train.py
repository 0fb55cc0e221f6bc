"""Train one model from one dataset version, and measure it on the held-out split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from accelerate import PartialState
from torch import Tensor

from schemas.errors import InputError
from training.attention import choose_attention
from training.batches import Examples
from training.card import card
from training.checkpoint import Loaded, TrainingRecord, load_policy, load_reward, revision_of, save
from training.data import Version, read_version, set_apart
from training.evaluate.accuracy import pair_accuracy
from training.evaluate.implicit_reward import Rewards
from training.jobs import TrainSettings, settings_of
from training.loop import fit, walk
from training.lora import adapt, merge
from training.objectives import Objective
from training.objectives.likelihood import Likelihood
from training.objectives.pairwise import Pairwise
from training.objectives.policy import Policy
from training.objectives.reward import Reward
from training.online import HELD_OUT_PROMPTS, Online
from training.prepare import TOO_LONG, PreparedPairs, PreparedSequences, prepare_pairs, prepare_sequences
from training.progress import Report, silent
from training.reference import store_reference
from training.resume import HISTORY, claim
from training.rollout import RolloutSettings, prompts_of
from training.rollout.rewards import Composition
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
    out = Path(out).resolve()
    unfinished = out.with_name(f"{out.name}.unfinished")
    state = PartialState()
    claim(unfinished, {
        "fingerprint": version.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "base_revision": revision,
        "processes": state.num_processes,
    })  # fmt: skip
    loaded = load(settings, model)
    if isinstance(settings.objective, Policy):
        history, metrics = run_online(settings, version, loaded, unfinished, report, judges or {})
    else:
        history, metrics = run(settings, version, loaded, unfinished, report, cache and cache / revision)
    record = TrainingRecord(
        kind=settings.objective.kind,
        data=version.label,
        fingerprint=version.fingerprint,
        recipe=version.recipe,
        objective=settings.objective.spec(),
        settings=settings.model_dump(mode="json"),
        base=str(model),
        base_revision=revision,
        metrics=metrics,
    )
    texts = {HISTORY: "".join(f"{json.dumps(step)}\n" for step in history)}
    texts |= {CURVES: draw(history)} if draw else {}
    save(out, loaded, record, texts=texts | {"README.md": card(record, CURVES if draw else "")})
    if state.is_main_process:
        shutil.rmtree(unfinished)
    state.wait_for_everyone()
    return Trained(path=out, record=record)


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
    """Train `loaded` in place; returns the metrics of all steps, and figures of the last one and the held-out split.

    `cache` is of the weights as they are now.
    """
    objective = settings.objective
    tuner = adapt(loaded.model, settings.lora, settings.fit.seed) if settings.lora else None
    scorer = objective.scorer(loaded.model)
    parts = {name: prepare(objective, rows, loaded, settings) for name, rows in splits(settings, version).items()}
    for name, part in parts.items():
        if name != "test" and not len(part.examples):
            raise InputError(f"{version.label}: no pair of the train split is left to learn from.")
    examples = {name: objective.examples(part) for name, part in parts.items() if name != "test"}
    if isinstance(objective, Pairwise) and objective.needs_reference:
        learned = [pairs for each in examples.values() for pairs in objective.referenced(each)]
        wanted = [*learned, parts["test"].examples]
        store_reference(wanted, scorer, settings.fit.precision, report, cache)
    around = objective.around(scorer, loaded.tokenizer, settings.max_length, settings.fit.precision)
    kept = {"folder": unfinished, "held_out": examples.get("held_out")}
    history: list[dict[str, float]] = []
    for step in fit(scorer, examples["train"], objective.loss_of, settings.fit, around, **kept):
        report("train", int(step["step"]), int(step["total_steps"]), step)
        # Speed differs from run to run, and what is stored must not.
        history.append({name: value for name, value in step.items() if name != "tokens/s"})
    figures = {f"train_{name}": value for name, value in history[-1].items() if name != "step"}
    for name, part in parts.items():
        figures |= counts(part, name)
    figures |= evaluate(parts["test"], objective, scorer, settings, report)
    if tuner is not None:
        merge(tuner)
    return history, figures


def run_online(
    settings: TrainSettings,
    version: Version,
    loaded: Loaded,
    unfinished: Path,
    report: Report,
    judges: Mapping[str, Rewards],
) -> tuple[History, dict[str, float]]:
    """Train `loaded` in place on its own responses; returns the metrics of all steps, and of the last one and of
    responses to prompts of the held-out split, before and after.
    """
    objective, rollout = settings.objective, settings.rollout or RolloutSettings()
    assert isinstance(objective, Policy)
    tuner = adapt(loaded.model, settings.lora, settings.fit.seed) if settings.lora else None
    scorer = objective.scorer(loaded.model)
    rewards = Composition(rollout.rewards, judges)
    room = settings.max_length - rollout.max_tokens
    learned, too_long = prompts_of(version.split("train"), loaded, room)
    tested, test_too_long = prompts_of(version.split("test"), loaded, room)
    held_out = tested[:HELD_OUT_PROMPTS]
    history: list[dict[str, float]] = []
    with rollout.sampler.start(loaded, str(loaded.model.name_or_path)) as engine:
        steps = Online(objective, settings.fit, rollout, learned, loaded, scorer, engine, rewards, unfinished)
        before = steps.mean_reward(held_out)
        for step in walk(scorer, steps, objective.loss_of, settings.fit, folder=unfinished):
            report("train", int(step["step"]), int(step["total_steps"]), step)
            history.append({name: value for name, value in step.items() if name != "tokens/s"})
        after = steps.mean_reward(held_out)
    figures = {f"train_{name}": value for name, value in history[-1].items() if name != "step"}
    figures |= {"train_kept": float(len(learned)), "test_kept": float(len(held_out))}
    figures |= {f"train_dropped_{TOO_LONG}": float(too_long), f"test_dropped_{TOO_LONG}": float(test_too_long)}
    figures["test_dropped_not_asked"] = float(len(tested) - len(held_out))
    figures |= {f"test_{name}_before": value for name, value in before.items()}
    figures |= {f"test_{name}": value for name, value in after.items()}
    if tuner is not None:
        merge(tuner)
    return history, figures


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
