import random

import pyarrow as pa
import pytest

from curation.balance import Balance, SideFacts
from curation.labels.evidence import Ballot, Evidence
from curation.pairing import build_pairs
from curation.pairing.majority import Majority
from schemas.datasets import fingerprint
from schemas.ids import content_id
from schemas.responses import RESPONSES, Response
from tests.rows import some_prompts

MODELS = ("small", "middle", "large")


def planted(count, seed=0, bias=0.7):
    """Pairs of which the longer answer wins `bias`, the more marked one 65 %, and the larger model 60 %."""
    chance = random.Random(seed)
    evidence, facts = [], []
    for number in range(count):
        a, b = sorted(content_id("response", number, side) for side in "xy")
        won, lost = (a, b) if chance.random() < 0.5 else (b, a)
        evidence.append(
            Evidence(
                prompt_id=content_id("prompt", number), ballots=[Ballot(a=a, b=b, verdict="a" if won == a else "b")]
            )
        )
        long, marked, large = (chance.random() < share for share in (bias, 0.65, 0.6))
        models = sorted(chance.sample(MODELS, 2), reverse=not large)  # large < middle < small
        lengths = [chance.randint(200, 400), chance.randint(50, 199)]
        for place, response_id in enumerate((won, lost)):
            facts.append(
                {
                    "response_id": response_id,
                    "n_chars": lengths[place if long else 1 - place],
                    "n_marks": 0 if number % 5 == 0 else 3 * (marked == (place == 0)),
                    "model": models[place],
                }
            )
    return build_pairs(Majority(), evidence), pa.Table.from_pylist(facts)


def shares(built, facts):
    """How often a rule that sees one trait only is right; where it sees nothing, it is right by half."""
    sides = {row["response_id"]: SideFacts(**row) for row in facts.to_pylist()}
    couples = [(sides[pair.chosen_id], sides[pair.rejected_id]) for pair in built.pairs]
    weights = built.members.column("weight").to_pylist()
    rules = {
        "length": [right(chosen.n_chars - rejected.n_chars) for chosen, rejected in couples],
        "format": [right(chosen.n_marks - rejected.n_marks) for chosen, rejected in couples],
        "model": [
            right((chosen.model < rejected.model) - (chosen.model > rejected.model)) for chosen, rejected in couples
        ],
    }
    return {
        trait: sum(share * weight for share, weight in zip(said, weights, strict=True)) / sum(weights)
        for trait, said in rules.items()
    }


def right(difference):
    return 1.0 if difference > 0 else 0.0 if difference < 0 else 0.5


ALL = ("length", "format", "model")


def test_a_planted_bias_of_length_goes(record_property):
    built, facts = planted(4000)
    assert shares(built, facts)["length"] == pytest.approx(0.7, abs=0.02)
    published = Balance(by=("length",)).applied(built, facts)
    record_property(
        "a rule that reads length alone", f"{shares(built, facts)} before, {shares(published, facts)} after"
    )
    assert 0.45 <= shares(published, facts)["length"] <= 0.55
    assert dict(published.funnel.dropped) == {"balance_length": 4000 - len(published.pairs)}
    assert len(published.pairs) > 2200


@pytest.mark.parametrize("how", ["drop", "weigh"])
def test_length_format_and_model_are_balanced_together(how):
    built, facts = planted(4000)
    published = Balance(by=ALL, how=how).applied(built, facts)
    for trait, share in shares(published, facts).items():
        assert 0.45 <= share <= 0.55, trait
        assert not 0.45 <= shares(built, facts)[trait] <= 0.55, trait


def test_weights_keep_every_pair_and_their_sum():
    built, facts = planted(1000)
    weighed = Balance(by=ALL, how="weigh").applied(built, facts)
    assert weighed.pairs == built.pairs
    assert weighed.members.drop_columns("weight") == built.members.drop_columns("weight")
    assert sum(weighed.members.column("weight").to_pylist()) == pytest.approx(1000)
    assert shares(weighed, facts) == pytest.approx(dict.fromkeys(ALL, 0.5), abs=1e-6)


