"""Supervised fine-tuning on chosen responses: maximum likelihood of their tokens."""

from __future__ import annotations

from typing import ClassVar

from training.objectives.likelihood import Likelihood


class SFT(Likelihood):
    """The chosen response of every pair is learned."""

    name: ClassVar[str] = "sft"
