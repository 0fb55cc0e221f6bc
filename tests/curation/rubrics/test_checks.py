"""The checks against a list made by hand, and against real answers and criteria that know nothing of each other."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rubrics import Proposed
from curation.rubrics.checks import Contrast, checked, fault, general_stems, grams, stem, telling, words

PROMPT = "Explain tides to a ten-year-old in under 80 words. First say what they are, then why plan B exists."
BEST = "Tides are like water in a bathtub: the Moon pulls it up. Ask Captain Wendell, who saw 12 of them at Brighton."
WORST = "The gravitational gradient of the Moon gives F = GMm/r^2, which integrates over the whole ocean."
TIDES = Contrast(PROMPT, [BEST, WORST])

HAND_LIST = [
    ("The response stays under 80 words.", None),
    ("The response is addressed to a ten-year-old.", None),
    ("The response prefers a concrete everyday comparison to formal notation.", None),
    ("The response explains one cause before adding detail.", None),
    ("The response says what tides are before it explains why.", None),
    ("The response mentions the Moon, which both answers name.", "points_at_an_answer"),
    ("The response names the Moon as a cause.", None),
    ("The response says why plan B exists.", None),
    ("Response A is shorter.", "not_about_the_response"),
    ("The response is as short as Response A.", "points_at_an_answer"),
    ("The response resembles the first answer more than the other.", "points_at_an_answer"),
    ("The response is clearer than the latter.", "points_at_an_answer"),
    ("The response keeps the tone of B.", "points_at_an_answer"),
    ("The response is second to none in clarity.", "points_at_an_answer"),
    ("The response agrees with A_3f9c21aa.", "points_at_an_answer"),
    ("The response quotes Captain Wendell.", "names_a_fact"),
    ("The response speaks of Brighton.", "names_a_fact"),
    ("The response says that 12 tides were seen.", "names_a_fact"),
    ("The response compares the sea to a bathtub.", "names_a_fact"),
    ("The response says that tides are like water in a large tub.", "quotes_an_answer"),
]
"""An item and the rule that it breaks; None where it breaks none."""


@pytest.mark.parametrize(("text", "reason"), HAND_LIST, ids=[text for text, _ in HAND_LIST])
def test_the_hand_list(text, reason):
    assert fault(Proposed("principle", text), TIDES) == reason


def test_the_hand_list_is_twenty():
    assert len(HAND_LIST) == 20


LONG = "The response " + " ".join(["is"] * 38)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        pytest.param(Proposed("soft", "The response is short."), "unknown_kind", id="no-such-kind"),
        pytest.param(Proposed("hard", LONG), None, id="forty-words"),
        pytest.param(Proposed("hard", f"{LONG} is"), "too_long", id="forty-one-words"),
        pytest.param(Proposed("hard", "You should be short."), "not_about_the_response", id="second-person"),
        pytest.param(Proposed("hard", "The responses are short."), "not_about_the_response", id="plural"),
        pytest.param(Proposed("hard", ""), "not_about_the_response", id="empty"),
        pytest.param(Proposed("hard", "The response's tone is calm."), None, id="genitive"),
        pytest.param(Proposed("hard", "The response beats response 2."), "points_at_an_answer", id="a-number"),
        pytest.param(Proposed("hard", "The response beats the worse answer."), "points_at_an_answer", id="the-worse"),
        pytest.param(Proposed("hard", "The response will first say what."), None, id="first-as-in-the-prompt"),
        pytest.param(Proposed("hard", "The response beats the first one."), "points_at_an_answer", id="another-first"),
        pytest.param(Proposed("hard", "The response beats the first answer."), "points_at_an_answer", id="an-answer"),
        pytest.param(Proposed("hard", "The response has a third part."), None, id="third-of-two-answers"),
    ],
)  # fmt: skip
def test_single_rules(item, reason):
    assert fault(item, TIDES) == reason


def test_places_go_as_far_as_there_are_answers():
    three = Contrast("Hi.", ["a", "b", "c"])
    assert fault(Proposed("hard", "The response has a third part."), three) == "points_at_an_answer"
    assert fault(Proposed("hard", "The response has a fourth part."), three) is None


def test_a_fact_that_every_answer_has_is_none():
    item = Proposed("principle", "The response mentions Darwin.")
    assert fault(item, Contrast("Who?", ["It was Darwin.", "Darwin did."])) is None
    assert fault(item, Contrast("Who was Darwin?", ["It was Darwin.", "He did."])) is None
    assert fault(item, Contrast("Who?", ["It was Darwin.", "Darwin did.", "Somebody."])) == "names_a_fact"


def test_numbers_of_a_list_are_no_facts():
    listed = Contrast("Advise me.", ["1. Rest.\n 2) Sleep.\n3. Eat 7 figs.", "Rest."])
    assert listed.facts("The response gives 2 or 3 reasons.") == []
    assert listed.facts("The response asks for 7 things.") == ["7"]


def test_near_duplicates_lose_the_later_one():
    """9 of 11 words shared: 0.82; 8 of 10: 0.8, which is not above it."""
    first = "The response gives one short clear example for every claim"
    items = [
        Proposed("hard", text) for text in (first, f"{first} made", "The response gives one short example for all")
    ]
    found = checked(items, "Hi.", ["a", "b"])
    assert [item.text for item in found.items] == [items[0].text, items[2].text]
    assert found.dropped == ((items[1], "duplicate"),)
    eight_of_ten = "The response gives one short clear example for"
    assert len(checked([items[0], Proposed("hard", eight_of_ten)], "Hi.", ["a", "b"]).items) == 2


@pytest.mark.parametrize(
    ("count", "rejected"), [(0, "too_few_items"), (1, "too_few_items"), (2, None), (10, None), (11, "too_many_items")]
)
def test_a_rubric_has_two_to_ten_items(count, rejected):
    numbers = "one two three four five six seven eight nine ten eleven".split()
    items = [Proposed("hard", f"The response treats {number} by giving {number} its due") for number in numbers[:count]]
    found = checked(items, "Hi.", ["a", "b"])
    assert (len(found.items), found.rejected) == (count, rejected)


@given(st.lists(st.sampled_from([Proposed("principle", text) for text, _ in HAND_LIST])))
def test_every_item_is_kept_or_dropped_once_and_checking_again_changes_nothing(proposed):
    found = checked(proposed, PROMPT, [BEST, WORST])
    assert len(found.items) + len(found.dropped) == len(proposed)
    again = checked([Proposed(item.kind, item.text) for item in found.items], PROMPT, [BEST, WORST])
    assert (again.items, again.dropped) == (found.items, ())


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_the_checks_take_any_text(text, prompt, answers):
    assert len(checked([Proposed("hard", f"The response {text}")], prompt, answers).items) in (0, 1)


@pytest.mark.parametrize(
    "family",
    ["pull pulls pulled pulling", "apply applies applied application", "accurate accuracy accurately", "tide tides"],
)
def test_endings_do_not_count(family):
    assert len({stem(word) for word in family.split()}) == 1


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", max_size=12))
def test_a_stem_is_its_own_stem(word):
    assert stem(stem(word)) == stem(word)
    assert word.startswith(stem(word))


def test_what_may_tell_a_fact():
    assert list(telling("The response quotes Ann Lee's 3 sonnets. Then it ends.")) == ["Ann", "Lee's", "3"]
    assert "sonnet" in general_stems()


def test_grams_are_five_words_in_a_row():
    assert grams(words("The Moon's pull, again and again")) == {
        ("the", "moon's", "pull", "again", "and"),
        ("moon's", "pull", "again", "and", "again"),
    }


@pytest.fixture
def arena(real_data):
    """Prompts of Arena-Hard with two models' answers."""
    lines = (real_data / "arena_hard" / "question.jsonl").read_text().splitlines()
    prompts = {row["question_id"]: row["turns"][0]["content"] for row in map(json.loads, lines)}
    answers = {}
    for model in ("gpt-3.5-turbo-0125", "gpt-4-0613"):
        lines = (real_data / "arena_hard" / "model_answer" / f"{model}.jsonl").read_text().splitlines()
        for row in map(json.loads, lines):
            answers.setdefault(row["question_id"], []).append(row["choices"][0]["turns"][0]["content"])
    return [Contrast(prompts[name], answers[name]) for name in sorted(prompts)]


