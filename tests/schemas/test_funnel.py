import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.drops import Drop
from schemas.funnel import Funnel


@given(st.integers(0, 50), st.lists(st.sampled_from(["tie", "unscored", "too_long"]), max_size=20))
def test_every_row_is_kept_or_dropped_by_reason(kept, reasons):
    drops = [Drop.of("pair", "comparison", reason, row_id=str(i)) for i, reason in enumerate(reasons)]
    funnel = Funnel.of("pair", "comparisons", read=kept + len(drops), kept=kept, drops=drops)
    assert sum(funnel.dropped.values()) == len(drops)


def test_a_lost_row_stops_the_run():
    with pytest.raises(ValueError, match="1 of 3 rows are neither kept nor dropped"):
        Funnel(stage="pair", unit="rows", read=3, kept=2)
