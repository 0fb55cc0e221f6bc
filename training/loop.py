"""The one training loop. Objectives differ; it does not."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from schemas.errors import ConfigError
from training.batches import Batch_co, BatchT, Examples, budget_batches, epoch_batches
from training.objectives import Step
from training.resume import keep, keep_best, take_best, take_up
from training.score import autocast
from training.settings import FitSettings, Precision

MICRO_BATCH_TOKENS = {"cpu": 2**10, "cuda": 2**14}
"""A CPU's caches hold little: more tokens take more memory there, and no less time."""

HELD_OUT_LOSS = "held_out_loss"


def fit(
    model: nn.Module,
    examples: Examples[BatchT],
    loss_of: Callable[[Any, BatchT], Step],
    settings: FitSettings,
    around: Callable[[int], AbstractContextManager[Any]] = nullcontext,
    *,
    folder: Path | None = None,
    held_out: Examples[BatchT] | None = None,
) -> Iterator[dict[str, float]]:
    """Train `model` in place on examples at hand; yields the metrics of every optimizer step, as `walk` does."""
    yield from walk(model, Epochs(examples, settings), loss_of, settings, around, folder=folder, held_out=held_out)


class Steps(Protocol[Batch_co]):
    """What every step of a run learns."""

    total: int
    """Steps"""

    def after(self, done: int) -> Iterator[tuple[Examples[Batch_co], Tensor, Mapping[str, float]]]:
        """Of every step after the first `done`: examples, the rows of them, and figures to report with it."""
        ...


class Epochs(Generic[BatchT]):
    """Examples at hand, epoch after epoch, each in an order of its own."""

    def __init__(self, examples: Examples[BatchT], settings: FitSettings) -> None:
        self.examples = examples
        self.settings = settings
        self.total = total_steps(len(examples), settings)

    def after(self, done: int) -> Iterator[tuple[Examples[BatchT], Tensor, Mapping[str, float]]]:
        """Batches of examples of like length."""
        for rows in islice(orders(self.examples.lengths, self.settings), done, self.total):
            yield self.examples, rows, {}


def walk(
    model: nn.Module,
    steps: Steps[BatchT],
    loss_of: Callable[[Any, BatchT], Step],
    settings: FitSettings,
    around: Callable[[int], AbstractContextManager[Any]] = nullcontext,
    *,
    folder: Path | None = None,
    held_out: Examples[BatchT] | None = None,
) -> Iterator[dict[str, float]]:
    """Train `model` in place; yields the metrics of every optimizer step.

    `model(batch)` gives scores, `loss_of(scores, batch)` a Step; the gradient of optimizer step n is taken within
    `around(n)`. Keys: step, total_steps, loss, learning_rate, grad_norm, tokens/s, the objective's own, and, where it
    was measured, held_out_loss.

    With a `folder` for what a run keeps, one that was killed goes on, and first yields again what it had. Early
    stopping needs a folder, too.
    """
    accelerator = begin(settings, folder)
    silence_dropout(model.train())
    ready, optimizer = accelerator.prepare(model, adamw(model, settings))
    max_tokens = tokens_at_once(settings, accelerator.device)
    history = take_up(accelerator, folder) if folder else []
    yield from history
    clock, unkept_s = time.perf_counter(), 0.0
    for step, (examples, rows, known) in enumerate(steps.after(len(history)), len(history) + 1):
        if stalled(history, settings.patience):
            break
        parts = micro_batches(accelerator, examples, rows, max_tokens)
        with around(step):
            metrics = accumulate(accelerator, ready, parts, loss_of, settings.precision)
        pace = descend(accelerator, ready, optimizer, learning_rate(step, steps.total, settings), settings)
        # All processes see the same mean time, and so keep the same steps.
        metrics["seconds"] = torch.tensor(time.perf_counter() - clock)
        clock = time.perf_counter()
        figures = {"step": step, "total_steps": steps.total, **means(accelerator, metrics), **pace, **known}
        unkept_s += (took_s := figures.pop("seconds"))
        figures["tokens/s"] = int(examples.tokens[rows].sum()) / took_s
        if held_out is not None and (step % settings.measure_steps == 0 or step == steps.total):
            figures[HELD_OUT_LOSS] = loss_on(accelerator, ready, held_out, loss_of, settings, max_tokens)
        history.append(figures)
        if folder and is_best(history):
            keep_best(accelerator, folder)
        if folder and unkept_s >= 60 * settings.checkpoint_minutes:
            keep(accelerator, folder, history)
            unkept_s = 0.0
        accelerator.log(figures, step)
        yield figures
    end(accelerator, folder, history)


