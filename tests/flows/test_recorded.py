"""Published judge prompts in a recipe, on what real judges replied: a server repeats it, and the views know the rest.

LLMBar's evaluators (arXiv 2310.07641) in both orders, with the accuracies that were published with them, and
RewardMATH's pairwise judge (arXiv 2410.01729), which gave no verdict 621 times.
"""

import json
from contextlib import contextmanager

import pytest
import yaml

from curation.asking import Group
from flows.curate import curate
from flows.judging import Hearing
from flows.recipe import load
from flows.run import Run
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.votes import VOTES, Vote
from tests.flows.conftest import in_flow
from tests.servers.start import server
from warehouse.lake import Lake
from warehouse.readonly import reading

pytestmark = pytest.mark.slow

COMPARE = (
    "# Instruction:\n{{ request }}\n\n# Output (a):\n{{ responses[0] }}\n\n# Output (b):\n{{ responses[1] }}\n\n"
    "# Which is better, Output (a) or Output (b)?"
)
RATE = "# Instruction:\n{{ request }}\n\n# Output:\n{{ responses[0] }}\n\n# Rate it from 0 to 9."
MATH = "{{ request }}\n[A]\n{{ responses[0] }}\n[B]\n{{ responses[1] }}\n[[A]] or [[B]]?"


@pytest.fixture
def warehouse(tmp_path):
    with Lake.create(tmp_path / "warehouse"):
        return tmp_path / "warehouse"


@pytest.fixture
def replayed(tmp_path, prefect_api):
    """The file of a recipe with a judge, whose server repeats these replies to these requests; a context."""

    @contextmanager
    def serve(replies, judge):
        script = [{"is": asked, "reply": reply} for asked, reply in replies.items()]
        (tmp_path / "script.json").write_text(json.dumps(script))
        with server("scripted.py", tmp_path / "script.json") as url:
            fields = {"name": "recorded", "prompts": {"sources": ["hand"]}, "judges": [judge]}
            fields["engine"] = {"name": "openai", "base_urls": [url]}
            (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(fields))
            yield tmp_path / "recipe.yaml"

    return serve


def asked(words, request, *texts):
    """The words of a template with the texts in their places."""
    for place, text in enumerate(texts):
        words = words.replace(f"{{{{ responses[{place}] }}}}", text)
    return words.replace("{{ request }}", request)


def store(warehouse, *tables):
    with Lake.open(warehouse) as lake:
        lake.append(
            *((table, table.rows(rows)) for table, rows in zip((PROMPTS, RESPONSES, VOTES), tables, strict=True))
        )


def store_instances(warehouse, instances):
    """Prompts and both answers of LLMBar's instances, and the label as a person's vote."""
    prompts = [Prompt.of(user(one["input"]), source="hand") for one in instances]
    sides = [
        [Response.of(p.prompt_id, model=f"output_{n}", text=one[f"output_{n}"], source="hand") for n in (1, 2)]
        for p, one in zip(prompts, instances, strict=True)
    ]
    votes = [
        Vote.of(
            prompt_id=one.prompt_id, shown_first=one.response_id, shown_second=two.response_id, annotator="llmbar",
            winner=(one, two)[instance["label"] - 1].response_id, record="label", annotator_kind="human", source="hand",
        )
        for (one, two), instance in zip(sides, instances, strict=True)
    ]  # fmt: skip
    store(warehouse, prompts, [response for both in sides for response in both], votes)


def evaluator(real_data, name):
    folder = real_data / "llmbar_natural" / "evaluators" / name
    return [json.loads((folder / f"{kind}.json").read_text()) for kind in ("result", "statistics")]


def row(warehouse, query):
    """The first row of a user's query."""
    with reading(warehouse) as reader, reader.ask(query) as answer:
        return answer.rows().to_pylist()[0]


def percent(text):
    """94.0 of "94 / 100 = 94.0%"."""
    return pytest.approx(float(text.split()[-1].rstrip("%")) / 100)


