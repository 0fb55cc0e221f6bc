"""JSON of a demanded shape: `{"rule": "json_form", "json_schema": {...}}`."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import jsonschema_rs
from pydantic import field_validator

from curation.json_text import json_value
from curation.rules import Finding, FormRule, Verifier


class JsonDemand(Verifier):
    """The response is one JSON value, of this schema if there is one."""

    json_schema: dict[str, Any] | None = None
    """What the value must be. A `$ref` may point into the schema only: nothing is fetched."""
    where: Literal["whole", "fenced", "either"] = "either"
    """`whole`: nothing stands around the value. `fenced`: the response has one fenced block, which is the value, and
    words may stand around it. `either`: one or the other."""

    @field_validator("json_schema")
    @classmethod
    def _compiles(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            _compile(schema)
        return schema

    @cached_property
    def _validator(self) -> jsonschema_rs.Validator:
        return _compile({} if self.json_schema is None else self.json_schema)

    def find(self, text: str) -> Finding:
        try:
            value = json_value(self._body(text))
            error = next(self._validator.iter_errors(value), None)
        except RecursionError:
            return Finding(False, "no JSON that can be read: it is nested too deeply")
        except ValueError as problem:
            return Finding(False, f"no JSON: {problem}")
        if error is not None:
            return Finding(False, f"JSON, but breaks the schema: {error.message}")
        return Finding(True, "JSON" if self.json_schema is None else "JSON that fits the schema")

    def _body(self, text: str) -> str:
        """What must be JSON. Raises ValueError when there is no such part."""
        fenced = fenced_block(text)
        if self.where == "whole" or (self.where == "either" and fenced is None):
            return text
        if fenced is None:
            raise ValueError("there is not exactly one fenced block")
        return fenced


class JsonForm(FormRule):
    """Whether responses are valid JSON. Strict: NaN, repeated keys and words beside the value make it none."""

    name = "json_form"
    demands_are = JsonDemand


def fenced_block(text: str) -> str | None:
    """What stands between the only two lines that begin with three backticks, or None."""
    lines = text.split("\n")
    marks = [place for place, line in enumerate(lines) if line.lstrip().startswith("```")]
    if len(marks) != 2 or lines[marks[1]].strip() != "```":
        return None
    return "\n".join(lines[marks[0] + 1 : marks[1]])


def _compile(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(schema, offline=True)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(f"no JSON schema: {error.message}") from error
