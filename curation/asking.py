"""Asking a model about answers: what is asked, in which order, under which labels. Judges and writers begin here."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from importlib.resources import files
from itertools import chain, islice, product
from pathlib import Path
from string import ascii_uppercase
from typing import Any, ClassVar

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import Field, field_validator

from curation.contracts import Failure
from curation.contracts.json_object import JsonObject
from curation.fence import fenced, nonce_for, suspicions
from schemas.base import Plugin
from schemas.calls import OUTAGES, Answered, Request, Sampling, Structure
from schemas.errors import ConfigError
from schemas.ids import canonical, content_id, draw, seed_of
from schemas.prompts import Message, Prompt, user
from schemas.responses import Response
from schemas.rubrics import Rubric

NO_REPLY = ("refused", "truncated", "quarantined", *OUTAGES)
"""Statuses of a call whose text is never read. Asking again in other words does not mend them."""

NO_OBJECT: Mapping[Failure, str] = {"repeated_key": "invalid", "contradictory": "contradictory"}
"""How a reply fails that holds no one object; any other is unparsable."""


class Unreadable(Exception):
    """A reply says nothing that counts. `failure` names why, in a word or two that are stored."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A prompt with the responses to be judged, ordered by id, and the rubric for them if there is one."""

    prompt: Prompt
    responses: tuple[Response, ...]
    rubric: Rubric | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a question is about. `shown` holds the responses in the order in which labels present them.

    about: the aspect, or another name of what is asked. attempt: how many replies to the same question were useless.
    """

    prompt_id: str
    shown: tuple[str, ...]
    about: str
    nonce: str
    attempt: int = 0

    @property
    def labels(self) -> dict[str, str]:
        """Response id by label: verdicts are mapped back by id, never by position."""
        return dict(zip(labels_for(len(self.shown), self.nonce), self.shown, strict=True))

    @property
    def tie(self) -> str:
        """The verdict that neither is better."""
        return tie_for(self.nonce)

    def to_json(self) -> str:
        """The text stored in `calls.subject`."""
        return canonical({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def of_json(cls, text: str) -> Subject:
        """The subject of a stored call."""
        fields = json.loads(text)
        return cls(**fields | {"shown": tuple(fields["shown"])})


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a model is to be asked. The request is written when it is wanted: reading a reply needs the subject only."""

    asker: Asker
    prompt: Prompt
    shown: tuple[Response, ...]
    """The responses in the order in which they are shown."""
    subject: Subject
    seed: int
    """The run's."""
    sample: int = 0
    """Which of several replies to the same question."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the template is told: a rubric, a principle."""

    @cached_property
    def request(self) -> Request:
        """What the model is sent."""
        return self.asker.request(self)

    def again(self) -> Question:
        """The same question with another nonce, and more than two answers in another order: its reply was no use."""
        attempt = self.subject.attempt + 1
        keep = self.asker.keeps_order or len(self.shown) < 3
        order = self.shown if keep else shuffled(self.shown, self.seed, self.subject.about, attempt)
        subject = self.asker.subject(self.prompt, order, about=self.subject.about, seed=self.seed, attempt=attempt)
        return replace(self, subject=subject, shown=tuple(order))

    @property
    def flags(self) -> tuple[str, ...]:
        """What in the responses looks like an attempt to win instead of answering."""
        return tuple(f"{kind}:{one.response_id}" for one in self.shown for kind in suspicions(one.text))

    @property
    def reply_seed(self) -> int:
        """Seed of the reply: it depends on what is asked, not on when."""
        subject = self.subject
        asked = (self.asker.name, subject.about, list(subject.shown))
        return seed_of(self.seed, *asked, self.sample, subject.attempt)


def labels_for(count: int, nonce: str) -> list[str]:
    """Labels of so many answers: letters and the nonce."""
    letters = chain(ascii_uppercase, map("".join, product(ascii_uppercase, repeat=2)))
    return [f"{letter}_{nonce}" for letter in islice(letters, count)]


def tie_for(nonce: str) -> str:
    """The label of a tie."""
    return f"tie_{nonce}"


class Asker(Plugin):
    """Asks a model about answers."""

    kind: ClassVar[str] = "ask"
    """What its calls are for, in `calls.purpose`."""
    keeps_order: ClassVar[bool] = False
    """Whether the order of the answers means something, and stays when a question is asked again."""

    model: str
    """Name of the model that is asked."""
    sampling: Sampling = Sampling(temperature=0.0)
    tries: int = Field(default=3, ge=1)
    """How often a question is asked, each time another way, until its reply can be read."""
    nonce_chars: int = Field(default=8, ge=1, le=32)
    """Hex digits of the nonce in fences and verdicts. A tiny model whose vocabulary has few may need fewer."""

    @abstractmethod
    def request(self, question: Question) -> Request:
        """What the model is sent for a question."""

    def again(self, question: Question, failures: Iterable[str | None]) -> Question | None:
        """The question to ask once more because of what its reply failed in; None when all is well or nothing helps."""
        useless = set(failures) - {None, *NO_REPLY}
        return question.again() if useless and question.subject.attempt + 1 < self.tries else None

    @property
    def purpose(self) -> str:
        """The purpose of its calls."""
        return f"{self.kind}:{self.name}"

    def question(self, group: Group, shown: Sequence[Response], *, about: str, seed: int, **extra: Any) -> Question:
        """A question that shows these responses, in this order. `extra` is what else the template is told."""
        subject = self.subject(group.prompt, shown, about=about, seed=seed)
        return Question(asker=self, prompt=group.prompt, shown=tuple(shown), subject=subject, seed=seed, extra=extra)

    def subject(self, prompt: Prompt, shown: Sequence[Response], *, about: str, seed: int, attempt: int = 0) -> Subject:
        """What a question is about, with the nonce that its texts cannot know."""
        ids = tuple(response.response_id for response in shown)
        texts = [conversation(prompt.messages), *(response.text for response in shown)]
        # The same in every order and aspect: prompts that begin alike are computed once.
        nonce = nonce_for(texts, self.nonce_chars, seed, sorted(ids), attempt)
        return Subject(prompt_id=prompt.prompt_id, shown=ids, about=about, nonce=nonce, attempt=attempt)


