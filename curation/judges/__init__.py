"""Judges read answers and write scores or votes. A judge asks and reads; a runner calls the model."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import ascii_uppercase
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import field_validator

from schemas.base import Plugin
from schemas.calls import Call, Request, Sampling
from schemas.errors import ConfigError
from schemas.ids import canonical, content_id, draw, seed_of
from schemas.prompts import Message, Prompt, user
from schemas.registry import Registry
from schemas.responses import Response
from schemas.scores import Score
from schemas.votes import Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A prompt with the responses to be judged, ordered by id."""

    prompt: Prompt
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request to a judge. `shown` holds the responses in the order in which labels A, B, C ... present them."""

    prompt_id: str
    shown: tuple[str, ...]
    about: str
    request: Request

    @property
    def labels(self) -> dict[str, str]:
        """Response id by label: verdicts are mapped back by id, never by position."""
        return dict(zip(ascii_uppercase, self.shown, strict=False))


class Judge(Plugin):
    """Asks a model about answers, and reads its reply into rows: a verdict or a failure for each, never a guess."""

    model: str
    """Name of the judging model."""
    template: str
    """jinja2 text of the user turn. Its hash is part of every call's key."""
    sampling: Sampling = Sampling(temperature=0.0)

    @field_validator("template")
    @classmethod
    def _compiles(cls, text: str) -> str:
        try:
            _compile(text)
        except TemplateError as error:
            raise ValueError(f"the template does not compile: {error}") from error
        return text

    @abstractmethod
    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        """What to ask about a group."""

    @abstractmethod
    def read(self, question: Question, call: Call) -> Sequence[Score] | Sequence[Vote]:
        """Rows of one reply: pure, so that a better parser can read history again."""

    def question(
        self, group: Group, shown: Sequence[Response], *, about: str, schema: dict[str, Any], seed: int
    ) -> Question:
        """A question that shows these responses, in this order, under the labels A, B, C ..."""
        answers = [{"label": label, "text": r.text} for label, r in zip(ascii_uppercase, shown, strict=False)]
        text = render(self.template, prompt=conversation(group.prompt.messages), answers=answers, aspect=about)
        ids = tuple(response.response_id for response in shown)
        return Question(
            prompt_id=group.prompt.prompt_id,
            shown=ids,
            about=about,
            request=Request(
                messages=user(text),
                sampling=self.sampling,
                seed=seed_of(seed, self.name, about, list(ids)),
                json_schema=canonical(schema),
                purpose=f"judge:{self.name}",
                template_hash=content_id("template", self.template),
            ),
        )


JUDGES = Registry("curation.judges", Judge)


def shuffled(responses: Sequence[Response], *salt: object) -> list[Response]:
    """A random order that depends on the ids and the salt alone."""
    return sorted(responses, key=lambda response: draw("order", *salt, response.response_id))


def reply_object(call: Call) -> dict[str, Any] | str:
    """The JSON object of a reply, or the name of what is wrong with it. Never repairs, never guesses."""
    if call.finish_reason in ("length", "too_long"):
        return "truncated" if call.finish_reason == "length" else "prompt_too_long"
    try:
        value = json.loads(call.raw_text)
    except json.JSONDecodeError:
        return "unparseable"
    return value if isinstance(value, dict) else "unparseable"


def conversation(messages: Sequence[Message]) -> str:
    """A prompt as a judge reads it: the text of a single turn, or every turn under its role."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)


def render(template: str, **variables: object) -> str:
    """The template with its variables filled in. Raises ConfigError when it names an unknown variable."""
    try:
        return _compile(template).render(**variables)
    except TemplateError as error:
        raise ConfigError(f"a judge's template cannot be filled in: {error}") from error


def packaged(name: str) -> str:
    """A template that lies beside the judges."""
    return files("curation.judges").joinpath(name).read_text("utf-8")


@cache
def _compile(template: str) -> Any:
    environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template)
