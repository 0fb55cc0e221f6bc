"""Judges in a recipe that pairs and publishes, each against a server that says what the case needs."""

import json

import pytest
import yaml

from curation.asking import Group
from curation.judges import JUDGES
from flows.curate import curate_into
from flows.recipe import load
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from tests.flows.conftest import Shell, in_flow
from tests.servers.start import server
from warehouse.readonly import reading

pytestmark = pytest.mark.slow

TEXTS = ("the best text", "the middle text", "the worst text")
PROMPTS_ASKED = [Prompt.of(user(f"Write about {what}."), source="hand") for what in ("rivers", "lakes")]


def answers_to(prompt):
    return [Response.of(prompt.prompt_id, model=text, text=text, source="hand") for text in TEXTS]


@pytest.fixture
def asked(lake, tmp_path, prefect_api):
    """Runs a recipe with some judges on three answers to each of two prompts, against a server with this script."""

    def run(script, judges, rejects=(), structures="all", overrides=None, **stages):
        texts = [text for prompt in PROMPTS_ASKED for text in answers_to(prompt)]
        lake.append((PROMPTS, PROMPTS.rows(PROMPTS_ASKED)), (RESPONSES, RESPONSES.rows(texts)))
        (tmp_path / "script.json").write_text(json.dumps(script))
        with server("scripted.py", tmp_path / "script.json", *(("--rejects", *rejects) if rejects else ())) as url:
            engine = {"name": "openai", "base_urls": [url], "structures": structures}
            fields = {"name": "r", "engine": engine, "prompts": {"sources": ["hand"]}, "judges": judges, **stages}
            (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(fields))
            return in_flow(lambda: curate_into(lake, load(tmp_path / "recipe.yaml", overrides)))

    return run


def rows(lake, query):
    """What a user's query gives."""
    with reading(lake.folder) as reader, reader.ask(query) as answer:
        return [tuple(row.values()) for row in answer.rows().to_pylist()]


def test_a_reply_that_cannot_be_read_is_asked_for_again(lake, asked):
    """Twice with another nonce, as often as `tries` says."""
    asked([{"about": [], "reply": "I would rather not say."}], [{"name": "critique", "model": "critic", "tries": 3}])
    tries = (
        "select (subject ->> 'attempt')::int as n, count(*), count(distinct subject ->> 'nonce') from calls group by n"
    )
    assert rows(lake, f"{tries} order by n") == [(0, 6, 6), (1, 6, 6), (2, 6, 6)]
    assert rows(lake, "select failure, count(*) from scores group by failure") == [("unparsable", 18)]


def test_what_the_last_of_ten_tries_says_counts(lake, asked):
    """`methods/data.md` 31.5: a loop of retries threw its tenth answer away unread."""
    judge, reply = (
        {"name": "critique", "model": "critic", "tries": 10},
        '{"critique": "It is fair.", "LABEL: text;": 7}',
    )
    lasts = [last_of(JUDGES.build(judge), prompt, text) for prompt in PROMPTS_ASKED for text in answers_to(prompt)]
    script = [*({"about": [nonce], "reply": reply} for nonce in lasts), {"about": [], "reply": "I had rather not."}]
    asked(script, [judge])
    assert rows(lake, "select count(*), max((subject ->> 'attempt')::int) from calls") == [(60, 9)]
    assert rows(lake, "select failure, value, count(*) from scores group by all order by all") == [
        ("unparsable", None, 54),
        (None, 7.0, 6),
    ]


def last_of(judge, prompt, response):
    """The nonce of the last question about a response."""
    (question,) = judge.questions(Group(prompt=prompt, responses=(response,)), 0)
    while more := judge.again(question, ["unparsable"]):
        question = more
    return question.subject.nonce


def test_a_server_that_knows_no_forms_judges_in_fences_of_code(lake, asked):
    """The words around an object are no failure, and the status of the call says that they were there."""
    reply = 'Sure!\n```json\n{"critique": "It is fair.", "LABEL: text;": 7}\n```'
    judges = [{"name": "critique", "model": "critic"}]
    asked([{"about": [], "reply": reply}], judges, ["response_format", "structured_outputs"], "none")
    assert rows(lake, "select status, count(*) from calls group by status") == [("bracketed", 6)]
    assert rows(lake, "select value, rationale, failure, count(*) from scores group by all") == [
        (7.0, "It is fair.", None, 6)
    ]


