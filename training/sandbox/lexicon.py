"""The words of the simulated world and what is true in it: data only, shared by the writer and the gold checker."""

from typing import Final


def _words(text: str) -> list[str]:
    return text.split()


def _pairs(text: str) -> dict[str, str]:
    """'hot-cold wet-dry' as {'hot': 'cold', 'wet': 'dry'}."""
    return {left: right for left, _, right in (pair.partition("-") for pair in text.split())}


NUMBERS: Final[dict[str, int]] = {"two": 2, "three": 3, "four": 4}

CATEGORIES: Final[dict[str, list[str]]] = {
    "fruits": _words("apple banana plum pear grape lemon melon peach"),
    "animals": _words("dog cat horse cow sheep lion tiger rabbit"),
    "tools": _words("hammer saw drill axe shovel needle brush ladder"),
    "jobs": _words("baker doctor farmer teacher singer pilot nurse painter"),
    "vehicles": _words("car bus train bike truck tram taxi van"),
    "clothes": _words("shirt coat hat sock shoe scarf glove belt"),
    "drinks": _words("tea coffee milk juice cocoa cider soda wine"),
    "metals": _words("iron gold silver copper tin zinc lead steel"),
}
"""What 'list three fruits' may name. No word belongs to two categories."""

ACTIONS: Final[dict[str, tuple[list[str], list[str]]]] = {
    "animals": (_words("runs sleeps eats"), _words("field barn forest")),
    "jobs": (_words("works talks waits"), _words("office shop market")),
}
"""For 'describe the dog': what members of a category do, and where."""

_CONTRASTS: Final = _pairs(
    "hot-cold big-small fast-slow high-low wet-dry hard-soft rich-poor old-young full-empty open-closed"
)
OPPOSITES: Final[dict[str, str]] = _CONTRASTS | {right: left for left, right in _CONTRASTS.items()}

COLORS: Final[dict[str, str]] = _pairs(
    "banana-yellow lemon-yellow taxi-yellow apple-red wine-red bus-red plum-purple grape-purple "
    "pear-green melon-green milk-white sheep-white coffee-brown cocoa-brown iron-gray steel-gray"
)
"""For 'what color is the banana'."""

OPENERS: Final[dict[str, tuple[str, ...]]] = {
    "greet": ("hello",),
    "polite": ("certainly",),
    "formal": ("dear", "reader"),
    "calm": ("well",),
}
"""Marker words with which an answer begins, by the add-on that asks for them."""
CLOSERS: Final[dict[str, tuple[str, ...]]] = {
    "part": ("goodbye",),
    "thank": ("thanks",),
    "wish": ("good", "luck"),
    "offer": ("ask", "again"),
}
"""Marker words with which an answer closes, before its last mark."""
TIMES: Final = ("today", "tonight", "now")
REASONS: Final = ("nice", "useful", "common", "fun")
EMPHASES: Final = ("really", "truly", "simply", "clearly")
"""Words that 'say really' asks for."""
HEDGE: Final = "maybe"
BOAST: Final = "obviously"
FILLERS: Final = ("um", "stuff", "whatever", "blah")
FICTIONS: Final[dict[str, tuple[str, ...]]] = {
    "list": ("dragon", "unicorn", "ghost", "wizard"),
    "describe": ("flies", "glows", "moon", "castle"),
    "color": ("invisible", "striped", "magic"),
    "opposite": ("nothing", "magic"),
}
"""What a careless writer invents, by kind of task: never true."""
END, SHOUT = ".", "!"
