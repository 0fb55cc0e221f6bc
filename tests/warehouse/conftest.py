"""Warehouses in every kind of place, on servers that the tests start."""

import importlib.util
from uuid import uuid4

import pytest

from tests.servers import postgres, s3
from warehouse.lake import Lake

PLACES = ["duckdb", "postgres", "s3", "postgres and s3"]


@pytest.fixture(scope="session")
def postgres_server():
    if postgres.programs() is None:
        pytest.skip("Postgres' programs are not installed")
    with postgres.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server():
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto is not installed")
    with s3.s3() as url:
        yield url


@pytest.fixture
def catalog(postgres_server, monkeypatch):
    """The URL of an empty database."""
    monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    return postgres_server.new_database()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    """The address of an empty folder in S3."""
    for name, value in {**s3.KEYS, "AWS_ENDPOINT_URL": s3_server}.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.BUCKET}/{uuid4().hex}"


@pytest.fixture(params=PLACES)
def elsewhere(request, tmp_path):
    """A new warehouse in one of the places that are not the default; the folder of it."""
    chosen = {}
    if request.param == "duckdb":
        chosen["catalog"] = "duckdb"
    if "postgres" in request.param:
        chosen["catalog"] = request.getfixturevalue("catalog")
    if "s3" in request.param:
        chosen["data"] = request.getfixturevalue("bucket")
    with Lake.create(tmp_path / "elsewhere", **chosen) as lake:
        return lake.folder
