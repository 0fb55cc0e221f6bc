"""`prefinery formats`, and what the README says of them."""

import json
import re

import pytest

from curation.importers import IMPORTERS
from flows.commands.curating import formats
from schemas.errors import ConfigError
from tests.conftest import ROOT
from warehouse.exporters import EXPORTERS

WAYS = {"import": IMPORTERS, "export": EXPORTERS}
ROW = re.compile(r"^\| (`.+?) \| (.*?) \| (.*?) \| (.+?) \|$", re.MULTILINE)


@pytest.fixture
def listed(capsys):
    formats("json")
    return json.loads(capsys.readouterr().out)


def test_every_format_is_listed_with_what_it_carries(listed):
    assert [(row["for"], row["format"]) for row in listed] == [
        (way, name) for way, plugins in WAYS.items() for name in plugins.classes
    ]
    assert all(row["what"] and not row["what"].startswith("`{") for row in listed)
    assert all(row["license"] and row["files"] for row in listed if row["for"] == "import")


def test_what_a_format_cannot_carry_is_told(listed):
    told = {row["format"]: row["what"] for row in listed if row["for"] == "export"}
    assert "The format has no strength" in told["arena"]
    assert "Models, margins, and white space around a turn are not in the format." in told["hh_rlhf"]


def test_settings_are_told_with_their_defaults_and_can_be_set(listed):
    for row in listed:
        for setting in row["settings"].split():
            name, _, default = setting.partition("=")
            found = {} if default == "None" else {name: default}
            assert WAYS[row["for"]].build({"name": row["format"], **found}) is not None
    assert {"prompts": "conversational=True file=jsonl"}.items() <= {
        row["format"]: row["settings"] for row in listed if row["for"] == "export"
    }.items()


def test_a_table_names_every_format(capsys):
    formats("table")
    text = capsys.readouterr().out
    assert all(f" {name} " in text for plugins in WAYS.values() for name in plugins.classes)


def test_an_unknown_output_is_wrong_usage():
    with pytest.raises(ConfigError, match="table, csv, json"):
        formats("xml")


@pytest.mark.parametrize("row", ROW.findall((ROOT / "README.md").read_text().split("| format | import |")[1]))
def test_the_readme_says_which_way_a_format_goes(row):
    names, imported, exported, _ = row
    for name in re.findall(r"`(\w+)`", names):
        assert (name in IMPORTERS.classes) == (imported == "yes"), name
        assert (name in EXPORTERS.classes) == (exported == "yes"), name
