"""What is evaluated: a reward model, several as one, or a policy beside its reference.

None gives a reward to a text that it cannot read whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from schemas.errors import ConfigError, ModelError, explain_settings
from schemas.ids import content_id
from training.checkpoint import context_of, is_classifier, load_policy, load_reward, revision_of
from training.evaluate.ensemble import Ensemble
from training.evaluate.implicit_reward import Implicit, Rewards, implicit_rewards
from training.evaluate.rewards import Item, rewards_of
from training.gated import is_gated, load_gated
from training.score import Progress, unseen
from training.settings import Precision

Subject = Path | str | Ensemble | Implicit
"""A model folder, a name on the hub, an ensemble, or a policy's implicit reward."""


def read_subject(name: str) -> str | Ensemble:
    """The ensemble whose settings the file `NAME.json` holds, or the name itself."""
    if not name.endswith(".json"):
        return name
    try:
        return Ensemble.model_validate_json(Path(name).read_bytes())
    except OSError as error:
        raise ConfigError(f"{name} cannot be read; name a file with the settings of an ensemble.") from error
    except ValidationError as error:
        raise ConfigError(f"{name} holds no ensemble: {explain_settings(error)}") from error


def subject_revision(subject: Subject) -> str:
    """A digest of all that decides the rewards: equal for equal models, wherever they lie."""
    if isinstance(subject, Implicit):
        return content_id("implicit", revision_of(subject.policy), revision_of(subject.reference), subject.beta)
    if not isinstance(subject, Ensemble):
        return revision_of(subject)
    members = [[revision_of(one.model), one.mean, one.std] for one in subject.members]
    return content_id("ensemble", members, subject.how, subject.strength)


def rewards_that_fit(
    subject: Subject,
    items: Sequence[Item],
    *,
    max_length: int | None = None,
    precision: Precision = "no",
    progress: Progress = unseen,
) -> NDArray[np.floating[Any]]:
    """[N] rewards of (prompt, response) items, NaN where one is longer than `max_length` tokens.

    Without `max_length` it is what the model, or the least of an ensemble's members, was made to read.
    """
    how: dict[str, Any] = {
        "max_length": max_length or _context(_models(subject)), "precision": precision, "progress": progress,
    }  # fmt: skip
    if isinstance(subject, Ensemble | Implicit):
        return subject.rewards_of(items, **how)
    return rewards_of(subject, items, **how).astype(np.float64)


def opened(subject: Subject) -> Rewards:
    """The subject's rewards of items that fit, its models kept in memory for as many calls as follow."""
    models = _models(subject)
    most = _context(models)
    if isinstance(subject, Implicit):
        return partial(implicit_rewards, *map(load_policy, models), beta=subject.beta, max_length=most)
    loaded = [load_gated(one) if is_gated(one) else load_reward(one) for one in models]
    each = [partial(rewards_of, one, max_length=most) for one in loaded]
    if not isinstance(subject, Ensemble):
        return each[0]

    def together(items: Sequence[Item]) -> NDArray[np.floating[Any]]:
        known = zip(each, subject.members, strict=True)
        return subject.combined([(rewards(items) - one.mean) / one.std for rewards, one in known])

    return together


def _models(subject: Subject) -> Sequence[Path | str]:
    """The models that read the texts, each of the kind that is needed."""
    if isinstance(subject, Implicit):
        if is_classifier(subject.policy):
            raise ModelError(f"{subject.policy} is a reward model; leave out its reference.")
        return [subject.policy, subject.reference]
    models = [one.model for one in subject.members] if isinstance(subject, Ensemble) else [subject]
    for model in models:
        if not is_classifier(model):
            raise ModelError(
                f"{model} has no reward head; name a model that `prefinery train reward` made, "
                "or the reference of a policy."
            )
    return models


def _context(models: Sequence[Path | str]) -> int | None:
    """Most tokens that all of them were made to read, as far as their configs say so."""
    return min((most for most in map(context_of, models) if most), default=None)
