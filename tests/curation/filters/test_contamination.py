import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.filters import FILTERS
from curation.filters.contamination import Contamination, Known, words_of
from schemas.errors import ConfigError, InputError
from schemas.prompts import Prompt

SEEDS = "What happens to you if you eat watermelon seeds?"


@pytest.fixture
def evaluation(tmp_path):
    """A file of evaluation prompts."""

    def write(*texts):
        path = tmp_path / "evaluation.jsonl"
        path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
        return path

    return write


def prompt(*turns, source="sharegpt"):
    roles = ["user", "assistant"] * len(turns)
    return Prompt.of([{"role": role, "content": text} for role, text in zip(roles, turns, strict=False)], source=source)


NEAR = [
    pytest.param(SEEDS, id="the-same"),
    pytest.param("what happens to you, if you eat WATERMELON seeds", id="case-and-marks"),
    pytest.param("What  happens to\nyou if you eat watermelon seeds??", id="spaces"),
    pytest.param("What happens to you if you eat watermelon pips?", id="the-last-word"),
    pytest.param("What happens to you if we eat watermelon seeds?", id="a-word-inside"),
    pytest.param(f"Answer truthfully. {SEEDS} Think step by step.", id="inside-a-longer-prompt"),
]


@pytest.mark.parametrize("text", NEAR)
def test_a_prompt_near_an_evaluation_prompt_is_left_out(evaluation, text):
    fault = Contamination(paths=[evaluation("Why is the sky blue?", SEEDS)]).fault(prompt(text))
    assert fault.reason == "near_evaluation_prompt"
    assert fault.detail.endswith(repr(SEEDS))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("How do I grow watermelon from seeds?", id="the-same-topic"),
        pytest.param("What happens to you if you sleep for three hours?", id="the-same-beginning"),
        pytest.param("Seeds watermelon eat you if you to happens what?", id="the-same-words-in-another-order"),
        pytest.param("What happens to you if " + "and ".join("you eat something else " for _ in range(9)), id="long"),
    ],
)
def test_a_prompt_that_asks_something_else_stays(evaluation, text):
    assert Contamination(paths=[evaluation(SEEDS)]).fault(prompt(text)) is None


def test_the_evaluation_source_itself_is_left_out():
    found = Contamination(sources=["truthful_qa"])
    assert found.fault(prompt("Anything.", source="truthful_qa")).reason == "evaluation_source"
    assert found.fault(prompt("Anything.")) is None


@pytest.mark.parametrize(("text", "stays"), [("Tell me a joke, please.", False), ("Tell me a joke about rain.", True)])
def test_a_short_evaluation_prompt_must_make_up_most_of_the_other(evaluation, text, stays):
    """It would be found inside any long one."""
    assert (Contamination(paths=[evaluation("Tell me a joke.")]).fault(prompt(text)) is None) == stays


def test_any_turn_of_the_user_counts_and_none_of_the_model(evaluation):
    found = Contamination(paths=[evaluation(SEEDS)])
    assert found.fault(prompt("Hi", "Hello!", SEEDS)).reason == "near_evaluation_prompt"
    assert found.fault(prompt(SEEDS, "Nothing.", "And then?")).reason == "near_evaluation_prompt"
    assert found.fault(prompt("Hi", SEEDS, "Indeed.")) is None


def test_text_without_spaces_is_compared_by_its_characters(evaluation):
    found = Contamination(paths=[evaluation("如果你吃了西瓜子会发生什么事情。")])
    assert found.fault(prompt("请回答。如果你吃了西瓜子会发生什么事情")).reason == "near_evaluation_prompt"
    assert found.fault(prompt("如果你今天下雨的时候出门会怎么样。")) is None


def test_a_looser_share_finds_more_and_a_stricter_one_less(evaluation):
    path, changed = evaluation(SEEDS), prompt("Once more: what happens to you if we eat melon seeds?")
    shares = (0.3, 0.5, 0.8, 1.0)
    found = [Contamination(paths=[path], least_share=share).fault(changed) is not None for share in shares]
    assert found == [True, True, False, False]


