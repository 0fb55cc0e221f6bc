"""Judges in a recipe that pairs and publishes, each against a server that says what the case needs."""

import json

import pytest

from flows.curate import curate_into
from flows.recipe import Recipe
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from tests.servers.start import server

pytestmark = pytest.mark.slow

TEXTS = ("the best text", "the middle text", "the worst text")


@pytest.fixture
def asked(lake, tmp_path, prefect_api):
    """Runs a recipe with some judges on three answers to each of two prompts, against a server with this script."""

    def run(script, judges, rejects=(), structures="all", **stages):
        prompts = [Prompt.of(user(f"Write about {what}."), source="hand") for what in ("rivers", "lakes")]
        texts = [Response.of(p.prompt_id, model=text, text=text, source="hand") for p in prompts for text in TEXTS]
        lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(texts)))
        (tmp_path / "script.json").write_text(json.dumps(script))
        with server("scripted.py", tmp_path / "script.json", *(("--rejects", *rejects) if rejects else ())) as url:
            engine = {"name": "openai", "base_urls": [url], "structures": structures}
            fields = {"engine": engine, "prompts": {"sources": ["hand"]}}
            return curate_into(lake, Recipe.model_validate({"name": "r", "judges": judges, **fields, **stages}))

    return run


def rows(lake, query):
    return lake.con.sql(query).fetchall()


def test_a_reply_that_cannot_be_read_is_asked_for_again(lake, asked):
    """Twice with another nonce, as often as `tries` says."""
    asked([{"about": [], "reply": "I would rather not say."}], [{"name": "critique", "model": "critic", "tries": 3}])
    tries = (
        "select (subject ->> 'attempt')::int as n, count(*), count(distinct subject ->> 'nonce') from calls group by n"
    )
    assert rows(lake, f"{tries} order by n") == [(0, 6, 6), (1, 6, 6), (2, 6, 6)]
    assert rows(lake, "select failure, count(*) from scores group by failure") == [("unparsable", 18)]


def test_a_server_that_knows_no_forms_judges_in_fences_of_code(lake, asked):
    """The words around an object are no failure, and the status of the call says that they were there."""
    reply = 'Sure!\n```json\n{"critique": "It is fair.", "LABEL: text;": 7}\n```'
    judges = [{"name": "critique", "model": "critic"}]
    asked([{"about": [], "reply": reply}], judges, ["response_format", "structured_outputs"], "none")
    assert rows(lake, "select status, count(*) from calls group by status") == [("bracketed", 6)]
    assert rows(lake, "select value, rationale, failure, count(*) from scores group by all") == [
        (7.0, "It is fair.", None, 6)
    ]
