"""How to train, whatever is minimised. Nothing here loads torch: a recipe that trains nothing reads these too."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.base import Strict

Precision = Literal["no", "bf16"]
"""`bf16` runs the model in bfloat16 over float32 weights; `no` is float32 throughout."""

RULE, JUDGE = "rule:", "judge:"
"""What sources of reward begin with that a flow gives, which knows the warehouse."""


class FitSettings(Strict):
    """How to walk down. The objective says where."""

    epochs: float = Field(default=1.0, gt=0)
    """Passes over the data; 0.5 stops half-way. Preference data over-fits after one or two."""
    batch_size: int = Field(default=64, ge=1)
    """Examples (pairs, or sequences) per optimizer step, over all processes."""
    micro_batch_tokens: Annotated[int, Field(ge=1)] | Literal["all"] | None = None
    """Tokens per forward pass and process, or `all` of a step; a longer example goes alone. None: 1,024 on a CPU and
    16,384 on a GPU. Changes memory and speed, and the gradient only of objectives that compare the rows of a batch."""
    learning_rate: float = Field(default=1e-5, gt=0)
    """Peak of the schedule."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the rate climbs from 0 to its peak."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """Shape of the way down after the warm-up."""
    final_rate: float = Field(default=0.1, ge=0, le=1)
    """Rate at the end, as a share of the peak (cosine and linear)."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled decay of matrices; vectors (norms, biases) have none."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are shortened to this norm."""
    betas: tuple[float, float] = (0.9, 0.95)
    """AdamW's memories of gradient and squared gradient."""
    seed: int = 0
    """Order of the data, a fresh reward head, and resampling in evaluation."""
    precision: Precision = "no"
    """`bf16` runs the model in bfloat16 over float32 weights; `no` is float32 throughout."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after so many measurements of the held-out loss without a new least one, and take the weights that had it.
    The pairs that measure it (`held_out`) are not learned. None trains to the end on all."""
    measure_steps: int = Field(default=50, ge=1)
    """Steps from one measurement of the held-out loss to the next."""
    # What follows changes no weight, and is not part of what made a model.
    checkpoint_minutes: float = Field(default=15, ge=0, exclude=True)
    """Most work that a killed run loses; 0 keeps every step."""
    trackers: tuple[str, ...] = Field(default=(), exclude=True)
    """Where metrics go, too: `tensorboard`, `wandb`, `trackio`, `mlflow` ..., as accelerate knows them; `all` that are
    installed."""

    @field_validator("trackers")
    @classmethod
    def _trackers_are_installed(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            return names
        from accelerate.tracking import get_available_trackers

        # accelerate leaves one out that is not installed, and says nothing.
        known = ["all", *(str(one.value) for one in get_available_trackers())]
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"{unknown[0]} is not installed; install it, or name one of {', '.join(known)}")
        return names


class Lora(Strict):
    """Adapters on every linear layer of the trunk."""

    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32, gt=0)
    """Their sum counts alpha / rank."""


class VoterSettings(Strict):
    """An ensemble: how many voters there are, and how they come to differ."""

    mode: Literal["shared", "full"] = "shared"
    """`shared`: heads on one trunk, which reads every pair once. `full`: a training of the whole model each."""
    count: int = Field(default=10, ge=1)
    """Voters."""
    folds: int = Field(default=5, ge=1)
    """Parts of the prompts; each is voted on by models that were trained on the others. 1 votes on what it has seen."""
    bootstrap: bool = True
    """Each voter draws its training pairs with replacement. Otherwise voters differ by start and order alone, which in
    a head that is trained to the end makes no difference."""
    seed: int = 0
    """Voter k of seed s starts, draws and orders as it does in any other ensemble of this seed."""
    max_length: int = Field(default=1024, ge=2)
    """Tokens of prompt and response together; longer pairs are not voted on."""
    tune: bool = False
    """Train the trunk of `shared` voters, once a fold, before it is frozen."""
    fit: FitSettings = FitSettings(learning_rate=9e-6)
    """How a `full` voter is trained, or the trunk that is tuned."""
    lora: Lora | None = None
    """Train adapters of `full` voters, or of the trunk that is tuned, instead of all weights."""
    heads: FitSettings = FitSettings(epochs=10, learning_rate=1e-2, max_grad_norm=1e9)
    """How the heads of `shared` voters are trained. A bound on the gradient would tie the voters together."""
