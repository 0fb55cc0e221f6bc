"""The hub's own client against a server that speaks as much of the hub's protocol as it needs."""

import json
import os
import subprocess
import sys

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import Import, Recipe
from schemas.errors import ConfigError, UpstreamError
from schemas.prompts import PROMPTS
from tests.rows import draft, some_pairs
from tests.servers.start import Server
from tests.warehouse.exporters.conftest import comparisons
from warehouse.export import export_to
from warehouse.exporters.hf import HuggingFace
from warehouse.hub import download, upload
from warehouse.lake import Lake
from warehouse.versions import publish

TOKEN = "hf_of_nobody"


@pytest.fixture(scope="module", params=[(), ("--large-files",)], ids=["small-files", "large-files"])
def hub(request):
    """The address of a hub."""
    started = Server("hub.py", "--token", TOKEN, *request.param)
    started.start()
    yield started.url.removesuffix("/v1")
    started.stop()


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache of our own; the library took its place when it was imported."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


def test_a_version_goes_to_the_hub_and_comes_back(lake, tmp_path, prefinery):
    version = publish(lake, draft(some_pairs(lake, 12))).version
    place = "hf://datasets/me/pushed"
    pushed = prefinery("export", version.label, place, "--format", "hf", "--warehouse", lake.folder)
    assert pushed.stdout.strip().endswith("/datasets/me/pushed")
    again = tmp_path / "again"
    pulled = prefinery("import", "trl", place, "--warehouse", again, "--format", "json")
    assert {row["what"]: row["rows"] for row in json.loads(pulled.stdout)}["new votes"] == 12
    with Lake.open(again, read_only=True) as read:
        there = lake.con.execute("select prompt_id, chosen_id, rejected_id, 1.0 from pairs").fetchall()
        assert comparisons(read) == set(there)


def test_a_recipe_imports_from_the_hub_too(lake, tmp_path):
    (tmp_path / "asked.jsonl").write_text('{"prompt": "Name three rivers."}\n')
    here, there = str(tmp_path / "asked.jsonl"), "hf://datasets/a/b/c"
    recipe = Recipe.model_validate({"name": "asked", "imports": [{"format": "prompts", "paths": [here, there]}]})
    with pytest.raises(ConfigError, match="a/b/c names no dataset repository"):
        curate_into(lake, recipe)
    assert lake.read(PROMPTS).num_rows == 0
    curate_into(lake, recipe.model_copy(update={"imports": (Import(format="prompts", paths=(here,)),)}))
    assert lake.read(PROMPTS).num_rows == 1


@pytest.fixture
def environment(hub, tmp_path):
    """What a user of this hub has set."""
    home = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    return os.environ | {"HF_ENDPOINT": hub, "HF_TOKEN": TOKEN, **home}


@pytest.fixture
def prefinery(environment):
    """The command."""

    def run(*arguments):
        command = [sys.executable, "-m", "flows", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_a_second_upload_replaces_the_data_of_the_first(lake, hub, token, home, tmp_path):
    (tmp_path / "one" / "data").mkdir(parents=True)
    (tmp_path / "one" / "data" / "test.jsonl").write_text('{"prompt": "old"}\n')
    (tmp_path / "one" / "NOTES.txt").write_text("mine")
    upload(tmp_path / "one", "me/twice", message="one", endpoint=hub)
    first = download("hf://datasets/me/twice", [".jsonl", ".parquet"], endpoint=hub)
    newer = tmp_path / "two"
    (newer / "data").mkdir(parents=True)
    (newer / "data" / "train.jsonl").write_text('{"prompt": "new"}\n')
    upload(newer, "me/twice", message="two", endpoint=hub)
    second = download("hf://datasets/me/twice", [".jsonl", ".parquet"], endpoint=hub)
    assert [path.name for path in (second / "data").iterdir()] == ["train.jsonl"]
    done = import_paths(lake, IMPORTERS.build("prompts"), [second])
    assert done.funnel.kept == 1
    old = download(f"hf://datasets/me/twice@{first.name}", [".jsonl"], endpoint=hub)
    assert [path.name for path in old.rglob("*") if path.is_file()] == ["test.jsonl"]


def test_what_is_not_there_is_one_sentence(hub, token, home):
    with pytest.raises(UpstreamError, match="is not on the hub, or HF_TOKEN may not see it"):
        download("hf://datasets/me/absent", [".jsonl"], endpoint=hub)
    upload_nothing(hub)
    with pytest.raises(UpstreamError, match="has no such revision"):
        download("hf://datasets/me/there@v9", [".jsonl"], endpoint=hub)


def upload_nothing(hub):
    from huggingface_hub import HfApi

    HfApi(endpoint=hub, token=TOKEN).create_repo("me/there", repo_type="dataset", private=True, exist_ok=True)


def test_another_token_is_one_sentence(hub, home, monkeypatch, tmp_path):
    (tmp_path / "a.jsonl").write_text("{}\n")
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    with pytest.raises(UpstreamError, match="HF_TOKEN"):
        download("hf://datasets/me/there", [".jsonl"], endpoint=hub)
    with pytest.raises(UpstreamError, match="HF_TOKEN"):
        upload(tmp_path, "me/there", message="m", endpoint=hub)


def test_an_upload_without_a_token_is_wrong_usage(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="set HF_TOKEN"):
        upload(tmp_path, "me/there", message="m")


def test_a_place_that_is_no_repository_is_wrong_usage(lake, token):
    version = publish(lake, draft(some_pairs(lake, 1))).version
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        export_to(lake, version, "hf://datasets/a/b/c", HuggingFace())
    with pytest.raises(ConfigError, match="OWNER/NAME"):
        download("hf://datasets/a/b/c", [".jsonl"])
    with pytest.raises(ConfigError, match="leave out @main"):
        export_to(lake, version, "hf://datasets/a/b@main", HuggingFace())


def test_a_hub_that_does_not_answer_is_one_sentence(tmp_path, token, home):
    nowhere = "http://127.0.0.1:9"
    with pytest.raises(UpstreamError, match="check the network"):
        upload(tmp_path, "nobody/nothing", message="m", endpoint=nowhere)
    with pytest.raises(UpstreamError, match="check the network"):
        download("hf://datasets/nobody/nothing", [".jsonl"], endpoint=nowhere)
