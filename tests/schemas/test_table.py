import pyarrow as pa
import pytest

from schemas.errors import WarehouseError
from schemas.funnel import Funnel
from schemas.table import Table, column
from warehouse.tables import all_tables

TABLE = Table(
    name="t", key=("id",), columns=pa.schema([column("id", pa.string(), required=True), column("n", pa.int64())])
)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        pytest.param({"id": ["a"]}, "differ in n", id="column-missing"),
        pytest.param({"id": ["a"], "n": [1], "m": [1]}, "differ in m", id="column-too-many"),
        pytest.param({"id": ["a"], "n": ["x"]}, "do not fit", id="wrong-type"),
        pytest.param({"id": [None], "n": [1]}, "id is empty in 1 rows", id="null-in-key"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, complaint):
    with pytest.raises(WarehouseError, match=complaint):
        TABLE.check(pa.table(rows))


def test_every_table_has_its_key_among_its_required_columns():
    tables = all_tables()
    assert len(tables) >= 12
    for table in tables:
        assert all(not table.columns.field(key).nullable for key in table.key), table.name
        assert isinstance(table.rows([]), pa.Table)
    assert Funnel(stage="s", unit="u", read=0, kept=0).dropped == {}
