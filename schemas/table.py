"""A table is a value: its name, its key and its exact Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas.errors import WarehouseError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Name, key columns and Arrow schema of one warehouse table. Rows are immutable and unique by key."""

    name: str
    key: tuple[str, ...]
    columns: pa.Schema
    order: tuple[str, ...] = ()
    """Columns by which the rows of a data file are sorted, because rows are looked up by them; none if empty."""

    def check(self, rows: pa.Table) -> pa.Table:
        """`rows` cast to the declared columns, or WarehouseError naming the column that does not fit."""
        wanted = set(self.columns.names)
        if missing := sorted(wanted.symmetric_difference(rows.column_names)):
            raise WarehouseError(f"{self.name}: rows and declared columns differ in {', '.join(missing)}.")
        rows = rows.select(self.columns.names)
        for field in self.columns:
            column = rows.column(field.name)
            if not field.nullable and column.null_count:
                raise WarehouseError(f"{self.name}: {field.name} is empty in {column.null_count} rows but is required.")
        try:
            return rows.cast(self.columns)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise WarehouseError(f"{self.name}: rows do not fit the declared columns: {error}") from error

    def rows(self, records: Iterable[DataclassInstance | dict[str, Any]]) -> pa.Table:
        """Records (dataclasses of this table, or mappings) as an Arrow table with the declared columns."""
        rows = list(records)
        try:
            if not rows or isinstance(rows[0], dict):
                return pa.Table.from_pylist(rows, schema=self.columns)  # pyright: ignore[reportArgumentType]
            cells = zip(*map(attrgetter(*self.columns.names), rows), strict=True)
            columns = [pa.array(column, field.type) for column, field in zip(cells, self.columns, strict=True)]
            return pa.Table.from_arrays(columns, schema=self.columns)
        except (pa.ArrowInvalid, pa.ArrowTypeError, AttributeError) as error:
            raise WarehouseError(f"{self.name}: a record does not fit the declared columns: {error}") from error

    def of_columns(self, count: int, **columns: pa.Array | str) -> pa.Table:
        """So many rows from columns; a text is the same in every row, and a column that is not given is empty."""
        return pa.Table.from_arrays(
            [_column(columns.get(field.name), field.type, count) for field in self.columns], schema=self.columns
        )


def _column(values: pa.Array | str | None, kind: pa.DataType, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, kind)
    return pa.repeat(pa.scalar(values, kind), count) if isinstance(values, str) else values


def column(name: str, kind: pa.DataType, *, required: bool = False) -> pa.Field:
    """One column; `required` means never NULL."""
    return pa.field(name, kind, nullable=not required)
