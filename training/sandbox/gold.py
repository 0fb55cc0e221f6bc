"""What an answer in the simulated world is truly worth, read from its text alone: its quality, and its brevity.

Only evaluation may import this file: nothing that learns, judges or generates ever sees a gold score.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from training.sandbox import lexicon
from training.sandbox.world import Extra, Instruction, parse

_CATEGORY: Final = {word: name for name, words in lexicon.CATEGORIES.items() for word in words}
_OPENINGS: Final = {word for words in lexicon.OPENERS.values() for word in words}
_CLOSINGS: Final = {word for words in lexicon.CLOSERS.values() for word in words}
_TONES: Final = {lexicon.HEDGE, lexicon.BOAST}
_GLUE: Final = {"the", "in", "is", "opposite", "and", ",", "because", "it"}
_MANNER: Final = {
    *_OPENINGS,
    *_CLOSINGS,
    *lexicon.TIMES,
    *lexicon.REASONS,
    *lexicon.EMPHASES,
    *_TONES,
}
_MARKS: Final = {lexicon.END, lexicon.SHOUT}

TRUTH_WEIGHT: Final = 2.5
"""What the truth of the content weighs, where each add-on weighs 1."""
COSTS: Final = {"repeated": 0.1, "stray": 0.1, "unended": 0.1, "tone": 0.05}
"""What each fault of manner takes off."""
LENGTHY: Final = 20
"""Words and marks of an answer that is not brief at all. Every perfect answer is shorter."""


def gold(prompt: str, response: str) -> float:
    """Quality from 0 (worthless) to 1 (perfect): weighted share of satisfied checks, less faults of manner.

    Raises ValueError if `prompt` is not an instruction of this world; any response has a score.
    """
    instruction, words = parse(prompt), _words(response)
    content = _content(instruction, words)
    checks = [(TRUTH_WEIGHT, _truth(instruction, content))]
    checks += [(1.0, float(_honoured(extra, words, content))) for extra in instruction.extras]
    if instruction.family == "list":
        checks.append((1.0, float(len(content) == instruction.count)))
    earned = sum(weight * share for weight, share in checks) / sum(weight for weight, _ in checks)
    return min(1.0, max(0.0, earned - _faults(instruction, words)))


def brevity(response: str) -> float:
    """From 1 (nothing is said) down to 0: a second truth, which grudges quality the words that it takes."""
    return max(0.0, 1 - len(_words(response)) / LENGTHY)


def _words(response: str) -> list[str]:
    """Words and marks."""
    return re.findall(r"\w+|[^\w\s]", response)


def _content(instruction: Instruction, words: list[str]) -> list[str]:
    """The words that carry the answer, in order: the items of a list, or everything that is not manner."""
    if instruction.family == "list":
        return [word for word in dict.fromkeys(words) if word in _CATEGORY or word in lexicon.FICTIONS["list"]]
    return [word for word in words if word not in _MANNER and word not in _MARKS and word not in lexicon.FILLERS]


def _truth(instruction: Instruction, content: list[str]) -> float:
    """Share of the answer's claims that hold."""
    subject = instruction.subject
    match instruction.family:
        case "list":
            return sum(_CATEGORY.get(word) == subject for word in content) / max(len(content), 1)
        case "describe":
            verbs, places = lexicon.ACTIONS[_CATEGORY[subject]]
            return (subject in content) * (_any(verbs, content) + _any(places, content)) / 2
        case "color":
            claimed = [word for word in content if word in lexicon.COLORS.values()]
            return float(subject in content and claimed == [lexicon.COLORS[subject]])
        case _:
            return float([word for word in content if word in lexicon.OPPOSITES] == [lexicon.OPPOSITES[subject]])


def _any(wanted: Iterable[str], words: list[str]) -> bool:
    return any(word in words for word in wanted)


def _honoured(extra: Extra, words: list[str], content: list[str]) -> bool:
    """Whether the text meets one add-on."""
    kind, word = extra
    spoken = [each for each in words if each not in _MARKS]
    if kind in lexicon.OPENERS:
        return tuple(spoken[: len(lexicon.OPENERS[kind])]) == lexicon.OPENERS[kind]
    if kind in lexicon.CLOSERS:
        return tuple(spoken[-len(lexicon.CLOSERS[kind]) :]) == lexicon.CLOSERS[kind]
    met = {
        "reason": "because" in words and _any(lexicon.REASONS, words),
        "time": _any(lexicon.TIMES, words),
        "shout": words[-1:] == [lexicon.SHOUT],
        "emphasis": word in words,
        "and": "and" in words and "," not in words,
        "start": content[:1] == [word],
        "avoid": bool(content) and word not in words,
    }
    return met[kind]


def _faults(instruction: Instruction, words: list[str]) -> float:
    """What faults of manner take off, 0 or more."""
    kept = {instruction.subject, *_CATEGORY, *_MANNER, *_GLUE, *_MARKS}
    if instruction.family == "describe":
        kept -= set(_CATEGORY) - {instruction.subject}
        kept |= {word for verbs, places in lexicon.ACTIONS.values() for word in (*verbs, *places)}
    elif instruction.family != "list":
        kept -= set(_CATEGORY) - {instruction.subject}
        kept |= {*lexicon.COLORS.values()} if instruction.family == "color" else {*lexicon.OPPOSITES}
    strays = sum(word not in kept for word in words)
    inner_marks = sum(word in _MARKS for word in words[:-1])
    again = sum(left == right for left, right in pairwise(words))
    spoken = [word for word in words if word not in {",", "and", "the", "is"}]
    again = max(again, len(spoken) - len(set(spoken)))
    found = {
        "repeated": min(again, 2),
        "stray": min(strays + inner_marks, 3),
        "unended": words[-1:] != [lexicon.END] and words[-1:] != [lexicon.SHOUT],
        "tone": bool(_TONES & set(words)),
    }
    return sum(COSTS[fault] * count for fault, count in found.items())
