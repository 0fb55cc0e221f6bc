"""What a judge said is what is published: through shuffled questions, retries, repeats and any order of reading."""

import json
import random
import re
from itertools import count, pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.asking import Group
from curation.judges.aspects import Aspects
from curation.judges.listwise import Listwise
from curation.judges.pairwise import Pairwise
from curation.labels.evidence import gather
from curation.pairing import PAIR_BUILDERS, build_pairs
from schemas.calls import Answered, call_id_of
from schemas.ids import canonical, draw
from schemas.prompts import Prompt, user
from schemas.responses import Response
from schemas.votes import VOTES, Vote
from warehouse.lake import Lake

JUDGE = Pairwise(model="scripted")
BUILDERS = ("majority", "consistent", "order_averaged", "weighted_vote", "dawid_skene")
RUNS = count()
"""Each run's calls have ids of their own, so that all can share one warehouse."""
GARBAGE = ("I would say the first.", '{"verdict": "A"}', '{"verdict": "tie"}', '{"verdict": null}', "", "{}")


@pytest.fixture(scope="module")
def shared_lake(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("conservation") / "warehouse") as opened:
        yield opened


def truth(one, other):
    """The better of two texts, or None: it depends on the texts alone, and is no order of them."""
    coin = draw("truth", *sorted((one, other)))
    return None if coin < 0.2 else min(one, other) if coin < 0.6 else max(one, other)


def reply_to(request, flip):
    """What the scripted judge answers: it sees the request only, as a model does."""
    shown = dict(re.findall(r"<([A-Z]_[0-9a-f]+)>\n(.*?)\n</\1>", request.messages[0]["content"], re.DOTALL))
    assert len(shown) == 2
    labels = {text: label for label, text in shown.items()}
    better = truth(*shown.values())
    if better is None:
        return json.dumps({"rationale": "", "verdict": "tie_" + next(iter(shown)).split("_")[1]})
    chosen = next(text for text in labels if text != better) if flip else better
    return json.dumps({"rationale": "", "verdict": labels[chosen]})


def answered(request, text, run="alone"):
    call_id = call_id_of(f"scripted {run}", canonical(request.body()).encode())
    return Answered(call_id, "ok", text, "stop", None, 1, None)


def votes_on(groups, seed, chance, flip):
    """Votes as a run gives them: in any order, with useless replies asked again, and many replies read twice."""
    waiting, run = [question for group in groups for question in JUDGE.asked(group, seed)], next(RUNS)
    found, replies = [], []
    while waiting:
        question = waiting.pop(chance.randrange(len(waiting)))
        useless = question.subject.attempt + 1 < JUDGE.tries and chance.random() < 0.3
        text = chance.choice(GARBAGE) if useless else reply_to(question.request, flip)
        reply = answered(question.request, text, run)
        rows = JUDGE.read(question.subject, reply)
        assert bool(rows[0].failure) == useless
        waiting += [again] if (again := JUDGE.again(question, [row.failure for row in rows])) else []
        replies.append((question.subject, reply))
        found += rows
    again = chance.choices(replies, k=len(replies))
    return found + [row for subject, reply in again for row in JUDGE.read(subject, reply)]


def published(lake, groups, votes, builder):
    """(chosen, rejected) texts of the pairs, and the reasons of the drops."""
    for start in range(0, len(votes), 7):
        lake.append((VOTES, VOTES.rows(votes[start : start + 7])))
    prompts_in = pa.table({"prompt_id": [group.prompt.prompt_id for group in groups]})
    wanted = pa.table({"call_id": [vote.call_id for vote in votes]})
    stored = lake.ask("verdicts", prompts_in=prompts_in, wanted=wanted)
    built = build_pairs(PAIR_BUILDERS.build(builder), gather(NO_SCORES, stored))
    texts = {response.response_id: response.text for group in groups for response in group.responses}
    return {(texts[pair.chosen_id], texts[pair.rejected_id]) for pair in built.pairs}, built.funnel.dropped


NO_SCORES = pa.table({name: pa.array([], pa.string()) for name in ("prompt_id", "response_id", "label_sources")})


@st.composite
def judged(draw):
    salt, sizes = draw(st.integers(0, 999)), draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    return [group_of(f"{salt} {number}", size) for number, size in enumerate(sizes)]


def group_of(name, size):
    prompt = Prompt.of(user(f"Say {name}."), source="hand")
    responses = [
        Response.of(prompt.prompt_id, model="m", text=f"{name} answer {i}", source="hand") for i in range(size)
    ]
    return Group(prompt=prompt, responses=tuple(sorted(responses, key=lambda response: response.response_id)))


def expected(groups):
    """The pairs that the scripted judge's verdicts mean, and how many comparisons are ties."""
    couples = [
        (one.text, other.text)
        for group in groups
        for one in group.responses
        for other in group.responses
        if one.text < other.text
    ]
    better = {couple: truth(*couple) for couple in couples}
    pairs = {(won, next(text for text in couple if text != won)) for couple, won in better.items() if won}
    return pairs, len(couples) - len(pairs)


