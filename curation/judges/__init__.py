"""Judges read answers and write scores or votes. A judge asks and reads; a runner calls the model."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from string import ascii_uppercase
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import Field, field_validator

from curation.fence import fenced, nonce_for, suspicions
from curation.status import RepeatedKey, json_value
from schemas.base import Plugin
from schemas.calls import Answered, Request, Sampling, Structure
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
class Subject:
    """What a question is about. `shown` holds the responses in the order in which labels present them."""

    prompt_id: str
    shown: tuple[str, ...]
    about: str
    nonce: str

    @property
    def labels(self) -> dict[str, str]:
        """Response id by label: verdicts are mapped back by id, never by position."""
        return dict(zip(labels_for(len(self.shown), self.nonce), self.shown, strict=True))

    @property
    def tie(self) -> str:
        """The verdict that neither is better."""
        return f"tie_{self.nonce}"

    def to_json(self) -> str:
        """The text stored in `calls.subject`."""
        return canonical({"prompt_id": self.prompt_id, "shown": self.shown, "about": self.about, "nonce": self.nonce})

    @classmethod
    def of_json(cls, text: str) -> Subject:
        """The subject of a stored call."""
        fields = json.loads(text)
        return cls(**fields | {"shown": tuple(fields["shown"])})


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a judge is to be asked. The request is written when it is wanted: reading a reply needs the subject only."""

    judge: Judge
    prompt: str
    shown: tuple[Response, ...]
    """The responses in the order in which they are shown."""
    subject: Subject
    seed: int
    """The run's."""

    @cached_property
    def request(self) -> Request:
        """What the model is sent."""
        judge, subject = self.judge, self.subject
        texts = [response.text for response in self.shown]
        return Request(
            messages=user(judge.rendered(self.prompt, texts, about=subject.about, nonce=subject.nonce)),
            sampling=judge.sampling,
            seed=seed_of(self.seed, judge.name, subject.about, list(subject.shown)),
            structure=judge.structure(subject.about, subject.nonce, len(texts)),
            purpose=f"judge:{judge.name}",
            template_hash=judge.template_hash,
            subject=subject.to_json(),
            flags=tuple(f"{kind}:{r.response_id}" for r in self.shown for kind in suspicions(r.text)),
        )


def labels_for(count: int, nonce: str) -> list[str]:
    """Labels of so many answers: a letter and the nonce."""
    return [f"{letter}_{nonce}" for letter in ascii_uppercase[:count]]


class Judge(Plugin):
    """Asks a model about answers, and reads its reply into rows: a verdict or a failure for each, never a guess."""

    model: str
    """Name of the judging model."""
    template: str
    """jinja2 text of the user turn. Its hash is part of every call's key."""
    sampling: Sampling = Sampling(temperature=0.0)
    nonce_chars: int = Field(default=8, ge=1, le=32)
    """Hex digits of the nonce in fences and verdicts. A tiny model whose vocabulary has few may need fewer."""

    @field_validator("template")
    @classmethod
    def _compiles(cls, text: str) -> str:
        try:
            _compile(text)
        except TemplateError as error:
            raise ValueError(f"the template does not compile: {error}") from error
        return text

    @cached_property
    def template_hash(self) -> str:
        """Names the template in every call that it shaped."""
        return content_id("template", self.template)

    @abstractmethod
    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        """What to ask about a group."""

    @abstractmethod
    def read(self, subject: Subject, answered: Answered) -> Sequence[Score] | Sequence[Vote]:
        """Rows of one reply, one for each answer or pair shown: pure, so a better parser can read history."""

    @abstractmethod
    def reply_schema(self, about: str, labels: Sequence[str], tie: str) -> dict[str, Any]:
        """JSON schema of the reply to a question about answers with these labels."""

    def question(self, group: Group, shown: Sequence[Response], *, about: str, seed: int) -> Question:
        """A question that shows these responses, in this order."""
        prompt = conversation(group.prompt.messages)
        ids = tuple(response.response_id for response in shown)
        # The same in every order and aspect: prompts that begin alike are computed once.
        nonce = nonce_for([prompt, *(response.text for response in shown)], self.nonce_chars, seed, sorted(ids))
        subject = Subject(prompt_id=group.prompt.prompt_id, shown=ids, about=about, nonce=nonce)
        return Question(judge=self, prompt=prompt, shown=tuple(shown), subject=subject, seed=seed)

    def rendered(self, prompt: str, texts: Sequence[str], *, about: str, nonce: str) -> str:
        """The user turn: the template, with the prompt and the answers inside their fences."""
        labels = labels_for(len(texts), nonce)
        return render(
            self.template,
            prompt=fenced(f"request_{nonce}", prompt),
            answers=[fenced(label, text) for label, text in zip(labels, texts, strict=True)],
            labels=labels,
            tie=f"tie_{nonce}",
            aspect=about,
        )

    def structure(self, about: str, nonce: str, count: int) -> Structure:
        """The form of the reply, enforced while decoding where the engine can."""
        return Structure(
            kind="json", text=canonical(self.reply_schema(about, labels_for(count, nonce), f"tie_{nonce}"))
        )


JUDGES = Registry("curation.judges", Judge)


def shuffled(responses: Sequence[Response], *salt: object) -> list[Response]:
    """A random order that depends on the ids and the salt alone."""
    return sorted(responses, key=lambda response: draw("order", *salt, response.response_id))


def reply_object(answered: Answered) -> dict[str, Any] | str:
    """The JSON object of a reply, or the name of what is wrong with it. Never repairs, never guesses."""
    if answered.status in ("refused", "truncated", "quarantined"):
        return answered.status
    try:
        value = json_value(answered.raw_text)
    except RepeatedKey:
        return "invalid"
    except ValueError:
        return "unparsable"
    return value if isinstance(value, dict) else "unparsable"


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
