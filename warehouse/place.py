"""Where a warehouse lies: its folder, its catalogue, its data. Secrets come from the environment and stay there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from schemas.errors import ConfigError, WarehouseError

NOTE = "warehouse.json"
"""Remembers, in the folder, what is not the default."""

SQLITE, DUCKDB = "sqlite", "duckdb"
FILES = {SQLITE: "catalog.sqlite", DUCKDB: "catalog.duckdb"}
POSTGRES_SCHEMES = ("postgres", "postgresql")
SECRET_FIELDS = {"password", "sslpassword", "passfile"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A warehouse folder and what it names. Models, exports, journals and the note lie in the folder itself."""

    folder: Path
    catalog: str = SQLITE
    """`sqlite` or `duckdb` (a file in the folder), or the URL of a Postgres database without its password."""
    data: str | None = None
    """`s3://bucket/prefix`, or an absolute folder; `data/` in the folder if absent."""

    def __post_init__(self) -> None:
        if self.catalog not in FILES and not self.is_postgres:
            raise ConfigError("A catalogue is sqlite, duckdb or postgres://USER@HOST/DATABASE.")
        if self.is_postgres:
            _refuse_secrets(self.catalog)
        if self.data is not None and not self.is_s3 and ("://" in self.data or not Path(self.data).is_absolute()):
            raise ConfigError(f"{self.data} cannot hold data; name s3://BUCKET/PREFIX or a folder by its full path.")

    @classmethod
    def of(cls, folder: str | Path) -> Place:
        """The place that a folder remembers, or the default one."""
        folder = Path(folder)
        try:
            return cls(folder=folder, **json.loads((folder / NOTE).read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return cls(folder=folder)
        except (ValueError, TypeError) as error:
            raise WarehouseError(f"{folder / NOTE} is damaged; write it again with: prefinery init {folder}") from error

    @classmethod
    def chosen(cls, folder: str | Path, catalog: str | None, data: str | None) -> Place:
        """The place that a user chose. Raises ConfigError where the folder already has another."""
        folder = Path(folder)
        if catalog is None and data is None:
            return cls.of(folder)
        place = cls(folder=folder, catalog=catalog or SQLITE, data=data and data.rstrip("/"))
        found = cls.of(folder)
        if found.exists and found != place:
            raise ConfigError(f"{folder} already has its catalogue or data elsewhere; name another folder.")
        return place

    def remember(self) -> None:
        """Write the note, whole or not at all; a default place needs none."""
        chosen = {"catalog": self.catalog, "data": self.data}
        if self == Place(folder=self.folder) or (self.folder / NOTE).is_file():
            return
        draft = self.folder / f".{NOTE}"
        draft.write_text(json.dumps(chosen, indent=2) + "\n", encoding="utf-8")
        draft.rename(self.folder / NOTE)

    @property
    def exists(self) -> bool:
        """Whether a warehouse was made here."""
        return (self.folder / (NOTE if self.is_postgres else FILES[self.catalog])).is_file()

    @property
    def is_postgres(self) -> bool:
        return urlsplit(self.catalog).scheme in POSTGRES_SCHEMES

    @property
    def is_s3(self) -> bool:
        return self.data is not None and self.data.startswith("s3://") and len(self.data) > len("s3://")

    @property
    def catalog_name(self) -> str:
        """The catalogue as DuckLake attaches it."""
        if self.is_postgres:
            return f"postgres:{self.catalog}"
        file = self.folder.resolve() / FILES[self.catalog]
        return f"sqlite:{file}" if self.catalog == SQLITE else str(file)

    @property
    def data_path(self) -> str:
        """Where Parquet files go, with a final slash."""
        return f"{self.data or self.folder.resolve() / 'data'}/"


def _refuse_secrets(url: str) -> None:
    try:
        parts = urlsplit(url)
        secret = parts.password is not None or SECRET_FIELDS & {name for name, _ in parse_qsl(parts.query)}
    except ValueError:
        raise ConfigError("The catalogue's URL cannot be read; write postgres://USER@HOST/DATABASE.") from None
    if secret:
        raise ConfigError("Leave the password out of the catalogue's URL; give it in the environment as PGPASSWORD.")
