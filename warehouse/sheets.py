"""Files that exported rows are written to, some rows at a time."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


class Sheet(ABC):
    """An open file of rows."""

    @abstractmethod
    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write these rows after those that are there."""

    @abstractmethod
    def close(self) -> None:
        """End the file."""


class JsonLines(Sheet):
    """One JSON object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def close(self) -> None:
        self._file.close()


class JsonArray(Sheet):
    """One JSON array of objects, an object a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._before = "[\n"

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            self._file.write(self._before + json.dumps(row, ensure_ascii=False))
            self._before = ",\n"

    def close(self) -> None:
        self._file.write("\n]\n")
        self._file.close()


class Csv(Sheet):
    """Texts under a header, all in quotes."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.DictWriter(self._file, columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._rows.writeheader()

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        self._rows.writerows(rows)

    def close(self) -> None:
        self._file.close()


class Parquet(Sheet):
    """A row group for each `add`."""

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        self._columns = columns
        self._file = pq.ParquetWriter(path, columns, compression="zstd")

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        self._file.write_table(pa.Table.from_pylist(list(rows), schema=self._columns))

    def close(self) -> None:
        self._file.close()


class ArrowStream(Sheet):
    """A record batch for each `add`."""

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        self._columns = columns
        self._file = pa.ipc.new_stream(str(path), columns)

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        self._file.write_table(pa.Table.from_pylist(list(rows), schema=self._columns))

    def close(self) -> None:
        self._file.close()
