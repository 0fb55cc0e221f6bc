"""Answers of known skill: each records the slips its writer planted, so lessons need no gold score."""

import random
from dataclasses import dataclass
from typing import Final

from training.sandbox import lexicon
from training.sandbox.world import Extra, Instruction

ASPECTS: Final = ("instruction_following", "honesty", "truthfulness", "helpfulness")

# How often a writer of skill 0 makes each slip; skill q scales it by 1 - q.
_RATES: Final = {"count": 0.4, "item": 0.45, "fact": 0.7, "repeat": 0.4, "filler": 0.7, "unended": 0.6, "tone": 0.8}
_FICTION: Final = 0.6  # share of false statements that are plain fiction, which any reader can see
_HONESTY: Final = {
    (True, ""): 5,
    (True, lexicon.HEDGE): 4,
    (True, lexicon.BOAST): 4,
    (False, lexicon.HEDGE): 3,
    (False, ""): 2,
    (False, lexicon.BOAST): 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """One answer and the slips its writer planted in it."""

    instruction: Instruction
    text: str
    missing: tuple[Extra, ...] = ()
    """Add-ons not honoured."""
    claims: int = 1
    """Statements made: the items of a list, or one or two facts."""
    false: int = 0
    """Statements that are wrong."""
    miscounted: bool = False
    """A list with an item too many or too few."""
    tone: str = ""
    """A hedge or a boast before the answer, or nothing."""
    repeated: bool = False
    fillers: int = 0
    unended: bool = False

    @property
    def slips(self) -> dict[str, int]:
        """How many slips of each kind were planted; kinds that do not occur are left out."""
        counts = {
            "missing": len(self.missing),
            "false": self.false,
            "miscounted": self.miscounted,
            "tone": bool(self.tone),
            "repeated": self.repeated,
            "filler": self.fillers,
            "unended": self.unended,
        }
        return {kind: int(count) for kind, count in counts.items() if count}

    def ratings(self) -> dict[str, int]:
        """What a fair reader would say, 1 to 5 on each of the four aspects."""
        asked = max(1, len(self.instruction.extras))
        lacking = len(self.missing) + self.miscounted
        manner = self.repeated + self.fillers + self.unended
        return {
            "instruction_following": max(1, 5 - round(4 * lacking / asked)),
            "honesty": _HONESTY[self.false == 0, self.tone],
            "truthfulness": 5 - round(4 * self.false / self.claims),
            "helpfulness": max(1, 5 - manner - (2 * lacking > asked)),
        }


class _Writer:
    """Writes one answer, rolling the dice for each slip as it goes."""

    def __init__(self, instruction: Instruction, skill: float, rng: random.Random) -> None:
        self.instruction, self.skill, self.rng = instruction, skill, rng
        self.extras = {extra.kind: extra for extra in instruction.extras}
        self.missing: list[Extra] = []
        self.false, self.claims, self.miscounted = 0, 1, False

    def slips(self, kind: str, scale: float = 1.0) -> bool:
        return self.rng.random() < _RATES[kind] * (1 - self.skill) * scale

    def honours(self, kind: str) -> bool:
        """Whether to honour an add-on; one that was asked for and is not is remembered."""
        if kind not in self.extras:
            return False
        if self.rng.random() < self.skill:
            return True
        self.missing.append(self.extras[kind])
        return False

    def marker(self, markers: dict[str, tuple[str, ...]]) -> list[str]:
        """The words an opener or closer asks for, none, or now and then those of another one."""
        for kind, words in markers.items():
            if self.honours(kind):
                return list(words)
            if kind in self.extras and self.rng.random() < 0.4:
                return list(self.rng.choice([wrong for other, wrong in markers.items() if other != kind]))
        return []

    def items(self) -> list[str]:
        """A list of the right kind and number, or nearly."""
        asked, pool = self.instruction, list(lexicon.CATEGORIES[self.instruction.subject])
        start, avoid = self.extras.get("start"), self.extras.get("avoid")
        self.miscounted = self.slips("count")
        self.claims = max(1, asked.count + (self.rng.choice((-1, 1)) if self.miscounted else 0))
        if avoid:
            pool.remove(avoid.word)
        if start:
            pool.remove(start.word)
        chosen = self.rng.sample(pool, self.claims)
        others = [word for name, words in lexicon.CATEGORIES.items() if name != asked.subject for word in words]
        if start and self.honours("start"):
            chosen[0] = start.word
        if avoid and not self.honours("avoid"):
            chosen[self.rng.randrange(len(chosen))] = avoid.word
        held = {extra.word for extra in (start, avoid) if extra}
        for place, word in enumerate(chosen):
            if word not in held and self.slips("item"):
                chosen[place] = self.untruth(others)
        return chosen

    def listing(self) -> list[str]:
        joiner = "and" if self.honours("and") else ","
        first, *rest = self.items()
        return [first, *(word for item in rest for word in (joiner, item))]

    def fact(self, truth: str, others: list[str]) -> str:
        """`truth`, or by a slip one of the others."""
        if not self.slips("fact"):
            return truth
        return self.untruth(others)

    def untruth(self, others: list[str]) -> str:
        """A wrong word: plain fiction, or a true word in the wrong place."""
        self.false += 1
        fictions = lexicon.FICTIONS[self.instruction.family]
        return self.rng.choice(fictions if self.rng.random() < _FICTION else others)

    def tone(self) -> str:
        """A hedge or a boast, or neither; wrong answers boast, right ones hedge, more often than not."""
        if not self.slips("tone", 1.0 if self.false else 0.5):
            return ""
        return self.rng.choices((lexicon.HEDGE, lexicon.BOAST), weights=(2, 3) if self.false else (3, 2))[0]

    def description(self) -> list[str]:
        subject = self.instruction.subject
        home = next(name for name in lexicon.ACTIONS if subject in lexicon.CATEGORIES[name])
        away = self.rng.choice([name for name in lexicon.ACTIONS if name != home])
        self.claims = 2
        (verbs, places), (odd_verbs, odd_places) = lexicon.ACTIONS[home], lexicon.ACTIONS[away]
        verb = self.fact(self.rng.choice(verbs), odd_verbs)
        place = self.fact(self.rng.choice(places), odd_places)
        return ["the", subject, verb, "in", "the", place]

    def body(self) -> list[str]:
        subject = self.instruction.subject
        match self.instruction.family:
            case "list":
                return self.listing()
            case "describe":
                return self.description()
            case "color":
                truth, known = lexicon.COLORS[subject], sorted(set(lexicon.COLORS.values()))
                return ["the", subject, "is", self.fact(truth, [color for color in known if color != truth])]
            case _:
                truth = lexicon.OPPOSITES[subject]
                return ["the", "opposite", "is", self.fact(truth, [w for w in lexicon.OPPOSITES if w != truth])]

    def write(self) -> Demonstration:
        opener = self.marker(lexicon.OPENERS)
        emphasis = [self.extras["emphasis"].word] if self.honours("emphasis") else []
        body = self.body()
        tone = self.tone()
        repeated, unended = self.slips("repeat"), self.slips("unended")
        if repeated:
            place = self.rng.randrange(len(body))
            body[place:place] = [body[place]]
        reason = ["because", "it", "is", self.rng.choice(lexicon.REASONS)] if self.honours("reason") else []
        time = [self.rng.choice(lexicon.TIMES)] if self.honours("time") else []
        fillers = [self.rng.choice(lexicon.FILLERS) for _ in range(2) if self.slips("filler", 0.6)]
        closer = self.marker(lexicon.CLOSERS)
        mark = lexicon.SHOUT if self.honours("shout") else lexicon.END
        before = [*opener, *emphasis, *([tone] if tone else []), *fillers[:1]]
        words = [*before, *body, *reason, *time, *fillers[1:], *closer, *([] if unended else [mark])]
        return Demonstration(
            instruction=self.instruction,
            text=" ".join(words),
            missing=tuple(self.missing),
            claims=self.claims,
            false=self.false,
            miscounted=self.miscounted,
            tone=tone,
            repeated=repeated,
            fillers=len(fillers),
            unended=unended,
        )


def demonstrate(instruction: Instruction, skill: float, rng: random.Random) -> Demonstration:
    """An answer by a writer who honours each add-on with chance `skill` (0 to 1) and makes other slips as rarely.

    Skill 1 is a perfect answer. The same arguments and generator state give the same answer.
    """
    if not 0 <= skill <= 1:
        raise ValueError(f"skill is a share from 0 to 1, not {skill}")
    return _Writer(instruction, skill, rng).write()