def tokens_at_once(settings: FitSettings, device: torch.device) -> int:
    """Most tokens of a forward pass."""
    wanted = settings.micro_batch_tokens or MICRO_BATCH_TOKENS.get(device.type, 2**14)
    return sys.maxsize if wanted == "all" else wanted


def begin(settings: FitSettings, folder: Path | None) -> Accelerator:
    """The processes that train together, and the trackers that watch."""
    accelerator = Accelerator(log_with=[*settings.trackers] or None, project_dir=folder and folder.with_suffix(".logs"))
    if settings.batch_size % accelerator.num_processes:
        raise ConfigError(f"batch_size must be a multiple of the {accelerator.num_processes} processes.")
    plain = {name: value for name, value in settings if isinstance(value, int | float | str)}
    accelerator.init_trackers("prefinery", plain)
    return accelerator


def end(accelerator: Accelerator, folder: Path | None, history: Sequence[Mapping[str, float]]) -> None:
    """Take the weights with the least held-out loss, where it was measured, and close the trackers."""
    if folder and measured(history):
        take_best(accelerator, folder)
    for tracker in accelerator.trackers:
        tracker.finish()


def descend(
    accelerator: Accelerator, model: nn.Module, optimizer: Optimizer, rate: float, settings: FitSettings
) -> dict[str, float]:
    """Walk down the gradient at `rate`, and forget it; returns the rate and the length of the gradient."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate"]
    norm = accelerator.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {"learning_rate": rate, "grad_norm": float(norm or 0.0)}


def means(accelerator: Accelerator, values: Mapping[str, Tensor]) -> dict[str, float]:
    """Means over all processes of values [], in one exchange."""
    stacked = torch.stack([value.to(accelerator.device) for value in values.values()])
    return dict(zip(values, accelerator.reduce(stacked, "mean").tolist(), strict=True))  # pyright: ignore[reportAttributeAccessIssue]


@torch.no_grad()
def loss_on(
    accelerator: Accelerator,
    model: nn.Module,
    held_out: Examples[BatchT],
    loss_of: Callable[[Any, BatchT], Step],
    settings: FitSettings,
    max_tokens: int,
) -> float:
    """Mean loss over examples that are not learned, in batches like those of a step."""
    total, loss = float(held_out.units.sum()), torch.zeros((), device=accelerator.device)
    for rows in torch.arange(len(held_out)).split(settings.batch_size):
        for batch, share in micro_batches(accelerator, held_out, rows, max_tokens):
            with autocast(accelerator.device, settings.precision):
                scores = model(batch)
            loss += loss_of(scores, batch).loss * share * float(held_out.units[rows].sum()) / total
    return means(accelerator, {"loss": loss})["loss"]


def measured(history: Sequence[Mapping[str, float]]) -> list[float]:
    """The held-out losses so far."""
    return [figures[HELD_OUT_LOSS] for figures in history if HELD_OUT_LOSS in figures]


def is_best(history: Sequence[Mapping[str, float]]) -> bool:
    """Whether the last step has the first least held-out loss."""
    losses = measured(history[-1:])
    return bool(losses) and losses[0] < min(measured(history[:-1]), default=math.inf)


def stalled(history: Sequence[Mapping[str, float]], patience: int | None) -> bool:
    """Whether the last `patience` held-out losses are no better than one before them."""
    losses = measured(history)
    return patience is not None and len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])


def taken(history: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The step whose weights a run ends with: the first of least held-out loss where there is one, else the last."""
    known = [figures for figures in history if HELD_OUT_LOSS in figures]
    return min(known, key=lambda figures: figures[HELD_OUT_LOSS]) if known else history[-1]


