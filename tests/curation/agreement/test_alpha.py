from math import isnan

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from curation.agreement.alpha import alphas, krippendorff_alpha
from curation.importers.tulu_human_eval import TuluHumanEval
from curation.importing import import_paths
from warehouse.views import create_views

NAN = float("nan")
TEXTBOOK = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]
"""Krippendorff's four observers of twelve units: nominal 0.743, ordinal 0.815, interval 0.849."""


def judgments(table) -> tuple[list[int], list[float]]:
    cells = [(unit, value) for line in table for unit, value in enumerate(line) if not isnan(value)]
    return [unit for unit, _ in cells], [value for _, value in cells]


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_the_textbook(level, alpha):
    units, values = judgments(TEXTBOOK)
    found = krippendorff_alpha(units, values, units, level=level)
    assert found.value == pytest.approx(alpha, abs=5e-4)
    assert (found.n, found.n_prompts) == (11, 11)


def test_alpha_by_hand():
    """Units aa, ab, bb: one of three coincides not: observed 2 / 6. Expected: 3 a and 3 b, 2 * 9 / 30. 1 - 10 / 18."""
    found = krippendorff_alpha([0, 0, 1, 1, 2, 2], list("aaabbb"), [0, 0, 1, 1, 2, 2])
    assert found.value == pytest.approx(1 - (2 / 6) / (18 / 30))


@pytest.mark.parametrize(
    ("units", "values", "reason"),
    [
        pytest.param([], [], "no unit was judged twice", id="nothing"),
        pytest.param([0, 1, 2], [1, 2, 3], "no unit was judged twice", id="no-unit-twice"),
        pytest.param([0, 0, 1, 1], ["a"] * 4, "all judgments are a", id="one-category"),
        pytest.param([0] * 40, range(40), "more than 32 different values; round them", id="too-many-values"),
    ],
)
def test_alpha_is_undefined(units, values, reason):
    found = krippendorff_alpha(units, list(values), units)
    assert (found.value, found.reason) == (None, reason)


@pytest.mark.parametrize("level", ["ordinal", "interval"])
def test_texts_have_no_order(level):
    with pytest.raises(ValueError, match="must be numbers"):
        krippendorff_alpha([0, 0], ["a", "b"], [0, 0], level=level)


@given(
    st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=5), min_size=1, max_size=12),
    st.sampled_from(["nominal", "ordinal", "interval"]),
)
def test_the_alpha_of_resamples_is_the_librarys(units, level):
    domain = np.unique(np.concatenate([np.array(unit) for unit in units]))
    assume(len(domain) > 1)
    counts = np.array([[unit.count(value) for value in domain.tolist()] for unit in units])
    met = np.zeros((1, len(domain), len(domain)))
    for line in counts:
        met[0] += (np.outer(line, line) - np.diag(line)) / (line.sum() - 1)
    theirs = krippendorff.alpha(value_counts=counts, value_domain=domain, level_of_measurement=level)
    assert alphas(met, domain, level)[0] == pytest.approx(theirs)


def test_sixteen_annotators_of_tulu(lake, real_data, record_property):
    """On signed strengths, -2 to 2. 154 comparisons have two votes or more."""
    import_paths(lake, TuluHumanEval(), [real_data / "tulu_human_eval"])
    create_views(lake.con)
    rows = lake.ask("shared_opinions", kinds=["human"]).to_pylist()
    units, strengths = [row["comparison"] for row in rows], [row["lean"] for row in rows]
    found = krippendorff_alpha(units, strengths, [row["prompt_id"] for row in rows], level="interval")
    by_unit = {unit: [s for u, s in zip(units, strengths, strict=True) if u == unit] for unit in units}
    width = max(map(len, by_unit.values()))
    table = np.array([line + [NAN] * (width - len(line)) for line in by_unit.values()]).T
    assert found.value == pytest.approx(krippendorff.alpha(table, level_of_measurement="interval"))
    assert found.low < found.value < found.high
    record_property("tulu: interval alpha", f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f}), {found.n} units")