BEST, MIDDLE, WORST = (f"LABEL:{text};" for text in TEXTS)
PUBLISHED = {"publish": {"dataset": "judged"}}


def pairs(lake):
    """Texts of the published pairs, best first."""
    query = (
        "select c.text, r.text from members join pairs using (pair_id) "
        "join responses as c on c.response_id = chosen_id "
        "join responses as r on r.response_id = rejected_id order by all"
    )
    return rows(lake, query)


IN_ORDER = [(better, worse) for n, better in enumerate(TEXTS) for worse in TEXTS[n + 1 :] for _ in range(2)]
"""Every two answers to both prompts, as a judge that tells them apart orders them."""


def failures(lake):
    return rows(lake, "select failure, count(*) from (from scores union all by name from votes) group by failure")


def ranked(*labels):
    """A listwise reply that ranks these labels from best to worst."""
    scores = dict(zip(labels, (5, 3, 1), strict=True))
    return json.dumps({"reasoning": "As the principle says.", "scores": scores, "ranking": labels})


def test_listwise_judges_of_one_model_keep_their_principles_apart(lake, asked):
    """Each score says under which principle it was given; an aspect that is named may stand for it."""
    script = [
        {"about": ["Shorter is better."], "reply": ranked(BEST, MIDDLE, WORST)},
        {"about": ["Warmth counts."], "reply": ranked(WORST, MIDDLE, BEST)},
    ]
    judges = [
        {"name": "listwise", "model": "critic", "principle": one} for one in ("Shorter is better.", "Warmth counts.")
    ]
    asked(script, judges, pair={"name": "all_distinct"}, aspects=["Shorter is better."], **PUBLISHED)
    means = "select aspect, text, avg(value) from scores join responses using (response_id) group by all order by all"
    best, middle, worst = TEXTS
    assert rows(lake, means) == [
        ("Shorter is better.", best, 5), ("Shorter is better.", middle, 3), ("Shorter is better.", worst, 1),
        ("Warmth counts.", best, 1), ("Warmth counts.", middle, 3), ("Warmth counts.", worst, 5),
    ]  # fmt: skip
    assert pairs(lake) == IN_ORDER


def test_reasoning_is_read_from_its_tail_in_both_orders(lake, asked):
    """What is said before the end does not count, also where it holds another verdict's tag."""
    draft = f"At first I think [[{WORST}]]. " + "Then I look again. " * 8
    script = [{"about": [text], "reply": f"{draft}<type>chat</type> So [[LABEL:{text};]]"} for text in TEXTS[:2]]
    asked(script, [{"name": "reasoning", "model": "critic"}], pair={"name": "consistent"}, **PUBLISHED)
    assert pairs(lake) == IN_ORDER
    assert failures(lake) == [(None, 12)]
    assert rows(lake, "select consistent, n_both_orders from position_bias") == [(1.0, 6)]


def test_a_yes_token_scores_by_its_odds(lake, asked):
    script = [
        {"about": [text], "reply": "Yes", "logprobs": [{"Yes": yes, "No": -1.0, " yes": -9.0}]}
        for text, yes in zip(TEXTS, (-0.5, -1.0, -2.0), strict=True)
    ]
    asked(script, [{"name": "yes_token", "model": "critic"}], pair={"name": "all_distinct"}, **PUBLISHED)
    assert pairs(lake) == IN_ORDER
    values = rows(
        lake, "select distinct text, round(value, 2) from scores join responses using (response_id) order by all"
    )
    assert values == [(TEXTS[0], 0.62), (TEXTS[1], 0.50), (TEXTS[2], 0.27)]


def test_a_yes_token_without_logprobs_is_a_failure(lake, asked):
    asked([{"about": [], "reply": "Yes"}], [{"name": "yes_token", "model": "critic", "tries": 1}])
    assert failures(lake) == [("empty", 6)]


