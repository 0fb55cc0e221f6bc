"""SQL at a prompt: completion, history, answers as tables that can be scrolled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.shortcuts import CompleteStyle

from flows.sql import Wish, first_rows
from flows.tables import table_text
from schemas.errors import ConfigError, PrefineryError, nearest
from warehouse.readonly import Reader
from warehouse.views import columns_of, row_of, view_texts

WELCOME = "A query ends with ;  \\d lists tables and views, \\d NAME columns, \\q quits.\n"
WORD = re.compile(r"\\?\w*")
KEYWORDS = "select keyword_name from duckdb_keywords() order by keyword_name"


def converse(reader: Reader, wish: Wish) -> None:
    """Answer queries until the user leaves."""
    if wish.out or wish.output != "table":
        raise ConfigError("The prompt answers with tables; for --format and -o give the query, or pipe it in.")
    session: PromptSession[str] = PromptSession(
        history=_history(),
        completer=Names(reader.relations, _keywords(reader, wish)),
        complete_while_typing=False,
        complete_style=CompleteStyle.READLINE_LIKE,
        reserve_space_for_menu=0,
        multiline=True,
        prompt_continuation="   ...> ",
        key_bindings=_keys(),
    )
    sys.stdout.write(WELCOME)
    while True:
        try:
            text = session.prompt("prefinery> ").strip()
        except KeyboardInterrupt:  # the line is given up, not the session
            continue
        except EOFError:
            return
        if text.rstrip("; ") == "\\q":
            return
        if text.rstrip("; "):
            _reply(reader, text, wish)


def _reply(reader: Reader, text: str, wish: Wish) -> None:
    try:
        _page(_described(reader, text) if text.startswith("\\") else first_rows(reader, text, wish))
    except PrefineryError as error:
        sys.stderr.write(f"error: {error}\n")


def _described(reader: Reader, text: str) -> pa.Table:
    r"""The answer of `\d` or `\d NAME`."""
    command, *names = text.rstrip("; ").split()
    if command != "\\d" or len(names) > 1:
        raise PrefineryError(f"{text} is unknown here; write \\d, \\d NAME, \\q, or a query that ends with ;")
    views = view_texts()
    if not names:
        return pa.Table.from_pylist(
            [
                {
                    "name": name,
                    "kind": "view" if name in views else "table",
                    "row": row_of(name) if name in views else "",
                }
                for name in reader.relations
            ]
        )
    name = names[0].lower()
    if name not in reader.relations:
        raise PrefineryError(f"There is no table or view {name!r}.{nearest(name, list(reader.relations))} List: \\d")
    comments = columns_of(name) if name in views else {}
    with reader.ask(f"describe {name}") as answer:  # one of the reader's own names
        columns = answer.rows().to_pylist()
    return pa.Table.from_pylist(
        [
            {
                "column": column["column_name"],
                "type": column["column_type"],
                "what": comments.get(column["column_name"], ""),
            }
            for column in columns
        ]
    )


def _page(rows: pa.Table) -> None:
    """Print rows; through a pager when they are wider or longer than the terminal."""
    text = table_text(rows, folded=False) + f"{rows.num_rows:,} rows\n"
    size = shutil.get_terminal_size()
    lines = text.splitlines()
    fits = len(lines) < size.lines and all(len(line.rstrip()) <= size.columns for line in lines)
    pager = os.environ.get("PAGER", "").strip() or "less"
    if fits or not shutil.which(pager.split()[0]):
        sys.stdout.write("\n".join(line.rstrip() for line in lines) + "\n")
        return
    # -S scrolls sideways instead of breaking lines.
    subprocess.run(pager, shell=True, input=text, text=True, env={"LESS": "-S", **os.environ}, check=False)


class Names(Completer):
    """Completes tables, views, keywords, and the columns of the relations that the text names."""

    def __init__(self, relations: dict[str, list[str]], keywords: Iterable[str]) -> None:
        self.relations, self.keywords = relations, list(keywords)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002
        words = WORD.findall(document.text_before_cursor)
        begun = document.get_word_before_cursor(pattern=WORD)
        for word in self._known(document.text, words):
            if begun and word.startswith(begun.lower()):
                yield Completion(word, start_position=-len(begun))

    def _known(self, text: str, words: list[str]) -> list[str]:
        named = {word.lower() for word in WORD.findall(text)} & self.relations.keys()
        columns = {column for name in named or self.relations for column in self.relations[name]}
        only_names = "\\d" in words
        return sorted(self.relations.keys() if only_names else {*self.relations, *columns, *self.keywords})


def _keywords(reader: Reader, wish: Wish) -> list[str]:
    return first_rows(reader, KEYWORDS, wish).column("keyword_name").to_pylist()


def _keys() -> KeyBindings:
    r"""Enter ends the input after `;`, after a `\` command and on an empty line; else it begins a new line."""
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        text = event.current_buffer.text.strip()
        if not text or text.endswith(";") or text.startswith("\\"):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.newline()

    return keys


def _history() -> History:
    """Earlier queries, in the user's state folder; of this session only when nothing can be written there."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "prefinery"
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (state / "sql_history").open("a"):
            return FileHistory(str(state / "sql_history"))
    except OSError:
        return InMemoryHistory()