def test_every_pair_is_published_or_dropped_by_name():
    built, facts = planted(600)
    published = Balance(by=ALL).applied(built, facts)
    gone = {drop.row_id for drop in published.drops}
    assert {drop.reason for drop in published.drops} <= {f"balance_{trait}" for trait in ALL}
    assert gone | {pair.comparison_id for pair in published.pairs} == {pair.comparison_id for pair in built.pairs}
    assert published.members.column("pair_id").to_pylist() == [pair.pair_id for pair in published.pairs]
    assert published.funnel.read == built.funnel.read == 600


def test_what_stays_depends_on_ids_alone():
    """Not on the order of the rows, of the facts or of the pairs."""
    built, facts = planted(800)
    mixed = random.Random(1).sample(range(800), 800)
    shuffled = build_pairs(Majority(), [])
    shuffled = type(built)(
        pairs=[built.pairs[place] for place in mixed],
        members=built.members.take(pa.array(mixed)),
        drops=[],
        funnel=built.funnel,
    )
    one, other = (Balance(by=ALL).applied(found, facts) for found in (built, shuffled))
    assert fingerprint(one.members) == fingerprint(other.members)
    assert fingerprint(one.members) != fingerprint(Balance(by=ALL, seed=1).applied(built, facts).members)


def test_more_pairs_re_toss_few_of_the_old_ones():
    few, facts = planted(2000)
    many, more_facts = planted(2200)
    old = {pair.pair_id for pair in few.pairs}
    before = {pair.pair_id for pair in Balance(by=("length",)).applied(few, facts).pairs}
    after = {pair.pair_id for pair in Balance(by=("length",)).applied(many, more_facts).pairs} & old
    assert len(before ^ after) < 0.03 * len(old)


def test_a_set_without_a_bias_is_left_whole():
    built, facts = planted(2000, bias=0.5)
    assert len(Balance(by=("length",), within=0.05).applied(built, facts).pairs) == 2000


def test_two_models_of_which_one_always_wins_make_no_pairs():
    built, facts = planted(100)
    sides = {pair.chosen_id: "large" for pair in built.pairs} | {pair.rejected_id: "small" for pair in built.pairs}
    facts = facts.set_column(3, "model", pa.array([sides[key] for key in facts.column("response_id").to_pylist()]))
    assert Balance(by=("model",)).applied(built, facts).pairs == []
    assert len(Balance(by=("model",), how="weigh").applied(built, facts).pairs) == 100


MARKED = {
    "Plain words, 3 of them - and a dash.": 0,
    "- one\n* two\n1. three\n  2) four": 4,
    "# Title\ntext\n## Part": 2,
    "A **bold** word and `code`.": 2,
    "```py\nx = 1\n```": 1,
    "| a | b |\n|---|---|": 2,
}


def test_marks_of_format_are_counted_where_the_texts_lie(lake):
    prompt = some_prompts(1)[0]
    responses = [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in MARKED]
    lake.append((RESPONSES, RESPONSES.rows(responses)))
    found = lake.ask("side_facts", wanted=pa.table({"response_id": [one.response_id for one in responses]})).to_pylist()
    facts = {row["response_id"]: SideFacts(**row) for row in found}
    assert {one.text: facts[one.response_id].n_marks for one in responses} == MARKED
    assert all(facts[one.response_id].n_chars == len(one.text) for one in responses)


def test_pairs_of_stored_answers_are_balanced_by_what_the_warehouse_knows(lake):
    """The longer answer wins 70 % of 300 votes; of the published pairs it wins 45 to 55 %."""
    chance, groups = random.Random(0), []
    for prompt in some_prompts(300):
        texts = ["word " * chance.randint(3, 9), "word " * chance.randint(10, 30)]
        sides = [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in texts]
        groups.append((prompt, sides, sides[chance.random() < 0.7].response_id))
    lake.append((RESPONSES, RESPONSES.rows(side for _, sides, _ in groups for side in sides)))
    evidence = []
    for prompt, sides, won in groups:
        a, b = sorted(side.response_id for side in sides)
        evidence.append(
            Evidence(prompt_id=prompt.prompt_id, ballots=[Ballot(a=a, b=b, verdict="a" if a == won else "b")])
        )
    built = build_pairs(Majority(), evidence)
    ids = sorted({side for pair in built.pairs for side in (pair.chosen_id, pair.rejected_id)})
    facts = lake.ask("side_facts", wanted=pa.table({"response_id": ids}))
    assert shares(built, facts)["length"] > 0.65
    assert 0.45 <= shares(Balance().applied(built, facts), facts)["length"] <= 0.55