COMPARERS = {"GPT-4/CoT": 103, "GPT-4/Vanilla": 101, "ChatGPT/CoT": 133, "Falcon/CoT": 186}
"""Verdicts for the output shown first, of 200; ChatGPT gave 199."""


@pytest.mark.parametrize("name", COMPARERS)
def test_llmbar_s_comparisons_reach_their_published_accuracy(warehouse, replayed, real_data, name):
    instances, published = evaluator(real_data, name)
    replies = {}
    for one in instances:
        (stage,) = one["results"]
        for order, (first, second) in {"swap = False": (1, 2), "swap = True": (2, 1)}.items():
            text = asked(COMPARE, one["input"], one[f"output_{first}"], one[f"output_{second}"])
            replies[text] = stage[order]["completion"][0]
    assert len(replies) == 200
    store_instances(warehouse, instances)
    judge = {"name": "custom_pairwise", "called": "llmbar", "model": name, "contract": "output_a_or_b", "tries": 1}
    with replayed(replies, {**judge, "template": COMPARE}) as recipe:
        curate(str(recipe), str(warehouse))
    who = f"custom_pairwise/llmbar:{name}"
    n_null = 1 if name == "ChatGPT/CoT" else 0

    failures = row(warehouse, f"from judge_failures where judge = '{who}'")
    assert (failures["n"], failures["unparsable"], failures["alarm"]) == (200, n_null, False)
    votes = "select count(*) filter (failure = 'missing') as missing, count(verdict) as said from votes"
    assert row(warehouse, f"{votes} where annotator = '{who}'") == {"missing": n_null, "said": 200 - n_null}

    bias = row(warehouse, f"from position_bias where annotator = '{who}'")
    assert bias["n"] == 200 - n_null
    assert bias["first_rate"] == pytest.approx(COMPARERS[name] / (200 - n_null))
    assert bias["consistent"] * bias["n_both_orders"] == pytest.approx(percent(published["equal"]).expected * 100)

    agreement = row(warehouse, f"from agreement where judge = '{who}' and other is null")
    right_alone = _right_in_one_order_and_null_in_the_other(warehouse, who)
    assert agreement["accuracy"] == pytest.approx(percent(published["correct_both"]).expected + right_alone / 100)
    orders = row(
        warehouse,
        "select avg((v.winner = p.winner)::int) filter (s.model = 'output_1') as plain, "
        "avg((v.winner = p.winner)::int) filter (s.model = 'output_2') as swapped "
        "from verdicts as v join verdicts as p on p.annotator = 'llmbar' and p.prompt_id = v.prompt_id "
        f"join responses as s on s.response_id = v.shown_first where v.annotator = '{who}'",
    )
    if not n_null:  # a null is wrong upstream, and no verdict here
        assert orders == {"plain": percent(published["correct_False"]), "swapped": percent(published["correct_True"])}


def _right_in_one_order_and_null_in_the_other(warehouse, who):
    """Comparisons that count as right here, where upstream counts a null as wrong."""
    query = (
        f"with by_order as (from votes where annotator = '{who}') select count(*) as n from by_order as failed "
        "join by_order as said using (prompt_id) join votes as p on p.prompt_id = said.prompt_id "
        "where failed.failure is not null and said.verdict = p.verdict and p.annotator = 'llmbar'"
    )
    return row(warehouse, query)["n"]


