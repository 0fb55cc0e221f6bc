import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules.texts import count_words, language, languages, sentences

FRENCH = "Le soleil se lève sur la mer et les oiseaux chantent dans le jardin."


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("No mark at all", ["No mark at all"], id="no-mark"),
        pytest.param("One. Two! Three?", ["One.", "Two!", "Three?"], id="three-marks"),
        pytest.param("Mr. Li met Dr. Wu.", ["Mr. Li met Dr. Wu."], id="titles"),
        pytest.param("It costs 3.50 today.", ["It costs 3.50 today."], id="decimal"),
        pytest.param("See example.com now.", ["See example.com now."], id="website"),
        pytest.param("Wait... what?", ["Wait...", "what?"], id="ellipsis-ends-one"),
        pytest.param("She has a Ph.D. in law.", ["She has a Ph.D. in law."], id="degree"),
        pytest.param("I like J. S. Bach.", ["I like J. S. Bach."], id="initials"),
        pytest.param("He left the U.S. He flew.", ["He left the U.S.", "He flew."], id="acronym-before-opening"),
        pytest.param("The U.S. army left.", ["The U.S. army left."], id="acronym-inside"),
        pytest.param("He runs Acme Inc. It grows.", ["He runs Acme Inc", "It grows."], id="company-before-opening"),
        pytest.param("Acme Inc. grows.", ["Acme Inc. grows."], id="company-inside"),
        pytest.param('He said "Go." Then left.', ['He said "Go".', "Then left."], id="quoted-stop"),
        pytest.param("One line\nand another.", ["One line and another."], id="a-line-break-parts-nothing"),
        pytest.param("Really?!", ["Really?", "!"], id="two-marks-are-two"),
    ],
)
def test_sentences(text, parts):
    assert sentences(text) == parts


@given(words=st.lists(st.sampled_from(["rain", "falls", "slowly"]), min_size=1), count=st.integers(0, 30))
def test_as_many_sentences_as_were_written(words, count):
    assert len(sentences(" ".join([" ".join(words) + "."] * count))) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param("one, two; three.", 3, id="punctuation"),
        pytest.param("well-known", 2, id="hyphen-parts"),
        pytest.param("don't", 2, id="apostrophe-parts"),
        pytest.param("snake_case 3.5", 3, id="underscore-joins-point-parts"),
        pytest.param("naïve été", 2, id="accents"),
    ],
)
def test_words(text, count):
    assert count_words(text) == count


def test_languages_are_told_apart():
    assert language(FRENCH) == "fr"
    assert language("The sun rises over the sea and the birds are singing in the garden.") == "en"
    assert {"en", "fr", "zh-cn"} <= languages()


def test_a_text_without_letters_has_no_language():
    assert language("1234 !?") is None


def test_a_mixed_text_gets_one_answer():
    """Without a seed, langdetect finds three languages in these words, by turns."""
    assert len({language("hotel taxi") for _ in range(40)}) == 1
