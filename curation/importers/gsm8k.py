"""GSM8K: school mathematics with worked solutions (arXiv 2110.14168), and recorded solutions of models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.records import BadRow, Record, text_of
from schemas.prompts import user

FINAL = re.compile(r"^(?:####|A:)[ \t]*(?P<answer>\S.*?)\s*\Z", re.MULTILINE)
"""The last line of a worked solution; the files of recorded solutions write `A:` for `####`."""


class GSM8K(Importer):
    r"""Questions with their final answers, with which the rule `math_answer` compares; recorded solutions of models.

    Neither the worked solution nor the verdict on a recorded one is stored.

    `{"question": "Ann has 2 hens and buys 3. How many has she?", "answer": "She has 2+3=<<2+3=5>>5.\n#### 5"}` or
    `{"question": "...", "ground_truth": "...\nA: 5", "6b_finetuning": {"is_correct": true, "solution": "...\nA: 5"}}`
    """

    name = "gsm8k"
    license: ClassVar[str] = "MIT"

    def translate(self, record: Record) -> Iterator[Row]:
        asked = user(text_of(record, "question"))
        final = FINAL.search(text_of(record, "ground_truth" if "ground_truth" in record else "answer"))
        if final is None:
            raise BadRow("no_final_answer")
        prompt = self.prompt(asked, correct_answers=(final["answer"],))
        yield prompt
        for model, found in record.items():
            if isinstance(found, dict):
                yield self.response(prompt, f"gsm8k/{model}", text_of(found, "solution"))
