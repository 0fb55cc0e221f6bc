"""A table of cases for every official instruction: what follows it strictly, and what only loosely."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules.ifeval import INSTRUCTIONS, readings

ENGLISH = "the sun rises over the sea and the birds are singing in the garden."
FRENCH = "Le soleil se lève sur la mer et les oiseaux chantent dans le jardin."


class Case(NamedTuple):
    name: str
    fields: dict
    text: str
    strict: bool
    loose: bool


def follows(name, fields, text):
    return Case(name, fields, text, True, True)


def breaks(name, fields, text):
    return Case(name, fields, text, False, False)


def loosely(name, fields, text):
    return Case(name, fields, text, False, True)


def bounds(text, count="frequency", relation="relation", **rest):
    """`text` holds the counted thing twice, on one line: each relation just met and just missed."""
    return [
        follows("at-least-at-the-bound", {**rest, count: 2, relation: "at least"}, text),
        breaks("at-least-missed-by-one", {**rest, count: 3, relation: "at least"}, text),
        follows("less-than-by-one", {**rest, count: 3, relation: "less than"}, text),
        breaks("less-than-at-the-bound", {**rest, count: 2, relation: "less than"}, text),
    ]


CASES = {
    "keywords:existence": [
        follows("both", {"keywords": ["rain", "sun"]}, "Sun after rain."),
        follows("inside-a-word", {"keywords": ["rain"]}, "A train."),
        follows("signs-are-themselves", {"keywords": ["C++", "(a|b"]}, "C++ has (a|b."),
        breaks("one-missing", {"keywords": ["rain", "sun"]}, "Sun only."),
        breaks("a-dot-is-a-dot", {"keywords": ["a.b"]}, "axb"),
        loosely("parted-by-asterisks", {"keywords": ["rain"]}, "r*ai*n"),
    ],
    "keywords:frequency": [
        *bounds("Rain, and rain.", keyword="rain"),
        follows("inside-words", {"keyword": "rain", "frequency": 2, "relation": "at least"}, "A train in the rain."),
        follows("space-around-the-keyword", {"keyword": " rain ", "frequency": 1, "relation": "at least"}, "rain."),
        loosely("once-in-the-opening", {"keyword": "rain", "frequency": 1, "relation": "less than"}, "Rain:\nsnow"),
    ],
    "keywords:forbidden_words": [
        follows("absent", {"forbidden_words": ["rain", "sun"]}, "Snow."),
        follows("inside-a-word", {"forbidden_words": ["rain"]}, "A train."),
        breaks("another-case", {"forbidden_words": ["rain"]}, "RAIN!"),
        breaks("with-signs", {"forbidden_words": ["C++"]}, "I like C++ best."),
        loosely("in-the-closing", {"forbidden_words": ["rain"]}, "Snow.\nNo rain."),
    ],
    "keywords:letter_frequency": [
        *bounds("Eve", letter="e", count="let_frequency", relation="let_relation"),
        follows("capital", {"letter": "E", "let_frequency": 2, "let_relation": "at least"}, "Eve"),
        follows("no-letter", {"letter": "#", "let_frequency": 2, "let_relation": "at least"}, "##"),
        loosely("in-the-opening", {"letter": "z", "let_frequency": 1, "let_relation": "less than"}, "Zzz:\nsnow"),
    ],
    "language:response_language": [
        follows("french", {"language": "fr"}, FRENCH),
        follows("no-letters-count-as-right", {"language": "fr"}, "123"),
        breaks("english", {"language": "fr"}, ENGLISH),
        loosely("english-opening", {"language": "fr"}, f"{ENGLISH * 3}\n{FRENCH}"),
    ],
    "length_constraints:number_sentences": [
        *bounds("One here. Two here.", count="num_sentences"),
        follows("a-title-ends-nothing", {"num_sentences": 2, "relation": "less than"}, "Dr. Li came."),
        loosely("without-the-opening", {"num_sentences": 2, "relation": "less than"}, "Sure!\nOne."),
    ],
    "length_constraints:number_paragraphs": [
        follows("two", {"num_paragraphs": 2}, "One\n***\nTwo"),
        follows("on-one-line", {"num_paragraphs": 2}, "One *** Two"),
        follows("empty-ends-do-not-count", {"num_paragraphs": 2}, "***\nOne\n***\nTwo\n***"),
        breaks("one-too-many", {"num_paragraphs": 2}, "One *** Two *** Three"),
        breaks("empty-in-the-middle", {"num_paragraphs": 2}, "One\n***\n\n***\nTwo"),
        breaks("blank-lines-part-nothing", {"num_paragraphs": 2}, "One\n\nTwo"),
        loosely("without-the-opening", {"num_paragraphs": 2}, "Sure!\n***\nOne\n***\nTwo"),
    ],
    "length_constraints:number_words": [
        *bounds("two words", count="num_words"),
        follows("hyphens-part", {"num_words": 2, "relation": "at least"}, "well-known"),
        loosely("without-the-opening", {"num_words": 3, "relation": "less than"}, "Sure, here:\ntwo words"),
    ],
    "length_constraints:nth_paragraph_first_word": [
        follows("second", {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"}, "One.\n\nthen two."),
        follows("mark-after-it", {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "well"}, "Well, yes."),
        follows("quoted", {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "well"}, '\'"Well" he said.'),
        breaks("another-word", {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "then"}, "Then.\n\nNow."),
        breaks("longer-word", {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "the"}, "Then."),
        breaks("too-few", {"num_paragraphs": 3, "nth_paragraph": 1, "first_word": "one"}, "One.\n\nTwo."),
        breaks(
            "three-breaks-shift", {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "two"}, "One.\n\n\n\nTwo."
        ),
        loosely("without-the-opening", {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "one"}, "Sure!\nOne."),
    ],
    "detectable_content:number_placeholders": [
        follows("two", {"num_placeholders": 2}, "[name] of [town]"),
        follows("nested-is-one", {"num_placeholders": 1}, "[[name]]"),
        follows("empty-counts", {"num_placeholders": 1}, "[]"),
        breaks("one-of-two", {"num_placeholders": 2}, "[name] of [town"),
        breaks("across-lines", {"num_placeholders": 1}, "[na\nme]"),
    ],
    "detectable_content:postscript": [
        follows("ps", {"postscript_marker": "P.S."}, "Bye.\n\np. s. one more"),
        follows("anywhere", {"postscript_marker": "P.S."}, "P.S. comes first"),
        follows("pps", {"postscript_marker": "P.P.S"}, "P. P.S: more"),
        follows("another-marker", {"postscript_marker": "N.B."}, "n.b. this"),
        breaks("no-last-stop", {"postscript_marker": "P.S."}, "P.S one more"),
        breaks("ps-is-no-pps", {"postscript_marker": "P.P.S"}, "P.S. one more"),
        breaks("a-dot-is-a-dot", {"postscript_marker": "N.B."}, "nxbx this"),
        loosely("parted-by-asterisks", {"postscript_marker": "P.S."}, "P.*S*. one more"),
    ],
    "detectable_format:number_bullet_lists": [
        follows("stars-and-dashes", {"num_bullets": 3}, "* one\n - two\n\t* three"),
        follows("rule-counts", {"num_bullets": 1}, "---"),
        breaks("one-too-few", {"num_bullets": 4}, "* one\n* two\n* three"),
        breaks("bold-is-no-bullet", {"num_bullets": 1}, "**one**"),
        follows("a-bare-star-takes-the-next-line", {"num_bullets": 1}, "*\n* one"),
        breaks("a-star-at-the-end", {"num_bullets": 1}, "one\n*"),
        loosely("without-the-opening", {"num_bullets": 2}, "- Sure!\n- one\n- two"),
    ],
    "detectable_format:constrained_response": [
        follows("alone", {}, " My answer is no. "),
        follows("among-words", {}, "Well. My answer is maybe. Or so."),
        breaks("another-case", {}, "my answer is no."),
        breaks("no-stop", {}, "My answer is no"),
        loosely("with-asterisks", {}, "My answer is *yes*."),
    ],
    "detectable_format:number_highlighted_sections": [
        follows("one-of-each", {"num_highlights": 2}, "*one* and **two**"),
        breaks("empty-ones", {"num_highlights": 1}, "** ** and * *"),
        breaks("one-of-two", {"num_highlights": 2}, "*one* and *two"),
        breaks("across-lines", {"num_highlights": 1}, "*one\ntwo*"),
        follows("none-wanted", {"num_highlights": 0}, "plain"),
    ],
    "detectable_format:multiple_sections": [
        follows("two", {"section_spliter": "Section", "num_sections": 2}, "Section 1\na\nSection 2\nb"),
        follows("more", {"section_spliter": "Day", "num_sections": 1}, "Day1 a Day 2 b"),
        breaks("another-case", {"section_spliter": "SECTION", "num_sections": 1}, "Section 1"),
        breaks("no-number", {"section_spliter": "Section", "num_sections": 1}, "Section one"),
        loosely("with-asterisks", {"section_spliter": "Section", "num_sections": 1}, "Section **1**"),
    ],
    "detectable_format:json_format": [
        follows("object", {}, ' {"a": [1]} '),
        follows("fenced", {}, '```json\n{"a": 1}\n```'),
        follows("bare-fence", {}, "```\n3\n```"),
        follows("python-reads-not-a-number", {}, "NaN"),
        breaks("words", {}, "three"),
        loosely("other-fence", {}, "```yaml\n3\n```"),
        loosely("without-the-opening", {}, 'Here it is:\n{"a": 1}'),
    ],
    "detectable_format:title": [
        follows("title", {}, "<<On rain>>\nIt falls."),
        follows("among-words", {}, "See <<On rain>> here."),
        breaks("empty", {}, "<< >>"),
        breaks("across-lines", {}, "<<On\nrain>>"),
        breaks("single-brackets", {}, "<On rain>"),
        loosely("parted-by-asterisks", {}, "<*<On rain>>"),
    ],
    "combination:two_responses": [
        follows("two", {}, "One\n******\nTwo"),
        follows("divider-at-the-end", {}, "One\n******\nTwo\n******"),
        breaks("the-same-twice", {}, "One\n******\n One "),
        breaks("three", {}, "One ****** Two ****** Three"),
        breaks("nothing-between", {}, "One\n******\n\n******\nTwo"),
        breaks("one", {}, "One"),
        loosely("without-the-opening", {}, "Sure!\n******\nOne\n******\nTwo"),
    ],
    "combination:repeat_prompt": [
        follows("word-for-word", {"prompt_to_repeat": "Tell me of rain."}, " tell me of RAIN. It falls."),
        breaks("not-at-the-start", {"prompt_to_repeat": "Tell me of rain."}, "Sure! Tell me of rain. It falls."),
        breaks("cut-short", {"prompt_to_repeat": "Tell me of rain."}, "Tell me of rain"),
        loosely("after-an-opening", {"prompt_to_repeat": "Tell me of rain."}, "Sure!\nTell me of rain. It falls."),
    ],
    "startend:end_checker": [
        follows("last-words", {"end_phrase": "Any questions?"}, "It falls. any QUESTIONS? "),
        follows("in-quotation-marks", {"end_phrase": "Any questions?"}, '"It falls. Any questions?"'),
        breaks("not-last", {"end_phrase": "Any questions?"}, "Any questions? It falls."),
        loosely("before-a-closing", {"end_phrase": "Any questions?"}, "Any questions?\nBye!"),
    ],
    "startend:quotation": [
        follows("quoted", {}, ' "It falls." '),
        follows("nothing-inside", {}, '""'),
        breaks("one-mark", {}, '"'),
        breaks("curly-marks", {}, "“It falls.”"),
        breaks("words-after", {}, '"It falls," he said.'),
        loosely("after-an-opening", {}, 'Sure:\n"It falls."'),
    ],
    "change_case:capital_word_frequency": [
        *bounds("YES and NO", count="capital_frequency", relation="capital_relation"),
        follows("hyphen-joins", {"capital_frequency": 2, "capital_relation": "less than"}, "WELL-KNOWN"),
        follows("slash-joins", {"capital_frequency": 2, "capital_relation": "less than"}, "AND/OR"),
        follows("comma-parts", {"capital_frequency": 2, "capital_relation": "at least"}, "YES,NO"),
        follows(
            "contraction-is-two", {"capital_frequency": 2, "capital_relation": "at least"}, "we say DON'T. they say no."
        ),
        follows("single-letters", {"capital_frequency": 1, "capital_relation": "at least"}, "I say no"),
        follows("with-digits", {"capital_frequency": 1, "capital_relation": "at least"}, "B2"),
        loosely("in-the-opening", {"capital_frequency": 1, "capital_relation": "less than"}, "SURE:\nyes"),
    ],
    "change_case:english_capital": [
        follows("capitals", {}, ENGLISH.upper()),
        breaks("one-small-letter", {}, ENGLISH.upper() + "x"),
        breaks("no-letters", {}, "123"),
        loosely("after-an-opening", {}, f"Sure:\n{ENGLISH.upper()}"),
    ],
    "change_case:english_lowercase": [
        follows("small-letters", {}, ENGLISH),
        breaks("one-capital", {}, ENGLISH + "X"),
        breaks("french", {}, FRENCH.lower()),
        loosely("after-an-opening", {}, f"Sure:\n{ENGLISH}"),
    ],
    "punctuation:no_comma": [
        follows("none", {}, "It falls; it flows."),
        follows("another-script", {}, "雨、雪"),
        breaks("one", {}, "It falls, it flows."),
        loosely("in-the-opening", {}, "Sure, here:\nIt falls."),
    ],
}

NEVER_ONLY_LOOSELY = {"detectable_content:number_placeholders", "detectable_format:number_highlighted_sections"}
"""Taking lines or asterisks away can only lower these counts, and they have no upper bound."""


def test_every_instruction_has_its_cases():
    assert CASES.keys() == INSTRUCTIONS.classes.keys()
    assert len(CASES) == 25
    for name, cases in CASES.items():
        kinds = {(True, True), (False, False)} | (set() if name in NEVER_ONLY_LOOSELY else {(False, True)})
        assert {(case.strict, case.loose) for case in cases} == kinds
        assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}-{case.name}") for name, cases in CASES.items() for case in cases],
)
def test_cases(name, case):
    verifier = INSTRUCTIONS.get(name)(**case.fields)
    assert verifier.find(case.text).satisfied is case.strict
    assert any(verifier.find(reading).satisfied for reading in readings(case.text)) is case.loose
    assert verifier.find(case.text).rationale


@pytest.fixture(params=CASES, scope="module")
def verifier(request):
    return INSTRUCTIONS.get(request.param)(**CASES[request.param][0].fields)


@pytest.mark.parametrize("blank", ["", " ", "\n\t\n"], ids=["empty", "space", "lines"])
def test_a_blank_response_follows_nothing(verifier, blank):
    assert verifier.find(blank).satisfied is False


@given(text=st.text(st.characters() | st.sampled_from("*-[]<>\n .!?\"'`{}")))
def test_no_text_makes_a_verifier_raise(verifier, text):
    assert verifier.find(text).satisfied in (True, False)
    assert verifier.find(text) == verifier.find(text)


words = st.text("abcdefghij", min_size=1, max_size=6)
parts = st.lists(words, min_size=1, max_size=12)


@given(keyword=st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1), text=st.text())
def test_adding_the_keyword_satisfies_existence(keyword, text):
    assert _of("keywords:existence", keywords=[keyword]).find(f"{text} {keyword} .").satisfied


@given(word=words, said=parts)
def test_a_word_is_forbidden_exactly_when_it_is_there(word, said):
    assert _of("keywords:forbidden_words", forbidden_words=[word]).find(" ".join(said)).satisfied is (word not in said)


@given(said=parts, bound=st.integers(0, 15))
def test_the_two_relations_exclude_each_other(said, bound):
    text = " ".join(said)
    low, high = (_of("length_constraints:number_words", num_words=bound, relation=how) for how in RELATIONS)
    assert low.find(text).satisfied is not high.find(text).satisfied
    assert high.find(text).satisfied is (len(said) >= bound)


@given(said=parts, wanted=st.integers(0, 15))
def test_paragraphs_and_bullets_count_what_was_written(said, wanted):
    exact = len(said) == wanted
    assert (
        _of("length_constraints:number_paragraphs", num_paragraphs=wanted).find("\n***\n".join(said)).satisfied is exact
    )
    bullets = "\n".join(f"- {part}" for part in said)
    assert _of("detectable_format:number_bullet_lists", num_bullets=wanted).find(bullets).satisfied is exact


@given(said=parts, place=st.integers(1, 12))
def test_the_first_word_of_a_paragraph_is_found(said, place):
    place = min(place, len(said))
    wanted = {"num_paragraphs": len(said), "nth_paragraph": place, "first_word": said[place - 1].upper()}
    text = "\n\n".join(f"{part}, and more" for part in said)
    assert _of("length_constraints:nth_paragraph_first_word", **wanted).find(text).satisfied


RELATIONS = ("less than", "at least")


def _of(name, **fields):
    return INSTRUCTIONS.get(name)(**fields)
