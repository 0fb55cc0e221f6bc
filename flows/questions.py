"""What a recipe publishes of its principles: yes or no to each, as pairs that `entailment` trains on."""

from __future__ import annotations

from curation.judges.binary_principle import BinaryPrinciple
from curation.principles.questions import Questioned, Verdict, members_of, questioned
from flows.recipe import Publish
from flows.run import Run
from schemas.errors import InputError
from schemas.ids import canonical
from schemas.pairs import PAIRS
from schemas.prompts import PROMPTS, Prompt
from schemas.responses import RESPONSES, Response
from warehouse.versions import Draft, Published, publish


def publish_questions(run: Run, checked_by: str, wanted: Publish) -> Published:
    """Publish what the decisions of `checked_by` keep: a pair of the right and the wrong word for each principle.

    The recipe's judge `binary_principle` asks the questions, or the packaged one. Raises InputError when none is kept.
    """
    judge = next((one for one in run.recipe.judges if isinstance(one, BinaryPrinciple)), BinaryPrinciple(model="none"))
    found = [
        questioned(judge, _verdict(row), checked_by, run.recipe.seed, run.run_id)
        for row in run.lake.ask("kept_principles", checked_by=checked_by).to_pylist()
    ]
    if not found:
        raise InputError(f"No principle is kept under {checked_by}; see `reason` in the table `principles`.")
    return publish(run.lake, _draft(run, wanted, found))


def _draft(run: Run, wanted: Publish, found: list[Questioned]) -> Draft:
    return Draft(
        dataset=wanted.dataset,
        members=members_of(found),
        message=wanted.message or "yes or no to principles",
        recipe=canonical(run.recipe.model_dump(mode="json")),
        funnels=run.funnels,
        rows=[
            (PROMPTS, PROMPTS.rows(one.prompt for one in found)),
            (RESPONSES, RESPONSES.rows(side for one in found for side in one.responses)),
            (PAIRS, PAIRS.rows(one.pair for one in found)),
        ],
        run_id=run.run_id,
    )


def _verdict(row: dict) -> Verdict:
    return Verdict(
        prompt=Prompt.of_row(row["prompt"]),
        response=Response(**row["response"]),
        principle=row["principle"],
        label=row["label"],
    )