def test_llmbar_s_ratings_reach_their_published_accuracy(warehouse, replayed, real_data):
    """Two scores each; where they are equal, upstream is right in one order, and neither is right in both."""
    instances, published = evaluator(real_data, "GPT-4/Rating")
    replies = {
        asked(RATE, one["input"], one[f"output_{n}"]): one["results"][0][f"score_{n}"][0]
        for one in instances
        for n in (1, 2)
    }
    store_instances(warehouse, instances)
    contract = {"name": "integer_rating", "lo": 0, "hi": 10}
    judge = {"name": "custom_rating", "called": "llmbar", "model": "GPT-4", "contract": contract, "template": RATE}
    with replayed(replies, judge) as recipe:
        curate(str(recipe), str(warehouse))
    agreement = row(warehouse, "from agreement where judge = 'custom_rating/llmbar:GPT-4' and other is null")
    assert agreement["accuracy"] == percent(published["correct_both"])
    assert row(warehouse, "select count(*) as n from scores where failure is null")["n"] == 200


def test_null_verdicts_are_failures_and_no_votes(warehouse, replayed, real_data):
    """Each problem's right solution beside nine wrong ones, each once and in the order in which it was shown."""
    problems = json.loads((real_data / "rewardmath" / "llama3_8B_pairwise_reward.json").read_text())
    replies, shown, prompts, responses, golds = {}, [], [], [], []
    for number, problem in enumerate(problems):
        prompt = Prompt.of(user(f"{number}. {problem['problem']}"), source="hand")
        right = Response.of(prompt.prompt_id, model="right", text="the right solution", source="hand")
        prompts.append(prompt)
        responses.append(right)
        for place, (said, best) in enumerate(zip(problem["score"], problem["chosen_position"], strict=True)):
            wrong = Response.of(prompt.prompt_id, model="wrong", text=f"wrong solution {place}", source="hand")
            order = (right, wrong) if best == "A" else (wrong, right)
            text = asked(MATH, prompt.messages[0]["content"], order[0].text, order[1].text)
            replies[text] = f"I compared both. [[{said}]]"
            responses.append(wrong)
            shown.append((prompt, order))
            golds.append(
                Vote.of(
                    prompt_id=prompt.prompt_id, shown_first=right.response_id, shown_second=wrong.response_id,
                    winner=right.response_id, record="key", annotator="key", annotator_kind="human", source="hand",
                )
            )  # fmt: skip
    assert len(replies) == len(shown) == 4347
    store(warehouse, prompts, responses, golds)
    judge = {"name": "custom_pairwise", "called": "rewardmath", "model": "llama3_8B", "contract": "tail_verdict"}
    with replayed(replies, {**judge, "template": MATH, "tries": 1}) as recipe:
        hear(recipe, warehouse, shown)
    who = "custom_pairwise/rewardmath:llama3_8B"
    failures = row(warehouse, f"from judge_failures where judge = '{who}'")
    assert (failures["n"], failures["unparsable"], failures["alarm"]) == (4347, 621, True)
    said = row(warehouse, f"select count(verdict) as n, count(failure) as failed from votes where annotator = '{who}'")
    assert said == {"n": 3726, "failed": 621}
    assert row(warehouse, "select count(*) as n from scores") == {"n": 0}
    bias = row(warehouse, f"from position_bias where annotator = '{who}'")
    assert (bias["n"], bias["ties"], bias["first_rate"]) == (3726, 0, pytest.approx(2595 / 3726))
    agreement = row(warehouse, f"from agreement where judge = '{who}' and other is null")
    assert (agreement["n"], agreement["agree"]) == (3726, pytest.approx(1905 / 3726))
    assert (agreement["n_known"], agreement["accuracy"]) == (4347, pytest.approx(1905 / 4347))


def hear(recipe, warehouse, shown):
    """Ask a recipe's judge about comparisons in the order given, as an adaptive run does."""
    made = load(recipe)
    (judge,) = made.judges
    questions = [judge.compare(Group(prompt=prompt, responses=order), order, made.seed) for prompt, order in shown]

    def asked_for():
        with Lake.open(warehouse) as lake:
            hearing = Hearing(run=Run(lake=lake, recipe=made), stage="judge")
            hearing.ask(judge.model, lambda: questions, lambda *_: None)
            hearing.end()

    in_flow(asked_for)
