import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules.math_answer.numbers import MAX_DIGITS, quantity, tidy


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        pytest.param("18", 18, "", id="whole"),
        pytest.param("18.", 18, "", id="full-stop"),
        pytest.param("-2.50", Fraction(-5, 2), "", id="decimal"),
        pytest.param(".5", Fraction(1, 2), "", id="no-leading-zero"),
        pytest.param("+7", 7, "", id="plus"),
        pytest.param("\u22127", -7, "", id="minus-sign"),
        pytest.param("1,234,567", 1234567, "", id="thousands"),
        pytest.param("1{,}234", 1234, "", id="latex-thousands"),
        pytest.param("$1,234.50", Fraction(2469, 2), "dollar", id="dollars"),
        pytest.param("-$5", -5, "dollar", id="minus-dollars"),
        pytest.param(r"\$5", 5, "dollar", id="latex-dollars"),
        pytest.param("5€", 5, "euro", id="currency-after"),
        pytest.param("$5$", 5, "", id="mathematics"),
        pytest.param(r"\(5\)", 5, "", id="latex-mathematics"),
        pytest.param("**5**", 5, "", id="bold"),
        pytest.param("3/4", Fraction(3, 4), "", id="fraction"),
        pytest.param(r"-\frac{3}{4}", Fraction(-3, 4), "", id="latex-fraction"),
        pytest.param(r"\dfrac{3}{4}", Fraction(3, 4), "", id="display-fraction"),
        pytest.param("3 1/2", Fraction(7, 2), "", id="mixed"),
        pytest.param("1.8 billion", 1_800_000_000, "", id="scale"),
        pytest.param("1.5e3", 1500, "", id="exponent"),
        pytest.param(r"1.5 \times 10^{-3}", Fraction(3, 2000), "", id="scientific"),
        pytest.param("x = 5", 5, "", id="variable-before"),
        pytest.param("18 dollars", 18, "dollar", id="unit"),
        pytest.param("5km", 5, "km", id="unit-without-a-space"),
        pytest.param(r"5\text{ cm}^2", 5, "cm ^2", id="latex-unit"),
        pytest.param("60 miles per hour", 60, "mile per hour", id="unit-of-words"),
        pytest.param(r"90^\circ", 90, "degree", id="degrees"),
    ],
)
def test_numbers(text, number, unit):
    found = quantity(tidy(text))
    assert found is not None
    assert found.readings == {number}
    assert found.unit == unit


def test_a_percentage_has_two_readings():
    assert quantity(tidy(r"25\%")).readings == {25, Fraction(1, 4)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eggs",
        "2x",
        "2 x",
        "2 pi",
        "5 or 6",
        "1,2,3",
        "12,34",
        "1/0",
        "--5",
        "- $-5",
        "3 + 4",
        "5 10",
        "1" * MAX_DIGITS + "1",
    ],
    ids=lambda text: text[:8] or "empty",
)
def test_what_is_no_plain_number(text):
    assert quantity(tidy(text)) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_a_decimal_is_read_exactly(number):
    for text in (f"{number:f}", f"{number:,f}", f"${number:f}$", rf"\text{{{number:f}}}"):
        found = quantity(tidy(text))
        assert found is not None
        assert found.readings == {Fraction(number)}


PIECES = [*"0123456789.,/%$ \\{}eE^-+", "12", "1,234", "-7", " 1/2", " percent", " million", " eggs", "\\frac{3}{4}"]
FEW = st.lists(st.sampled_from(PIECES), max_size=4)


@given((st.lists(st.characters() | st.sampled_from(PIECES)) | FEW).map("".join))
def test_what_is_read_is_a_number_and_only_a_percentage_has_two_readings(text):
    tidied = tidy(text)
    found = quantity(tidied)
    if found is not None:
        assert all(isinstance(reading, Fraction) for reading in found.readings)
        number = max(found.readings, key=abs)
        assert found.readings <= {number, number / 100}
        assert len(found.readings) == 1 or re.search("%|percent", tidied)
        assert (number < 0) == (number != 0 and "-" in re.split(r"\d", tidied)[0])