@pytest.fixture
def criteria(real_data):
    """Sentences about responses to other prompts, by other people."""
    lines = (real_data / "biggen_rubrics" / "rubrics_every4th.jsonl").read_text().splitlines()
    levels = [row["score_rubric"][f"score{score}_description"] for row in map(json.loads, lines) for score in (3, 4, 5)]
    sentences = [level.split(". ")[0].rstrip(".") + "." for level in levels]
    return [text for text in sentences if text.startswith("The response") and len(text.split()) <= 40]


def test_a_criterion_that_knows_no_answer_seldom_looks_as_if_it_did(arena, criteria, record_property):
    """Whatever is taken for a quotation or a fact here is an error: the criteria were written for other prompts."""
    rng = random.Random(0)
    drawn = [(contrast, text) for contrast in arena for text in rng.sample(criteria, 10)]
    found = [fault(Proposed("principle", text), contrast) for contrast, text in drawn]
    wrong = sum(reason in ("quotes_an_answer", "names_a_fact") for reason in found) / len(found)
    record_property("criteria wrongly taken for facts", f"{wrong:.1%} of {len(found)}")
    assert wrong <= 0.04


def test_what_an_answer_says_is_found_in_an_item(arena, record_property):
    """Eight words in a row of one answer, and a rare word of it alone."""
    rng = random.Random(1)
    quoted, named = [], []
    for contrast in arena[::4]:
        said = words(contrast.answers[0])
        if len(said) < 20:
            continue
        start = rng.randrange(len(said) - 8)
        clip = " ".join(said[start : start + 8])
        if not grams(said[start : start + 8]) <= grams(words(contrast.prompt)):
            quoted.append(fault(Proposed("principle", f"The response says that {clip}"), contrast) is not None)
        own = [word for word in said if contrast.facts(f"The response mentions {word}")]
        own = sorted({word for word in own if not word[0].isdigit()})
        if own:
            named.append(
                fault(Proposed("principle", f"The response also mentions {rng.choice(own)}s."), contrast) is not None
            )
    record_property("quotations found", f"{sum(quoted)} of {len(quoted)}")
    record_property("inflected facts found", f"{sum(named)} of {len(named)}")
    assert all(quoted)
    assert sum(named) / len(named) >= 0.9