def test_evaluation_sets_of_other_formats_are_read(tmp_path):
    path = tmp_path / "alpaca_eval.json"
    path.write_text(json.dumps([{"instruction": SEEDS, "output": "Nothing.", "generator": "m"}]))
    found = Contamination(paths=[path], format={"name": "alpaca_eval_outputs"})
    assert found.fault(prompt(SEEDS)).reason == "near_evaluation_prompt"
    assert FILTERS.build(found.spec()) == found


def test_an_evaluation_prompt_that_cannot_be_read_stops_the_run(evaluation):
    path = evaluation(SEEDS)
    with path.open("a") as file:
        file.write('{"question": "Where?"}\n')
    with pytest.raises(InputError, match="record 2, is no prompts"):
        Contamination(paths=[path]).fault(prompt("Hi"))
    with pytest.raises(InputError, match="does not exist"):
        Contamination(paths=[path.with_name("absent.jsonl")]).fault(prompt("Hi"))


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="least_share"):
        FILTERS.build({"name": "contamination", "least_share": 0})


@given(st.lists(st.text(), max_size=5), st.text())
def test_a_known_text_is_always_found_and_its_share_is_all(others, text):
    assert Known([*others, text]).nearest(words_of(text), 1.0)[1] == 1.0


@given(st.lists(st.text("abc ", max_size=40), max_size=6), st.text("abc ", max_size=60), st.floats(0.1, 1))
def test_what_a_stricter_share_finds_a_looser_one_finds_too(texts, text, least):
    known = Known(texts)
    if found := known.nearest(words_of(text), least):
        assert found[1] >= least
        assert known.nearest(words_of(text), least / 2)[1] >= found[1]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def real(real_data):
    """Prompts of real sets, by name."""
    judged = real_data / "llmbar_natural" / "dataset.json"
    return {
        "arena": [row["turns"][0]["content"] for row in lines(real_data / "arena_hard" / "question.jsonl")],
        "gsm8k test": [row["question"] for row in lines(real_data / "gsm8k" / "test_first600.jsonl")],
        "gsm8k train": [row["question"] for row in lines(real_data / "gsm8k" / "train_first1200.jsonl")],
        "llmbar": [row["input"] for row in json.loads(judged.read_text())],
        "tulu": [row["prompt"] for row in lines(real_data / "tulu_human_eval" / "eval_instances_tulu_1.jsonl")],
    } | {
        name: [turn for row in lines(real_data / "fastchat" / name / "question.jsonl") for turn in row["turns"]]
        for name in ("mt_bench", "vicuna_bench")
    }


@pytest.mark.parametrize(
    ("known", "among", "count"),
    [
        pytest.param("gsm8k test", "gsm8k train", 0, id="two-halves-of-one-set"),
        pytest.param("arena", "mt_bench", 0, id="two-sets-of-one-kind"),
        pytest.param("gsm8k test", "mt_bench", 1, id="the-bus-with-other-marks"),
        pytest.param("mt_bench", "llmbar", 3, id="taken-over-from-mt-bench"),
        pytest.param("tulu", "vicuna_bench", 80, id="taken-over-whole"),
    ],
)
def test_what_real_sets_have_in_common_is_found_and_nothing_else(real, known, among, count):
    found = Known(real[known])
    assert sum(found.nearest(words_of(text), 0.8) is not None for text in real[among]) == count


def test_one_changed_word_hides_few_real_prompts(real, record_property):
    chance = random.Random(0)
    texts = [text for text in real["arena"] + real["gsm8k test"] if len(words_of(text)) >= 12]
    known, found = Known(texts), []
    for text in texts:
        words = text.split()
        words[chance.randrange(len(words))] = "zebra"
        found.append(known.nearest(words_of(" ".join(words)), 0.8) is not None)
    record_property("prompts found with a word changed", f"{sum(found) / len(found):.1%} of {len(found)}")
    assert sum(found) / len(found) >= 0.95
