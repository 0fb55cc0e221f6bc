"""Reward consistency under changed instructions (Contrast Instructions): arXiv:2309.16155."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from training.evaluate.benchmarks import Benchmark, Case, Figures, Record, Rewards, item
from training.evaluate.intervals import mean_interval


class Consistency(Benchmark):
    """Two instructions that look alike and want different responses: the reward is to follow the instruction.

    `{"instruction": "...", "response": "...", "other_instruction": "...", "other_response": "..."}`

    Response consistency compares two responses under one instruction: `single` counts each direction, `joint` wants
    both. Instruction consistency compares one response under two instructions; rewards learned from pairs may add
    anything to all responses of a prompt, so the first is the one that counts.
    """

    name = "consistency"
    columns: ClassVar[tuple[str, ...]] = ("instruction", "response", "other_instruction", "other_response")

    def case(self, record: Record) -> Case:
        prompts, responses = ((record[name], record[f"other_{name}"]) for name in ("instruction", "response"))
        fitting = [item(prompt, response) for prompt, response in zip(prompts, responses, strict=True)]
        crossed = [item(prompt, response) for prompt, response in zip(prompts, responses[::-1], strict=True)]
        return Case(prompt=str(prompts[0]), items=(*fitting, *crossed), correct=2)

    def ties(self, rewards: Rewards, correct: int) -> bool:
        """Whether two responses to one instruction have the same reward."""
        return bool((rewards[:correct] == rewards[correct:]).any())

    def figures(self, cases: Sequence[Case], rewards: Sequence[Rewards]) -> Figures:
        each = np.array(rewards).reshape(-1, 2, 2)
        fitting, crossed = each[:, 0], each[:, 1]
        prompts = [case.prompt for case in cases]
        kinds = {"response": fitting > crossed, "instruction": fitting > crossed[:, ::-1]}
        return {
            f"{kind} consistency, {form}": mean_interval(right.mean(1) if form == "single" else right.all(1), prompts)
            for kind, right in kinds.items()
            for form in ("single", "joint")
        }