@pytest.mark.parametrize("builder", BUILDERS)
@settings(max_examples=8)
@given(groups=judged(), seed=st.integers(0, 9), chance=st.randoms(use_true_random=False), flip=st.booleans())
def test_every_pair_is_what_the_judge_said(shared_lake, builder, groups, seed, chance, flip):
    """Flipped verdicts give the same pairs turned round. `consistent` drops what runs in a circle, and turns none."""
    pairs, dropped = published(shared_lake, groups, votes_on(groups, seed, chance, flip), builder)
    wanted, ties = expected(groups)
    if flip:
        wanted = {(rejected, chosen) for chosen, rejected in wanted}
    if builder == "consistent":
        assert pairs <= wanted
        assert len(pairs) + dropped.get("cycle", 0) == len(wanted)
    else:
        assert pairs == wanted
    assert dropped.get("tie", 0) == ties


def test_the_first_place_does_not_alternate_from_row_to_row():
    """`methods/data.md` 31.9: what stands first must not be told by the place of the row."""
    groups = [group_of(f"row {i}", 2) for i in range(400)]
    first = [next(JUDGE.questions(group, 0)).subject.shown[0] == group.responses[0].response_id for group in groups]
    assert sum(first) == pytest.approx(200, abs=3 * 10)
    assert sum(one != other for one, other in pairwise(first)) == pytest.approx(200, abs=3 * 10)
    later = [next(JUDGE.questions(group, 0)).subject.shown[0] == group.responses[0].response_id for group in groups[7:]]
    assert later == first[7:]


@pytest.mark.parametrize("seed", range(3))
def test_the_better_answer_is_shown_first_half_of_the_time(seed):
    """Within three standard errors of a half, where each comparison is asked in one order."""
    judge = Pairwise(model="scripted", both_orders=False)
    asked = [question for i in range(600) for question in judge.questions(group_of(f"balance {i}", 2), seed)]
    better = [truth(*(response.text for response in question.shown)) for question in asked]
    first = [one == question.shown[0].text for one, question in zip(better, asked, strict=True) if one]
    assert sum(first) / len(first) == pytest.approx(0.5, abs=3 * (0.25 / len(first)) ** 0.5)


def test_orders_differ_between_prompts_and_between_seeds():
    """`methods/data.md` 31.11: one fixed seed shuffled every call alike."""
    groups = [group_of(f"call {i}", 4) for i in range(60)]
    orders = {
        tuple(group.responses.index(response) for question in JUDGE.questions(group, 0) for response in question.shown)
        for group in groups
    }
    assert len(orders) > 50
    for asked in (JUDGE, Listwise(model="scripted")):
        firsts = {next(asked.questions(group_of("call", 2), seed)).subject.shown for seed in range(20)}
        assert len(firsts) == 2, "either answer stands first, as the seed draws"
    aspects = Aspects(model="scripted").questions(group_of("call", 4), 0)
    assert len({question.subject.shown for question in aspects}) > 1


@pytest.mark.parametrize("said", [text for text in GARBAGE if "tie" not in text])
def test_an_unparsable_reply_is_no_tie(shared_lake, said):
    """`methods/data.md` 31.15: it is neither a drop for a tie nor half a vote: nobody has voted."""
    group = group_of(f"unparsable {said}", 2)
    votes = [
        row
        for question in JUDGE.asked(group, 0)
        for row in JUDGE.read(question.subject, answered(question.request, said))
    ]
    assert {vote.verdict for vote in votes} == {None}
    assert published(shared_lake, [group], votes, "majority") == (set(), {})


def test_one_useless_order_leaves_the_other_order_s_verdict(shared_lake):
    group = group_of("half", 2)
    first, second = JUDGE.asked(group, 0)
    votes = [
        *JUDGE.read(first.subject, answered(first.request, "no idea")),
        *JUDGE.read(second.subject, answered(second.request, reply_to(second.request, flip=False))),
    ]
    assert published(shared_lake, [group], votes, "majority")[0] == expected([group])[0]


def test_outvoted_labels_are_written_the_other_way_round(shared_lake):
    """`methods/data.md` 31.20: a label that later verdicts contradict is turned, not kept with their confidence."""
    group = next(group for i in range(20) if expected([group := group_of(f"outvoted {i}", 2)])[0])
    a, b = group.responses
    ((chosen, rejected),) = expected([group])[0]
    wrong = a if a.text == rejected else b
    label = Vote.of(
        prompt_id=group.prompt.prompt_id,
        shown_first=a.response_id,
        shown_second=b.response_id,
        winner=wrong.response_id,
        record="line 1",
        annotator="imported",
        annotator_kind="unknown",
        source="file",
    )
    judge_votes = votes_on([group], 0, random.Random(0), flip=False)
    assert published(shared_lake, [group], [label], "majority")[0] == {(rejected, chosen)}
    assert published(shared_lake, [group], [label, *judge_votes], "majority")[0] == {(chosen, rejected)}
