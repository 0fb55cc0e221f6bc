from dataclasses import replace

import pytest

from curation.rubrics import Proposed
from curation.rubrics.consistency import Said
from curation.rubrics.contrastive import Contrastive
from curation.rubrics.drafts import Draft, decided, drafted
from curation.rubrics.prompt_only import PromptOnly
from schemas.calls import Answered
from schemas.pairs import pair_id_of
from schemas.prompts import Prompt, user
from schemas.responses import Response

PROMPT = Prompt.of(user("Sing."), source="hand")
ANSWERS = tuple(Response.of(PROMPT.prompt_id, model="m", text=text, source="hand") for text in ("la", "li", "lu"))
GOOD = (Proposed("hard", "The response sings.", 2.0), Proposed("principle", "The response is in tune."))
BAD = Proposed("hard", "Response A sings.")


def draft_of(proposed, answers=ANSWERS):
    writer = Contrastive(model="m")
    question = writer.question_about(PROMPT, answers, seed=0)
    return drafted(writer, question, Answered("c", "ok", "", "stop", None, 1, "run"), proposed, answers)


def test_a_draft_holds_what_passes_and_a_drop_what_does_not():
    draft, drops = draft_of([GOOD[0], BAD, GOOD[1]])
    rubric = draft.rubric
    assert [(item.kind, item.text, item.weight) for item in rubric.items] == list(GOOD)
    assert (rubric.writer, rubric.call_id, rubric.run_id, rubric.accepted) == ("contrastive:m", "c", "run", True)
    assert rubric.contrasted == tuple(answer.response_id for answer in ANSWERS)
    assert [(drop.stage, drop.reason, drop.detail) for drop in drops] == [
        ("rubric items", "not_about_the_response", BAD.text)
    ]
    assert [row["number"] for row in rubric.item_rows()] == [1, 2]


def test_a_draft_of_one_item_is_rejected():
    draft, drops = draft_of([GOOD[0], BAD, GOOD[0]])
    assert (draft.rubric.accepted, draft.rubric.reason) == (False, "too_few_items")
    assert [drop.reason for drop in drops] == ["not_about_the_response", "duplicate"]


def test_a_draft_of_a_writer_that_saw_no_answer_contrasts_none():
    """What it cannot have seen it cannot give away: `li` is an answer's word, and passes."""
    writer = PromptOnly(model="m")
    question = writer.question_about(PROMPT, ANSWERS, seed=0)
    said = [GOOD[0], BAD, Proposed("principle", "The response sings li and Tirra.")]
    answered = Answered("c", "ok", "", "stop", None, 1, "run")
    draft, drops = drafted(writer, question, answered, said, ANSWERS)
    assert (draft.rubric.contrasted, draft.rubric.writer, draft.best_first) == (None, "prompt_only:m", ANSWERS)
    assert [drop.detail for drop in drops] == [BAD.text]
    unordered, _ = drafted(writer, question, answered, said)
    assert (unordered.known, unordered.rubric) == ([], draft.rubric)


def test_a_draft_is_judged_on_its_answers_in_id_order():
    draft, _ = draft_of(GOOD)
    ids = [response.response_id for response in draft.group.responses]
    assert ids == sorted(ids)
    assert draft.group.rubric == draft.rubric
    assert draft.known == [
        (ANSWERS[better].response_id, ANSWERS[worse].response_id) for better, worse in ((0, 1), (0, 2), (1, 2))
    ]


@pytest.mark.parametrize(
    ("right", "accepted", "reasons"),
    [
        pytest.param((1, 1, 1), True, [], id="all-right"),
        pytest.param((1, 0, 1), True, ["judged_wrong"], id="two-of-three"),
        pytest.param((0, 0, 1), False, ["rubric_rejected"] * 3, id="one-of-three"),
    ],
)
def test_a_decision_names_every_pair_that_is_lost(right, accepted, reasons):
    draft, _ = draft_of(GOOD)
    verdicts = [Said(pair, pair[0] if one else pair[1]) for pair, one in zip(draft.known, right, strict=True)]
    rubric, drops = decided(draft, verdicts, tau=0.5, checked_by="rubric:j", run_id="r")
    assert (rubric.accepted, rubric.agreement) == (accepted, pytest.approx(sum(right) / 3))
    assert (rubric.reason is None, rubric.checked_by, rubric.run_id) == (accepted, "rubric:j", "r")
    assert rubric.rubric_id == draft.rubric.rubric_id
    assert [drop.reason for drop in drops] == reasons
    lost = [pair for pair, one in zip(draft.known, right, strict=True) if not (one and accepted)]
    ids = [pair_id_of(PROMPT.prompt_id, better, PROMPT.prompt_id, worse) for better, worse in lost]
    assert [drop.row_id for drop in drops] == ids


def test_what_is_decided_on_an_edit_names_the_answers_of_this_run():
    draft, _ = draft_of(GOOD)
    edited = Draft(rubric=draft.rubric.edited(draft.rubric.items[:1], "ann"), prompt=PROMPT, best_first=ANSWERS[:2])
    edited = replace(edited, rubric=replace(edited.rubric, contrasted=None))
    rubric, _ = decided(edited, [], tau=0.5, checked_by="rubric:j", run_id="r")
    assert rubric.contrasted == tuple(answer.response_id for answer in ANSWERS[:2])
    assert (rubric.parent_id, rubric.agreement) == (draft.rubric.rubric_id, 0.0)