class TemplateAsker(Asker):
    """Asks in one user turn: a template around the prompt and the answers, each inside its fence."""

    top_logprobs: ClassVar[int] = 0
    """Alternatives that are wanted for every token of the reply."""

    template: str
    """jinja2 text of the user turn, or `{file: PATH}`. Its hash is part of every call's key."""

    @field_validator("template", mode="before")
    @classmethod
    def _of_file(cls, given: object) -> object:
        if not isinstance(given, Mapping) or given.keys() != {"file"}:
            return given
        try:
            return Path(str(given["file"])).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the template {given['file']} cannot be read; name a text file") from error

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
    def structure(self, question: Question) -> Structure | None:
        """The form of the reply, enforced while decoding where the engine can; None for free text."""

    def request(self, question: Question) -> Request:
        subject = question.subject
        text = self.rendered(
            conversation(question.prompt.messages),
            [response.text for response in question.shown],
            about=subject.about,
            nonce=subject.nonce,
            **question.extra,
        )
        return Request(
            messages=user(text),
            sampling=self.sampling,
            seed=question.reply_seed,
            structure=self.structure(question),
            top_logprobs=self.top_logprobs,
            purpose=self.purpose,
            template_hash=self.template_hash,
            subject=subject.to_json(),
            flags=question.flags,
        )

    def rendered(self, prompt: str, texts: Sequence[str], *, about: str, nonce: str, **extra: Any) -> str:
        """The user turn: the template, with the prompt and the answers inside their fences.

        The template also knows `asker`, the settings, and `fence(text, name)` for whatever else it did not write.
        """
        labels = labels_for(len(texts), nonce)
        return render(
            self.template,
            prompt=fenced(f"request_{nonce}", prompt),
            answers=[fenced(label, text) for label, text in zip(labels, texts, strict=True)],
            labels=labels,
            tie=tie_for(nonce),
            aspect=about,
            asker=self,
            fence=partial(_fence, nonce),
            **extra,
        )


def _fence(nonce: str, text: str, name: str) -> str:
    return fenced(f"{name}_{nonce}", text)


def json_structure(properties: Mapping[str, Any]) -> Structure:
    """A reply that is one JSON object with exactly these keys, in this order: reasons come before the verdict."""
    text = json.dumps(json_object(properties), separators=(",", ":"), ensure_ascii=False)
    return Structure(kind="json", text=text)


def json_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object with exactly these keys."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def shuffled(responses: Sequence[Response], *salt: object) -> list[Response]:
    """A random order that depends on the ids and the salt alone."""
    return sorted(responses, key=lambda response: draw("order", *salt, response.response_id))


def reply_text(answered: Answered) -> str:
    """The text of a reply. Raises Unreadable for a call that has none to be read."""
    if answered.status in NO_REPLY:
        raise Unreadable(answered.status)
    return answered.raw_text


def reply_object(answered: Answered) -> dict[str, Any]:
    """The JSON object in a reply: alone, with surplus commas, or the only one in prose or a fence of code.

    Which of these is the status of its call, where JSON was asked for. Raises Unreadable when there is none, or more.
    """
    text = reply_text(answered)
    if "".join(text.split()) == "{}":
        return {}  # whoever reads it says what it lacks
    found = JsonObject().read(text)
    if found.failure:
        raise Unreadable(NO_OBJECT.get(found.failure, "unparsable"))
    assert isinstance(found.value, dict)
    return found.value


def by_label(subject: Subject, reply: dict[str, Any], key: str) -> dict[str, Any]:
    """What a reply says by label. Raises Unreadable where a label is unknown: then none can be trusted."""
    found = reply.get(key)
    if not isinstance(found, dict) or not found.keys() <= subject.labels.keys():
        raise Unreadable("wrong_labels")
    return found


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
        raise ConfigError(f"a template cannot be filled in: {error}") from error


def packaged(module: str) -> str:
    """The template of a module (its `__name__`): the file beside it that ends in `.jinja`."""
    package, _, name = module.rpartition(".")
    return files(package).joinpath(f"{name}.jinja").read_text("utf-8")


@cache
def _compile(template: str) -> Any:
    environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template)