def test_label_logprobs_of_both_orders_make_one_pair(lake, asked):
    """A judge that leans to one answer by 1.5 nats says so in the strength, whatever comes first."""
    script = [
        {
            "about": [better, worse],
            "reply": f"LABEL:{better};",
            "logprobs": [{f"LABEL:{better};": -0.5, f"LABEL:{worse};": -2}],
        }
        for better, worse in dict.fromkeys(IN_ORDER)
    ]
    judges = [{"name": "pairwise_logprobs", "model": "critic"}]
    asked(script, judges, pair={"name": "order_averaged", "log_odds": True}, **PUBLISHED)
    assert pairs(lake) == IN_ORDER
    assert rows(lake, "select distinct strength, failure from votes") == [(1.5, None)]


def test_principles_are_chosen_when_a_recipe_is_run(lake, asked):
    """`--set judges.0.principles=[...]`: only these are asked about, and each names its scores."""
    script = [
        {"about": [text, quality], "reply": "Yes", "logprobs": [{"Yes": -1.0, "No": no}]}
        for quality, odds in (("brevity", (-3.0, -2.0, -1.5)), ("warmth", (-2.0, -1.5, -1.0)))
        for text, no in zip(TEXTS, odds, strict=True)
    ]
    chosen = {"judges.0.principles": ["brevity", "warmth"]}
    judges = [{"name": "binary_principle", "model": "critic"}]
    asked(script, judges, overrides=chosen, pair={"name": "all_distinct"}, **PUBLISHED)
    said = rows(lake, "select distinct aspect, text, value from scores join responses using (response_id) order by all")
    assert said == [
        (quality, text, value)
        for quality, odds in (("brevity", (2.0, 1.0, 0.5)), ("warmth", (1.0, 0.5, 0.0)))
        for text, value in zip(TEXTS, odds, strict=True)
    ]
    assert pairs(lake) == IN_ORDER
    assert {margin for (margin,) in rows(lake, "select margin from members")} == {0.75, 0.5, 1.25}


def test_a_listwise_judge_is_measured_by_people_s_ratings_of_all_answers(lake, asked, tmp_path, prefect_api):
    """RewardAnything's worked values: 1 - 2/9 where the lower two are exchanged, 1/2 where all are rated alike."""
    truth = dict(zip(TEXTS, ("5", "3", "2"), strict=True))
    people = tmp_path / "people.jsonl"
    people.write_text("".join(json.dumps(rated(prompt, truth)) + "\n" for prompt in PROMPTS_ASKED))
    prefinery = Shell(lake.folder, prefect_api)
    prefinery("import", "ultrafeedback", people, "--source", "hand", "--set", "judge=human:ann")
    exchanged, alike = (dict(zip(TEXTS, scores, strict=True)) for scores in ((5, 2, 3), (4, 4, 4)))
    script = [{"about": ["rivers"], "reply": scored(exchanged)}, {"about": ["lakes"], "reply": scored(alike)}]
    asked(script, [{"name": "listwise", "model": "ranker"}])
    (row,) = json.loads(prefinery("judges", "--format", "json").stdout)
    assert (row["judge"], row["n_rankings"]) == ("listwise:ranker", 2)
    assert row["rank_accuracy"] == pytest.approx((1 - 2 / 9 + 1 / 2) / 2)
    assert row["rank_accuracy_low"] == pytest.approx(1 / 2)
    assert row["rank_accuracy_high"] == pytest.approx(1 - 2 / 9)


def rated(prompt, ratings):
    """A record of UltraFeedback."""
    sides = [
        {"model": text, "response": text, "annotations": {"helpfulness": {"Rating": rating}}}
        for text, rating in ratings.items()
    ]
    return {"source": "hand", "instruction": prompt.messages[0]["content"], "models": [*TEXTS], "completions": sides}


def scored(scores):
    """A reply of the judge `listwise`."""
    labels = {f"LABEL:{text};": score for text, score in scores.items()}
    order = sorted(labels, key=lambda label: -labels[label])
    return json.dumps({"reasoning": "So it is.", "scores": labels, "ranking": order})
