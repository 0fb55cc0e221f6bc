"""Golden items: which are drawn, and that nothing in a request tells them from the rest."""

import pytest

from curation.asking import Group
from curation.gate import Gate
from curation.golden import with_golden
from curation.judges import JUDGES
from schemas.errors import InputError
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES
from schemas.votes import VOTES, Vote
from tests.rows import two_responses
from warehouse.lake import Lake

GATE = Gate(golden=("known",), golden_prompts=5)


def prompts_of(source: str, n: int) -> list[Prompt]:
    return [Prompt.of(user(f"{source} says {i}"), source=source) for i in range(n)]


def votes_on(prompt: Prompt, *winners: int | None) -> list[Vote]:
    """One person's verdict for each winner: 0 is the good answer, 1 the bad one, None a tie."""
    good, bad = two_responses(prompt)
    return [
        Vote.of(
            prompt_id=prompt.prompt_id, shown_first=good.response_id, shown_second=bad.response_id,
            winner=None if winner is None else (good, bad)[winner].response_id, record=f"{prompt.prompt_id} {i}",
            annotator=f"person {i}", annotator_kind="human", source=prompt.source,
        )
        for i, winner in enumerate(winners)
    ]  # fmt: skip


OWN, KNOWN, OPEN = prompts_of("own", 10), prompts_of("known", 20), prompts_of("open", 3)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("golden") / "warehouse") as opened:
        prompts = [*OWN, *KNOWN, *OPEN]
        opened.append(
            (PROMPTS, PROMPTS.rows(prompts)),
            (RESPONSES, RESPONSES.rows(response for prompt in prompts for response in two_responses(prompt))),
            (VOTES, VOTES.rows([vote for prompt in KNOWN for vote in votes_on(prompt, 0, 0, 1)])),
            (VOTES, VOTES.rows([vote for prompt in OPEN for vote in votes_on(prompt, 0, 1)])),
        )
        yield opened


def answers_to(prompts):
    return [response for prompt in prompts for response in two_responses(prompt)]


def hidden(lake, own, gate=GATE) -> list[Prompt]:
    prompts, _ = with_golden(lake, gate, own, answers_to(own))
    return [prompt for prompt in prompts if prompt not in own]


def test_they_lie_among_the_rest_in_the_order_of_ids(lake):
    prompts, answered = with_golden(lake, GATE, OWN, answers_to(OWN))
    assert prompts == sorted(prompts, key=lambda prompt: prompt.prompt_id)
    assert len(prompts) == len(OWN) + 5
    assert {prompt.source for prompt in prompts} == {"own", "known"}
    assert sorted(response.response_id for response in answered) == (
        sorted(response.response_id for response in answers_to(prompts))
    )


def test_a_run_that_goes_on_draws_the_same_and_another_run_others(lake):
    assert hidden(lake, OWN) == hidden(lake, OWN[::-1])
    assert hidden(lake, OWN) != hidden(lake, OWN[:-1])


def test_a_prompt_of_the_run_itself_is_not_asked_about_twice(lake):
    own = [*OWN, *KNOWN[:18]]
    assert {prompt.prompt_id for prompt in hidden(lake, own)} == {prompt.prompt_id for prompt in KNOWN[18:]}


@pytest.mark.parametrize("gate", [None, Gate()], ids=["no-gate", "no-golden-sources"])
def test_without_golden_sources_a_run_is_as_it_was(lake, gate):
    assert with_golden(lake, gate, OWN, answers_to(OWN)) == (OWN, answers_to(OWN))


def test_what_people_left_open_is_not_golden(lake):
    gate = Gate(golden=("known", "open"), golden_prompts=100)
    with pytest.raises(InputError, match="'open'"):
        hidden(lake, OWN, gate)


def test_nothing_in_a_request_tells_a_golden_item(lake):
    """It is the request that the same prompt would get as one of the run's own, and names no source."""
    judge = JUDGES.build({"name": "pairwise", "model": "m"})
    golden = hidden(lake, OWN)
    for prompt in golden:
        stored = next(one for one in KNOWN if one.prompt_id == prompt.prompt_id)
        both = [Group(prompt=one, responses=tuple(two_responses(one))) for one in (prompt, stored)]
        sent, as_own = ([question.request.body() for question in judge.questions(group, 0)] for group in both)
        assert sent == as_own
        assert len(sent) == 2
    shapes = {
        (frozenset(body), body["template_hash"], str(body["sampling"]))
        for prompt in [*golden, *OWN]
        for question in judge.questions(Group(prompt=prompt, responses=tuple(two_responses(prompt))), 0)
        for body in [question.request.body()]
    }
    assert len(shapes) == 1
