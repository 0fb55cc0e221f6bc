import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts import CONTRACTS
from curation.contracts.overall_score import OverallScore
from schemas.errors import ConfigError

TABLE = [
    pytest.param("1", 1.0, None, id="a-bare-1-is-not-10"),
    pytest.param("10", 10.0, None, id="10"),
    pytest.param("8/10", 8.0, None, id="8-of-10"),
    pytest.param("1/10", 1.0, None, id="1-of-10"),
    pytest.param("8.5", 8.5, None, id="not-cut-to-8"),
    pytest.param("8.5 / 10", 8.5, None, id="8.5-of-10"),
    pytest.param("11", None, "out_of_range", id="11"),
    pytest.param("0", None, "out_of_range", id="0"),
    pytest.param("0.9", None, "out_of_range", id="a-share"),
    pytest.param("4/5", None, "unparsable", id="another-scale"),
    pytest.param("8/10/2", None, "unparsable", id="two-bars"),
    pytest.param("good", None, "unparsable", id="a-word"),
    pytest.param("7-8", None, "unparsable", id="a-range"),
    pytest.param("1e1", None, "unparsable", id="an-exponent"),
    pytest.param("0x8", None, "unparsable", id="hexadecimal"),
    pytest.param("nan", None, "unparsable", id="nan"),
    pytest.param("inf", None, "unparsable", id="inf"),
    pytest.param("__import__('os').system('true')", None, "unparsable", id="python"),
    pytest.param("", None, "unparsable", id="nothing"),
]


@pytest.mark.parametrize(("said", "value", "failure"), TABLE)
def test_a_score_is_what_is_written(said, value, failure):
    reading = OverallScore().read(f"Names no source.\n\nOverall score: {said}")
    assert (reading.value, reading.failure) == (value, failure)


@pytest.mark.parametrize(("said", "value", "failure"), TABLE)
def test_a_last_line_needs_no_label(said, value, failure):
    reading = OverallScore().read(f"Overall, it scores well: 9 of 10 facts.\n{said}")
    assert (reading.value, reading.failure) == (value, "missing" if failure == "unparsable" else failure)


@pytest.mark.parametrize("said", ["N/A", "n/a", "NA", " N/A "])
def test_not_applicable_is_neither_a_score_nor_a_failure(said):
    reading = OverallScore().read(f"Overall score: {said}")
    assert (reading.value, reading.failure, reading.applies) == (None, None, False)


def test_values_fit_one_column_of_doubles():
    """Strings and floats in one column are what a looser parser left behind."""
    values = [OverallScore().read(said).value for said in ("7", "8.0", "8/10", "N/A", "good")]
    assert pa.array(values).type == pa.float64()
    assert all(value is None or type(value) is float for value in values)


@pytest.mark.parametrize(
    ("text", "value", "failure"),
    [
        pytest.param("Overall Score: 3\nIt is weak.", None, "missing", id="not-the-last-line"),
        pytest.param("Overall Score: 3\nOverall Score: 8", None, "contradictory", id="two-scores"),
        pytest.param("Overall Score: 8\nSo.\nOverall Score: 8/10", 8.0, None, id="the-same-twice"),
        pytest.param("I would give it an 8", None, "missing", id="in-prose"),
        pytest.param("overall_score:8\n\n", 8.0, None, id="another-spelling"),
    ],
)
def test_the_score_is_the_last_line(text, value, failure):
    reading = OverallScore().read(text)
    assert (reading.value, reading.failure) == (value, failure)


@given(st.integers(-200, 1500).map(lambda tenths: tenths / 10), st.booleans())
def test_no_score_is_scaled(score, fraction):
    reading = OverallScore().read(f"{score}/10" if fraction else str(score))
    assert reading.value == (score if 1 <= score <= 10 else None)


def test_a_scale_needs_two_scores():
    with pytest.raises(ConfigError, match="no two scores"):
        CONTRACTS.build({"name": "overall_score", "lo": 10})
