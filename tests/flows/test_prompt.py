"""The prompt of `prefinery sql`, typed at through a real terminal."""

import os
import sys

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from flows.prompt import Names
from tests.flows.terminal import Terminal
from tests.rows import draft, some_pairs
from warehouse.lake import Lake
from warehouse.versions import publish

PROMPT = "prefinery>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with Lake.create(tmp_path_factory.mktemp("prompt") / "warehouse") as lake:
        publish(lake, draft(some_pairs(lake, 3)))
    return lake.folder


@pytest.fixture
def start(folder, tmp_path):
    """Start `prefinery sql` in a terminal; its state folder is empty at first."""
    terminals = []

    def open_(*arguments, **env):
        command = [sys.executable, "-m", "flows", "sql", "--warehouse", str(folder), *arguments]
        full = {
            **os.environ,
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "TERM": "xterm",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            **env,
        }
        for name in ("COLUMNS", "LINES", "LESS"):
            full.pop(name, None)
        terminals.append(Terminal(command, full))
        terminals[-1].wait_for(PROMPT)
        return terminals[-1]

    yield open_
    for terminal in terminals:
        terminal.close()


def test_a_conversation(start, tmp_path):
    terminal = start()
    terminal.type("select count(*) as pairs_here\r")
    terminal.wait_for("...>")
    terminal.type("from pairs;\r")
    assert "3" in terminal.wait_for("1 rows").split("pairs_here")[-1]
    terminal.wait_for(PROMPT)
    terminal.type("selec 1;\r")
    assert "Parser Error" in terminal.wait_for("error: The query fails: ") + terminal.wait_for(PROMPT)
    terminal.type("delete from pairs;\r")
    terminal.wait_for("changes nothing")
    terminal.wait_for(PROMPT)
    terminal.type("\\d win_rates\r")
    terminal.wait_for("whose wins are counted")
    terminal.wait_for(PROMPT)
    terminal.type("\\d win_rats\r")
    terminal.wait_for("Did you mean 'win_rates'")
    terminal.wait_for(PROMPT)
    terminal.type("\\q\r")
    assert terminal.ends() == 0
    assert "select count(*) as pairs_here" in (tmp_path / "state" / "prefinery" / "sql_history").read_text()


def test_earlier_queries_come_back(start):
    terminal = start()
    terminal.type("select 40 + 2 as answer;\r")
    terminal.wait_for("1 rows")
    terminal.wait_for(PROMPT)
    terminal.type("\x04")
    assert terminal.ends() == 0
    again = start()
    again.type("\x1b[A")
    again.wait_for("answer;")
    again.type("\r")
    again.wait_for("42")
    again.wait_for("1 rows")


def test_ctrl_c_stops_a_query_and_not_the_session(start):
    terminal = start()
    terminal.type("select count(*) from range(1000000000) a, range(1000000000) b;\r")
    terminal.listen(2.0)
    terminal.type("\x03")
    terminal.wait_for("error: The query was stopped.", 20)
    terminal.wait_for(PROMPT)
    terminal.type("select 'half")
    terminal.wait_for("half")
    terminal.type("\x03")
    terminal.wait_for(PROMPT)
    terminal.type("select 'alive' as state;\r")
    terminal.wait_for("1 rows")
    terminal.wait_for(PROMPT)
    terminal.type("\x04")
    assert terminal.ends() == 0


def test_a_query_ends_at_its_time(start):
    terminal = start("--timeout", "0.5")
    terminal.type("select count(*) from range(1000000000) a, range(1000000000) b;\r")
    terminal.wait_for("took longer than 0.5 s", 20)
    terminal.wait_for(PROMPT)
    terminal.type("\x04")
    assert terminal.ends() == 0


def test_what_is_wider_than_the_terminal_is_paged(start, tmp_path):
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {tmp_path}/paged\necho paged\n")
    pager.chmod(0o700)
    terminal = start(PAGER=str(pager))
    terminal.type("from members;\r")
    terminal.wait_for("paged")
    terminal.wait_for(PROMPT)
    paged = (tmp_path / "paged").read_text()
    assert "soft_label" in paged and "3 rows" in paged
    assert max(len(line.rstrip()) for line in paged.splitlines()) > 100


def test_tab_completes(start):
    terminal = start()
    terminal.type("select count(*) as n from position_b\t")
    terminal.wait_for("position_bias")
    terminal.type(";\r")
    assert "0" in terminal.wait_for("1 rows")


def test_the_list_of_tables(start):
    terminal = start(PAGER="cat")
    terminal.type("\\d\r")
    shown = terminal.wait_for("rows\n")
    assert "win_rates" in shown and "view" in shown and "votes" in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("select ver", {"version", "verdicts", "verdict"}, id="all-columns-while-none-is-named"),
        pytest.param("from pairs select pai", {"pair_id", "pairs"}, id="columns-of-what-is-named"),
        pytest.param("sele", {"select"}, id="keyword"),
        pytest.param("\\d vo", {"votes"}, id="only-names-after-d"),
        pytest.param("select ", set(), id="nothing-begun"),
    ],
)
def test_completions(text, expected):
    relations = {
        "votes": ["vote_id", "verdict"],
        "verdicts": ["verdict"],
        "pairs": ["pair_id"],
        "datasets": ["version"],
    }
    found = Names(relations, ["select", "from"]).get_completions(Document(text), CompleteEvent())
    assert {completion.text for completion in found} == expected
