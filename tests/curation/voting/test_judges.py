"""Judges as voters: both orders count half, silence is NaN."""

import numpy as np
import pyarrow as pa
import pytest

from curation.voting.judges import judge_rewards

VOTE = {"pair_id": "p", "chosen_id": "b", "response_a": "a", "response_b": "b", "strength": None, "annotator": "j:m"}


def voted(*votes, **options):
    rows = [
        VOTE | {"shown_first": first, "verdict": verdict, "strength": strength} for first, verdict, strength in votes
    ]
    columns = pa.schema([(name, pa.float64() if name == "strength" else pa.string()) for name in rows[0]])
    found = judge_rewards(["p", "q"], pa.Table.from_pylist(rows, schema=columns), ["j:m", "k:m"], **options)
    assert np.isnan(found.differences).tolist() == [[False, True], [True, True]]
    assert np.exp(found.chosen[0, 0]) + np.exp(found.rejected[0, 0]) == pytest.approx(1)
    return found.differences[0, 0]


def test_a_judge_that_heeds_the_order_alone_says_nothing():
    assert voted(("a", "a", None), ("b", "b", None)) == pytest.approx(0)
    assert voted(("a", "a", 3.0), ("b", "b", 3.0), log_odds=True) == pytest.approx(0)


def test_verdicts_are_counted_in_each_order():
    """One verdict for b: (1 + 1/2) / 2 = 3/4, so the logit is log 3; a tie in the other order is half a win."""
    assert voted(("a", "b", None)) == pytest.approx(np.log(3))
    mixed = (0.75 + 0.5) / 2
    assert voted(("a", "b", None), ("b", "tie", None)) == pytest.approx(np.log(mixed / (1 - mixed)))


def test_own_log_odds_are_averaged_as_probabilities():
    """Log odds 2 for b in one order, 1 for a in the other; a certain judge stays finite."""
    p = (1 / (1 + np.exp(-2)) + 1 / (1 + np.exp(1))) / 2
    assert voted(("a", "b", 2.0), ("b", "a", 1.0), log_odds=True) == pytest.approx(np.log(p / (1 - p)))
    assert voted(("a", "b", 500.0), log_odds=True) == pytest.approx(np.log(1e6), abs=1e-3)
