"""A small simulated world: instructions with checkable constraints, and a writer of known skill.

Nothing here knows the gold score. What a demonstration is worth is derived from the slips its writer planted.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from training.sandbox import lexicon

FAMILIES: Final = {"list": 0.4, "describe": 0.25, "color": 0.175, "opposite": 0.175}
"""The kinds of task and how often each is asked."""

PHRASES: Final = {
    "greet": "greet me",
    "polite": "be polite",
    "formal": "be formal",
    "calm": "be calm",
    "part": "say goodbye",
    "thank": "thank me",
    "wish": "wish me luck",
    "offer": "offer help",
    "reason": "explain why",
    "time": "say when",
    "shout": "shout",
    "emphasis": "use {word}",
    "and": "join with and",
    "start": "start with {word}",
    "avoid": "avoid {word}",
}
"""How a prompt asks for each add-on."""

TASKS: Final = {
    "list": "list {count} {subject}",
    "describe": "describe the {subject}",
    "color": "what color is the {subject}",
    "opposite": "name the opposite of {subject}",
}


class Extra(NamedTuple):
    """One add-on constraint; `word` is its argument, empty where it takes none."""

    kind: str
    word: str = ""

    @property
    def text(self) -> str:
        return PHRASES[self.kind].format(word=self.word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """A task and its add-ons. `count` is the number of items for a list, else 0."""

    family: str
    subject: str
    count: int = 0
    extras: tuple[Extra, ...] = ()

    def __post_init__(self) -> None:
        if self.subject not in SUBJECTS[self.family]:
            raise ValueError(f"{self.family!r} has no subject {self.subject!r}")
        if (self.family == "list") != (self.count in lexicon.NUMBERS.values()):
            raise ValueError(f"{self.family!r} cannot ask for {self.count} items")

    @property
    def text(self) -> str:
        words = {number: word for word, number in lexicon.NUMBERS.items()}
        task = TASKS[self.family].format(subject=self.subject, count=words.get(self.count, ""))
        return ". ".join((task, *(extra.text for extra in self.extras))) + "."


SUBJECTS: Final[dict[str, tuple[str, ...]]] = {
    "list": tuple(lexicon.CATEGORIES),
    "describe": tuple(word for category in lexicon.ACTIONS for word in lexicon.CATEGORIES[category]),
    "color": tuple(lexicon.COLORS),
    "opposite": tuple(lexicon.OPPOSITES),
}


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\w+)", template))


_TASK_PATTERNS: Final = {family: _pattern(template) for family, template in TASKS.items()}
_EXTRA_PATTERNS: Final = {kind: _pattern(phrase) for kind, phrase in PHRASES.items()}


def _match(patterns: dict[str, re.Pattern[str]], text: str) -> tuple[str, dict[str, str]]:
    for name, pattern in patterns.items():
        if found := pattern.fullmatch(text):
            return name, found.groupdict()
    raise ValueError(f"not an instruction of this world: {text!r}")


def parse(text: str) -> Instruction:
    """The instruction that reads `text`: the inverse of `Instruction.text`. Raises ValueError on any other text."""
    task, *rest = text.removesuffix(".").split(". ")
    family, fields = _match(_TASK_PATTERNS, task)
    extras = tuple(
        Extra(kind, words.get("word", "")) for kind, words in (_match(_EXTRA_PATTERNS, part) for part in rest)
    )
    count = lexicon.NUMBERS.get(fields.get("count", ""), 0)
    return Instruction(family=family, subject=fields["subject"], count=count, extras=extras)


def _extras(family: str, subject: str, rng: random.Random) -> tuple[Extra, ...]:
    """One to three add-ons, never two of the same kind of place in the answer, in random order."""
    pools: list[Callable[[], Extra]] = [
        lambda: Extra(rng.choice(tuple(lexicon.OPENERS))),
        lambda: Extra(rng.choice(tuple(lexicon.CLOSERS))),
        lambda: Extra("reason"),
        lambda: Extra("time"),
        lambda: Extra("shout"),
        lambda: Extra("emphasis", rng.choice(lexicon.EMPHASES)),
    ]
    if family == "list":
        items = lexicon.CATEGORIES[subject]
        pools += [lambda: Extra("and"), lambda: Extra(rng.choice(("start", "avoid")), rng.choice(items))]
    size = rng.choices((1, 2, 3), weights=(2, 4, 4))[0]
    return tuple(make() for make in rng.sample(pools, size))


def _draw(rng: random.Random) -> Instruction:
    family = rng.choices(tuple(FAMILIES), weights=tuple(FAMILIES.values()))[0]
    subject = rng.choice(SUBJECTS[family])
    count = rng.choice(tuple(lexicon.NUMBERS.values())) if family == "list" else 0
    return Instruction(family=family, subject=subject, count=count, extras=_extras(family, subject, rng))


def stream(seed: int) -> Iterator[Instruction]:
    """Distinct instructions without end, the same for the same seed."""
    rng, seen = random.Random(f"instructions-{seed}"), set[str]()
    while True:
        instruction = _draw(rng)
        if instruction.text not in seen:
            seen.add(instruction.text)
            yield instruction


def instructions(count: int, seed: int) -> list[Instruction]:
    """`count` distinct instructions; fewer asked for with the same seed are a prefix of more."""
    return [instruction for _, instruction in zip(range(count), stream(seed), strict=False)]
