"""The place of a warehouse is named once, by `prefinery init`; every later command takes the folder."""

import os
import subprocess
import sys

import pytest

from tests.servers import postgres


def _prefinery(*arguments, fails=0):
    command = [sys.executable, "-m", "flows", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=os.environ)
    assert done.returncode == fails, done.stderr
    return done


def test_a_warehouse_in_postgres_and_s3_is_used_by_its_folder(tmp_path, catalog, bucket):
    texts = tmp_path / "prompts.jsonl"
    texts.write_text('{"prompt": "Say one."}\n{"prompt": "Say two."}\n')
    folder = tmp_path / "shared"
    _prefinery("init", folder, "--catalog", catalog, "--data", bucket)
    _prefinery("init", folder)
    _prefinery("import", "prompts", texts, "--warehouse", folder)
    said = _prefinery("sql", "select count(*) as n from prompts", "--format", "json", "--warehouse", folder)
    assert '"n":2' in said.stdout.replace(" ", "")
    assert not list(folder.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--catalog", "postgres://me:hidden@127.0.0.1/lake"], "Leave the password out"),
        (["--catalog", "oracle"], "A catalogue is sqlite, duckdb or postgres://USER@HOST/DATABASE."),
        (["--data", "gs://bucket"], "name s3://BUCKET/PREFIX"),
    ],
)
def test_a_wrong_place_is_wrong_usage(tmp_path, options, sentence):
    done = _prefinery("init", tmp_path / "new", *options, fails=2)
    assert sentence in done.stderr
    assert "hidden" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_absent_server_is_one_sentence(tmp_path):
    url = f"postgres://{postgres.USER}@127.0.0.1:1/lake"
    done = _prefinery("init", tmp_path / "new", "--catalog", url, fails=1)
    assert done.stderr.endswith("cannot be reached; check the server, its database and PGPASSWORD.\n")
    assert len(done.stderr.splitlines()) == 1
