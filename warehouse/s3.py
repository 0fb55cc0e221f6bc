"""Credentials of S3-compatible storage: from the environment into DuckDB's memory, and nowhere else."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import duckdb

from schemas.errors import ConfigError
from warehouse.queries import literal


def give_keys(con: duckdb.DuckDBPyConnection, scope: str) -> None:
    """Let a connection use the storage at `scope` with the usual AWS variables."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    fields = {
        "key_id": _variable("AWS_ACCESS_KEY_ID"),
        "secret": _variable("AWS_SECRET_ACCESS_KEY"),
        "session_token": os.environ.get("AWS_SESSION_TOKEN"),
        "region": os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        "scope": scope,
    }
    if endpoint:
        url = urlsplit(endpoint)
        if url.scheme not in {"http", "https"} or not url.netloc or url.username is not None:
            raise ConfigError("AWS_ENDPOINT_URL is no address; write http://HOST:PORT or https://HOST.")
        # Servers other than Amazon's know buckets by path, not by host name.
        fields |= {"endpoint": url.netloc + url.path.rstrip("/"), "url_style": "path"}
        fields["use_ssl"] = "true" if url.scheme == "https" else "false"
    listing = ", ".join(f"{name} {literal(value)}" for name, value in fields.items() if value)
    try:
        con.execute(f"create secret storage (type s3, {listing})")
    except duckdb.Error:
        # DuckDB's message may quote the statement, which holds the keys: it must not go on.
        raise ConfigError("The AWS variables of the environment are not accepted; check each of them.") from None


def _variable(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise ConfigError(f"Data in S3 needs {name} in the environment.") from None
