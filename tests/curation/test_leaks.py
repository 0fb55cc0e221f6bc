"""`methods/data.md` 8(g)1: a reader of what stands around the answers must not tell which one won."""

import random
import re

import pyarrow as pa
import pytest

from curation.asking import Group, TemplateAsker
from curation.importers.hh_rlhf import HHRLHF
from curation.importing import import_paths
from curation.judges import JUDGES, ComparingJudge
from curation.labels.evidence import Ballot, Evidence, gather
from curation.leaks import MARKS, LeakScan, told
from curation.pairing import build_pairs
from curation.pairing.majority import Majority
from schemas.ids import content_id
from schemas.prompts import Prompt, user
from schemas.responses import RESPONSES, Response
from schemas.rubrics import Rubric, RubricItem
from tests.rows import some_prompts

COMPARING = [
    name for name, cls in JUDGES.classes.items() if issubclass(cls, ComparingJudge) and issubclass(cls, TemplateAsker)
]
ITEMS = [
    RubricItem(kind="hard", text="The response says a number."),
    RubricItem(kind="principle", text="The response is calm."),
]


def group_of(number):
    """A conversation with two answers, and a rubric."""
    turns = [*user(f"Say {number}."), {"role": "assistant", "content": "Why?"}, *user(f"Because of {number % 7}.")]
    prompt = Prompt.of(turns, source="hand")
    sides = [Response.of(prompt.prompt_id, model="m", text=f"{number} {side}", source="hand") for side in "xy"]
    rubric = Rubric.of(prompt.prompt_id, ITEMS, writer="hand", writer_version="1")
    return Group(prompt=prompt, responses=tuple(sorted(sides, key=lambda side: side.response_id)), rubric=rubric)


def formatted(name):
    """(frame, whether the first answer is better, prompt) of what a judge is asked: its request without the answers."""
    chance, judge = random.Random(0), JUDGES.build({"name": name, "model": "m"})
    for group in map(group_of, range(25)):
        better = chance.choice(group.responses)
        for question in judge.questions(group, 0):
            frame = question.request.messages[0]["content"]
            for label, response in zip(question.subject.labels, question.shown, strict=True):
                frame, found = re.subn(rf"(<{label}>\n){re.escape(response.text)}(\n</{label}>)", r"\1\2", frame)
                assert found == 1
            yield frame, question.shown[0] is better, group.prompt.prompt_id


@pytest.mark.parametrize("name", COMPARING)
def test_no_request_tells_which_answer_is_better(name):
    """Both orders of a comparison have one frame, so a reader is right by half; with a misspelt role it is right."""
    frames, labels, prompts = zip(*formatted(name), strict=True)
    assert told(frames, labels, prompts).accuracy.value == 0.5 <= LeakScan().most
    planted = [frame.replace("assistant: Why?", "asisstant: Why?") if label else frame
               for frame, label in zip(frames, labels, strict=True)]  # fmt: skip
    found = told(planted, labels, prompts)
    assert found.accuracy.value > 0.95
    assert found.beyond(0.52)


def built(count=300, bias=0.5, seed=0):
    """Pairs on a and b of `count` prompts."""
    chance, evidence = random.Random(seed), []
    for number in range(count):
        a, b = sorted(content_id("response", number, side) for side in "xy")
        won = a if chance.random() < bias else b
        evidence.append(
            Evidence(
                prompt_id=content_id("prompt", number), ballots=[Ballot(a=a, b=b, verdict="a" if won == a else "b")]
            )
        )
    return build_pairs(Majority(), evidence)


TOKEN = "\x1f<|eot_id|\x1f"


def seams_of(pairs, chosen, rejected, seed=1):
    """A token in these shares of the chosen and of the rejected answers."""
    chance = random.Random(seed)
    marked = {pair.chosen_id: TOKEN for pair in pairs if chance.random() < chosen}
    return marked | {pair.rejected_id: TOKEN for pair in pairs if chance.random() < rejected}


def test_a_stray_token_in_rejected_answers_alone_is_found_and_its_pairs_go():
    found = built()
    seams = seams_of(found.pairs, 0.0, 0.3)
    clean = LeakScan().applied(found, seams)
    gone = {pair.pair_id for pair in found.pairs if pair.rejected_id in seams}
    assert {drop.row_id for drop in clean.drops} == {pair.comparison_id for pair in found.pairs if pair.pair_id in gone}
    assert {drop.reason for drop in clean.drops} == {"leak"}
    assert all("<|" in drop.detail and "is told in 6" in drop.detail for drop in clean.drops)
    assert clean.funnel.read == 300 == clean.funnel.kept + len(gone)
    assert clean.members.column("pair_id").to_pylist() == [pair.pair_id for pair in clean.pairs]
    assert LeakScan().applied(clean, seams) == clean


@pytest.mark.parametrize(
    ("chosen", "rejected"), [(0.0, 0.0), (1.0, 1.0), (0.3, 0.3)], ids=["nowhere", "everywhere", "on-both-sides-alike"]
)
def test_a_token_that_tells_nothing_costs_no_pair(chosen, rejected):
    found = built(1000)
    assert LeakScan().applied(found, seams_of(found.pairs, chosen, rejected)) == found


