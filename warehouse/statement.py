"""Which texts are queries. Everything that a reader may name is listed; whatever is not listed is refused.

DuckDB's own parser makes the tree that is examined here, so there is no second opinion on what a text means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from schemas.errors import InputError, nearest
from warehouse.functions import FUNCTIONS
from warehouse.macros import macro_texts

CATALOGS = {"", "lake", "temp"}
SCHEMAS = {"", "main"}
BUILT_IN = {"duckdb_columns", "duckdb_tables", "duckdb_views"}
"""Relations of DuckDB that name only what is in the lake. Others name files, settings or connections."""
INFORMATION = {"columns", "schemata", "tables", "views"}
"""Relations of `information_schema`."""
TABLE_FUNCTIONS = {
    *("generate_series", "generate_subscripts", "json_each", "json_tree", "range", "regexp_split_to_table"),
    *("repeat", "repeat_row", "unnest"),
    *("duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_tables", "duckdb_types", "duckdb_views"),
    *macro_texts(),
}
PLAIN = re.compile(r"[^./:\\]+")
"""A name that cannot be taken for a file."""
OWN_VIEWS = "select view_name from duckdb_views() where internal"
EXPLAIN = re.compile(r"\s*explain\b(?P<how>\s+analyze\b|\s*\(\s*(?:analyze|format\s+\w+|,|\s)+\))?", re.IGNORECASE)
COMMENT = re.compile(r"\s*(?:--[^\n]*(?:\n|$)|/\*.*?\*/|;)", re.DOTALL)

ONE_QUERY = "prefinery sql answers one query at a time and changes nothing; write a single SELECT."


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Lets a query through that reads nothing but `relations`, the tables and views of the lake."""

    con: duckdb.DuckDBPyConnection
    relations: frozenset[str]
    fixed: bool
    """The data are those of a version: the query may not name another one."""

    def pass_(self, text: str) -> str:
        """The statement to execute. Raises InputError when the text is anything but one query."""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError("The query is no UTF-8 text; save it as UTF-8.") from error
        text = _without_comments_before(text)
        explain = EXPLAIN.match(text)
        prefix, query = (explain.group(), text[explain.end() :]) if explain else ("", text)
        self._examine(self._tree(query))
        return f"{prefix} {query}" if explain else query

    def _tree(self, query: str) -> dict[str, Any]:
        row = self.con.execute("select json_serialize_sql($query::varchar)", {"query": query}).fetchone()
        try:
            tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
        except RecursionError as error:
            raise InputError("The query is nested too deeply; write it in parts, with WITH.") from error
        if tree.get("error_type") == "parser":
            # Says where the fault is. Of a text without one it would compute what stands in a PRAGMA.
            self.con.extract_statements(query)
        if tree["error"] or len(tree["statements"]) != 1:
            raise InputError(ONE_QUERY)
        return tree

    def _examine(self, tree: dict[str, Any]) -> None:
        nodes = list(_nodes(tree))
        made = {entry["key"].lower() for node in nodes for entry in _named_queries(node)}
        self._names(made)
        for node in nodes:
            kind = node.get("type")
            if kind == "BASE_TABLE":
                self._relation(node, made)
            elif kind == "TABLE_FUNCTION":
                self._table_function(node["function"]["function_name"].lower())
            elif "function_name" in node:
                self._function(node["function_name"].lower())

    def _names(self, made: set[str]) -> None:
        """Names in WITH hold only inside it: elsewhere they must mean no file and no view of DuckDB's own."""
        taken = {name for (name,) in self.con.execute(OWN_VIEWS).fetchall()} if made else set()
        for name in made:
            if not PLAIN.fullmatch(name) or name in taken:
                raise InputError(f"WITH {name!r}: choose another name, of letters, digits and _.")

    def _relation(self, node: Mapping[str, Any], made: set[str]) -> None:
        catalog, schema, name = (node[key].lower() for key in ("catalog_name", "schema_name", "table_name"))
        if node["at_clause"] is not None and self.fixed:
            raise InputError("The data are already those of --at; remove AT from the query.")
        if schema == "information_schema" and not catalog and name in INFORMATION:
            return
        if catalog in CATALOGS and schema in SCHEMAS | CATALOGS and name in self.relations:
            return
        if not catalog and not schema and name in made | BUILT_IN:
            return
        whole = ".".join(part for part in (catalog, schema, name) if part)
        raise InputError(
            f"There is no table or view {whole!r}.{nearest(name, sorted(self.relations))} List them with: show tables"
        )

    @staticmethod
    def _function(name: str) -> None:
        """Anything that is called. What makes a table is called as well, and must pass `_table_function` besides."""
        if name not in FUNCTIONS | TABLE_FUNCTIONS:
            close = nearest(name, sorted(FUNCTIONS))
            raise InputError(f"{name}() is not available in prefinery sql; remove it.{close}")

    @staticmethod
    def _table_function(name: str) -> None:
        if name not in TABLE_FUNCTIONS:
            allowed = ", ".join(sorted(TABLE_FUNCTIONS))
            raise InputError(f"{name}() is not available in prefinery sql; the table functions are {allowed}.")


def _without_comments_before(text: str) -> str:
    while comment := COMMENT.match(text):
        text = text[comment.end() :]
    return text


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every object in the tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _named_queries(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Entries of the WITH clause that a node has."""
    named = node.get("cte_map")
    return named["map"] if isinstance(named, dict) else []