def accumulate(
    accelerator: Accelerator,
    model: nn.Module,
    parts: list[tuple[BatchT, float]],
    loss_of: Callable[[Any, BatchT], Step],
    precision: Precision,
) -> dict[str, Tensor]:
    """Add the gradient of one step to the weights' `.grad`; returns loss and metrics, each []."""
    totals: dict[str, Tensor] = {}
    for place, (batch, share) in enumerate(parts, 1):
        # Processes exchange gradients once per step, with the last part.
        with nullcontext() if place == len(parts) else accelerator.no_sync(model):
            with autocast(accelerator.device, precision):
                scores = model(batch)
            loss, metrics = loss_of(scores, batch)
            accelerator.backward(loss * share)
        for name, value in {"loss": loss.detach(), **metrics}.items():
            totals[name] = totals.get(name, 0.0) + value * share
    return totals


def micro_batches(
    accelerator: Accelerator, examples: Examples[BatchT], rows: Tensor, max_tokens: int
) -> list[tuple[BatchT, float]]:
    """One process's part of a step: each batch with its share of the step's units (pairs, or learned tokens).

    Weighted by that share, means of unequal batches add up to the mean of the step, wherever it is cut.
    """
    world = accelerator.num_processes
    # A last batch that does not divide over the processes loses its rest; one process loses nothing.
    rows = rows[: len(rows) // world * world] if len(rows) >= world else rows[:1].repeat(world)
    total = float(examples.units[rows].sum())
    # Like lengths side by side, and cut for all alike: processes that wait for each other take as many passes.
    beside = rows[examples.lengths[rows].argsort(stable=True)].view(-1, world)
    cuts = [
        beside[cut, accelerator.process_index] for cut in budget_batches(examples.lengths[beside].amax(1), max_tokens)
    ]
    # Gradients are averaged over processes: `world` makes them a sum.
    shares = [float(examples.units[cut].sum()) * world / total for cut in cuts]
    batches: list[Any] = [examples.batch(cut).to(accelerator.device) for cut in cuts]
    return list(zip(batches, shares, strict=True))


def orders(lengths: Tensor, settings: FitSettings) -> Iterator[Tensor]:
    """Batches without end, epoch after epoch, each epoch in an order of its own."""
    epoch = 0
    while True:
        yield from epoch_batches(lengths, settings.batch_size, settings.seed * 1_000_003 + epoch)
        epoch += 1


def total_steps(count: int, settings: FitSettings) -> int:
    """Optimizer steps over `count` examples."""
    if not count:
        raise ConfigError("There is nothing to train on: no example is left.")
    return max(1, round(settings.epochs * math.ceil(count / settings.batch_size)))


def learning_rate(step: int, total: int, settings: FitSettings) -> float:
    """Rate of step 1..total: a linear climb, then the schedule."""
    climb = math.ceil(settings.warmup * total)
    if step <= climb:
        return settings.learning_rate * step / climb
    done = (step - climb) / max(1, total - climb)
    falls = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    low = 1.0 if settings.schedule == "constant" else settings.final_rate
    return settings.learning_rate * (low + (1 - low) * falls[settings.schedule])


def adamw(model: nn.Module, settings: FitSettings) -> AdamW:
    """AdamW in one fused kernel. A model's `rates` say which of its parts learn faster, and how many times."""
    rates: Mapping[str, float] = getattr(model, "rates", {})
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            groups.setdefault((rates.get(name.partition(".")[0], 1.0), weight.dim() > 1), []).append(weight)
    parts = [
        {"params": weights, "rate": rate, "weight_decay": settings.weight_decay if decays else 0.0}
        for (rate, decays), weights in sorted(groups.items(), key=lambda group: group[0], reverse=True)
    ]
    return AdamW(parts, lr=settings.learning_rate, betas=settings.betas, fused=True)


def silence_dropout(model: nn.Module) -> None:
    """Set every dropout to 0: the two sides of a pair must pass the same network, and the reference too."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name, value in list(vars(module).items()):
            if "dropout" in name and isinstance(value, float):
                setattr(module, name, 0.0)
