"""What several rules measure in a text: its words, its sentences, its language."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langdetect.detector_factory import DetectorFactory

DOT, END = "\ue000", "\ue001"
"""Private characters that stand for a full stop inside a sentence, and for the end of one."""

_WORD = re.compile(r"\w+")
_TITLE = r"(Mr|St|Mrs|Ms|Dr)"
_COMPANY = r"(Inc|Ltd|Jr|Sr|Co)"
_OPENING = (
    r"(Mr|Mrs|Ms|Dr|Prof|Capt|Cpt|Lt|He\s|She\s|It\s|They\s|Their\s|Our\s|We\s|But\s|However\s|That\s|This\s|Wherever)"
)
_LETTER = r"([A-Za-z])"

STEPS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"{_TITLE}\.", rf"\1{DOT}"),
        (r"\.(com|net|org|io|gov|edu|me)", rf"{DOT}\1"),
        (r"([0-9])\.([0-9])", rf"\1{DOT}\2"),
        (r"\.{2,}", lambda dots: DOT * len(dots[0]) + END),
        (r"Ph\.D\.", f"Ph{DOT}D{DOT}"),
        (rf"\s{_LETTER}\. ", rf" \1{DOT} "),
        (rf"([A-Z]\.[A-Z]\.(?:[A-Z]\.)?) {_OPENING}", rf"\1{END} \2"),
        (rf"{_LETTER}\.{_LETTER}\.{_LETTER}\.", rf"\1{DOT}\2{DOT}\3{DOT}"),
        (rf"{_LETTER}\.{_LETTER}\.", rf"\1{DOT}\2{DOT}"),
        (rf" {_COMPANY}\. {_OPENING}", rf" \1{END} \2"),
        (rf" {_COMPANY}\.", rf" \1{DOT}"),
        (rf" {_LETTER}\.", rf" \1{DOT}"),
        (r"\.”", "”."),
        (r'\."', '".'),
        (r'!"', '"!'),
        (r'\?"', '"?'),
        (r"([.?!])", rf"\1{END}"),
    )
)
"""The rewriting of IFEval's `split_into_sentences` (google-research/instruction_following_eval), in its order: first
the full stops that end nothing, and the places where one that looks so does, then every other mark."""


def count_words(text: str) -> int:
    """Runs of word characters, as nltk's RegexpTokenizer finds them: a hyphen parts two words."""
    return len(_WORD.findall(text))


def sentences(text: str) -> list[str]:
    """The sentences by IFEval's regular expressions. `?!` ends two, the second of them only a mark: upstream's way."""
    text = f" {text}  ".replace("\n", " ")
    for pattern, replacement in STEPS:
        text = pattern.sub(replacement, text)
    parts = [part.strip() for part in text.replace(DOT, ".").split(END)]
    return parts if parts[-1] else parts[:-1]


def language(text: str) -> str | None:
    """The likeliest language as langdetect names it, `unknown` when none is likely, None for a text without letters.

    langdetect draws at random; its seed is fixed here, so that a text always gets the same answer.
    """
    from langdetect.lang_detect_exception import LangDetectException

    detector = _profiles().create()
    detector.append(text)
    try:
        return detector.detect()
    except LangDetectException:
        return None


@lru_cache(maxsize=1)
def languages() -> frozenset[str]:
    """The codes that `language` can name."""
    from langdetect import PROFILES_DIRECTORY

    return frozenset(path.name for path in Path(PROFILES_DIRECTORY).iterdir() if path.suffix == "")


@lru_cache(maxsize=1)
def _profiles() -> DetectorFactory:
    """The profiles of langdetect in a factory of our own: the library's is shared, and has no seed."""
    from langdetect import PROFILES_DIRECTORY
    from langdetect.detector_factory import DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(0)
    return factory