def test_a_token_of_another_kind_on_each_side_tells_too():
    found = built()
    seams = {pair.chosen_id: "\x1f<|im_end|\x1f" for pair in found.pairs} | {
        pair.rejected_id: TOKEN for pair in found.pairs
    }
    assert LeakScan().applied(found, seams).pairs == []


def test_a_rare_token_is_a_leak_when_any_is():
    found = built(2000)
    seams = seams_of(found.pairs, 0.0, 0.02)
    assert LeakScan().applied(found, seams) == found
    assert len(LeakScan(most=0.5).applied(found, seams).drops) == len(seams)


def test_a_little_more_than_chance_is_no_leak():
    """Ten chosen and six rejected answers of 300 pairs: that may be chance, whatever the bound."""
    found = built()
    seams = {pair.chosen_id: TOKEN for pair in found.pairs[:10]} | {
        pair.rejected_id: TOKEN for pair in found.pairs[10:16]
    }
    assert LeakScan(most=0.5).applied(found, seams) == found


def test_a_reader_that_knows_a_prompt_again_has_told_nothing():
    """Every prompt has a word and a label of its own; what is learned on one says nothing about the next."""
    chance = random.Random(0)
    rows = [(f"word{n:03}", n % 2 == 0, str(n)) for n in range(60) for _ in range(5)]
    texts, labels, prompts = zip(*chance.sample(rows, len(rows)), strict=True)
    assert not told([content_id(text) for text in texts], labels, prompts).beyond(0.5)


def test_few_prompts_show_no_leak():
    found = built(99)
    assert LeakScan().applied(found, seams_of(found.pairs, 0.0, 1.0)) == found
    assert LeakScan(least_prompts=99).applied(found, seams_of(found.pairs, 0.0, 1.0)).pairs == []


def test_a_constant_label_is_told_without_any_text():
    """A position that always wins needs no artefact."""
    texts, prompts = ["one frame"] * 200, [str(i) for i in range(200)]
    assert told(texts, [i % 20 > 0 for i in range(200)], prompts).accuracy.value == 0.95


SEAMS = {
    "Plain words. A list:\n- one\n\n\tcode": None,
    " leading": " \x1f\x1f",
    "trailing\n": "\x1f\x1f\n",
    "spill\n\nHuman: more": "\x1f\nHuman:\x1f",
    "token<|im_end|>": "\x1f<|im_end|\x1f",
    "[INST] echo [/INST]": "\x1f[INST]\x1f[/INST]\x1f",
    "<\uff5cUser\uff5c>": "\x1f<\uff5cUser\uff5c\x1f",
    "two\r\nlines": "\x1f\r\x1f",
    "\ufeffmarked": "\x1f\ufeff\x1f",
    "family: \U0001f468\u200d\U0001f469": None,
    "if a < b: [x] = c > d": None,
}


def test_seams_are_taken_where_the_texts_lie(lake):
    prompt = some_prompts(1)[0]
    responses = [Response.of(prompt.prompt_id, model="m", text=text, source="hand") for text in SEAMS]
    lake.append((RESPONSES, RESPONSES.rows(responses)))
    wanted = pa.table({"response_id": [one.response_id for one in responses]})
    rows = lake.ask("seams", wanted=wanted, marks=MARKS).to_pylist()
    found = {row["response_id"]: row["seams"] for row in rows}
    assert {one.text: found.get(one.response_id) for one in responses} == SEAMS


def test_what_runs_on_in_real_answers_tells_no_winner(lake, real_data, record_property):
    """17 of HH-RLHF's answers hold the name of the next speaker, on both sides alike."""
    import_paths(lake, HHRLHF(), [real_data / "hh_rlhf"])
    prompts = lake.ask("prompts_of", sources=["hh_rlhf"], most=None).select(["prompt_id"])
    nothing = pa.table({"call_id": pa.array([], pa.string())})
    scores, votes = (
        lake.ask("scored", aspects=None, later=[], wanted=nothing),
        lake.ask("verdicts", prompts_in=prompts, wanted=nothing),
    )
    found = build_pairs(Majority(), gather(scores, votes))
    wanted = pa.table({"response_id": [side for pair in found.pairs for side in (pair.chosen_id, pair.rejected_id)]})
    seams = dict(zip(*lake.ask("seams", wanted=wanted, marks=MARKS).to_pydict().values(), strict=True))
    assert len(seams) == 17
    assert LeakScan().applied(found, seams) == found
    texts = [seams.get(side, "") for side in wanted.column("response_id").to_pylist()]
    labels, asked = [True, False] * len(found.pairs), [pair.prompt_id for pair in found.pairs for _ in range(2)]
    accuracy = told(texts, labels, asked).accuracy
    record_property(
        "winner told by what is no content", f"{accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}]"
    )
    assert accuracy.low < 0.5 < accuracy.high
