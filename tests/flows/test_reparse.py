"""History is read again by whom it was asked by, and by nobody else: judges of one name and model in other words."""

import pytest

from flows.curate import curate_into
from flows.recipe import Recipe
from flows.reparse import OTHERS, reparse
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES
from tests.flows.conftest import in_flow
from tests.rows import some_prompts, two_responses
from tests.servers.start import server

PROMPTS_ASKED = 3

WORDS = {
    "one_line": {"rubric": {"brevity": "0 to 10, higher is shorter"}},
    "binary_principle": {"principles": ["instruction following"], "yes": "Ja", "no": "Nein"},
    "pairwise": {"template": "{{ prompt }} {{ answers | join }} Which? {{ labels }} {{ tie }}"},
    "aspects": {"types": {}},
    "listwise": {"principle": "The shorter, the better."},
}
"""By judge: settings that change what the model is told."""


@pytest.fixture(scope="module")
def url():
    with server("faulty.py", "--faults", 0) as started:
        yield started


@pytest.fixture
def recipe(lake, url, prefect_api):
    """Builds a recipe that judges stored answers by one judge."""
    prompts = some_prompts(PROMPTS_ASKED)
    responses = [response for prompt in prompts for response in two_responses(prompt)]
    lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(responses)))

    def build(name, **settings):
        judge = {"name": name, "model": "critic", **settings}
        fields = {"prompts": {"sources": ["hand"]}, "engine": {"name": "openai", "base_urls": [url]}}
        return Recipe.model_validate({"name": "r", "judges": [judge], **fields})

    return build


def asked(lake, recipe):
    """Runs a recipe; returns how many calls answer it."""
    in_flow(lambda: curate_into(lake, recipe))
    (n,) = lake.con.sql("select calls_made + calls_reused from runs order by finished_at desc limit 1").fetchone()
    return n


def verdicts(lake):
    """All that is stored of judges, failures included."""
    scores = "select call_id, response_id, aspect, value, failure from scores order by all"
    votes = "select call_id, vote_id, verdict, failure from votes order by all"
    return lake.con.sql(scores).fetchall(), lake.con.sql(votes).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize("name", WORDS)
def test_replies_to_other_words_are_not_read_as_replies_to_these(lake, recipe, name):
    usual, other = recipe(name), recipe(name, **WORDS[name])
    questions = [asked(lake, one) for one in (usual, other)]
    (calls,) = lake.con.sql("select count(*) from calls").fetchone()
    assert calls > max(questions)
    stored = verdicts(lake)
    for one, mine in zip((usual, other), questions, strict=True):
        changes = {row["change"]: row["verdicts"] for row in reparse(lake, one).to_pylist()}
        assert verdicts(lake) == stored
        assert changes.pop(OTHERS) == calls - mine
        assert changes.keys() == {"same"}


@pytest.mark.slow
def test_every_try_and_sample_is_read_again(lake, recipe):
    """A question that is asked again, with another nonce, is the same question."""
    # This server gives no logprobs: nothing can be read.
    judge = recipe("binary_principle", tries=2, samples=2, sampling={"temperature": 0.7, "max_tokens": 1})
    in_flow(lambda: curate_into(lake, judge))
    (calls,) = lake.con.sql("select count(*) from calls").fetchone()
    assert calls == PROMPTS_ASKED * 2 * 2 * 2 * 2  # answers, principles, samples, tries
    changes = reparse(lake, judge).to_pylist()
    assert [(row["change"], row["verdicts"]) for row in changes] == [("same", calls)]
