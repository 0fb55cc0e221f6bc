import pytest

from tests.bench.concurrency import trial
from warehouse.lake import Lake

SECONDS = 12


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_eight_writers_and_four_readers_lose_repeat_and_see_nothing_wrong(tmp_path, request, kind):
    """Some writers are killed. `python -m tests.bench.concurrency` is the long form."""
    catalog = request.getfixturevalue("catalog") if kind == "postgres" else None
    Lake.create(tmp_path / "warehouse", catalog=catalog).close()
    outcome = trial(tmp_path / "warehouse", SECONDS)
    assert outcome.errors == []
    assert (outcome.lost, outcome.repeated, outcome.unfit) == (0, 0, 0)
    assert outcome.commit_s
    assert outcome.checks
    assert outcome.kills
