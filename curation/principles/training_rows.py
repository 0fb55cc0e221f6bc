"""What a principle-following reward model is trained on: (prompt, response, principle) and the word Yes or No."""

from __future__ import annotations

from typing import Any

from curation.asking import Group
from curation.judges.binary_principle import BinaryPrinciple
from schemas.principles import Met
from schemas.prompts import Prompt
from schemas.responses import Response


def training_row(
    judge: BinaryPrinciple, prompt: Prompt, response: Response, principle: str, label: Met, seed: int
) -> dict[str, Any]:
    """One row as TRL's SFTTrainer has it: the question that the judge would ask, and the one word that answers it.

    The feedback is no part of it: at run time there is none. Raises ValueError for `partially`, which has no word.
    """
    if label == "partially":
        raise ValueError(f"{principle!r} is met partially: a row answers yes or no")
    group = Group(prompt=prompt, responses=(response,))
    question = judge.question(group, [response], about=principle, seed=seed)
    word = judge.yes if label == "yes" else judge.no
    return {"prompt": list(question.request.messages), "completion": [{"role": "assistant", "content": word}]}
