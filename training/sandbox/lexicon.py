"""The words of the simulated world and what is true in it: data only, read by the writer and by the gold checker alike."""

from typing import Final

NUMBERS: Final = {"two": 2, "three": 3, "four": 4}

CATEGORIES: Final = {
    "fruits": "apple banana plum pear grape lemon melon peach".split(),
    "animals": "dog cat horse cow sheep lion tiger rabbit".split(),
    "tools": "hammer saw drill axe shovel needle brush ladder".split(),
    "jobs": "baker doctor farmer teacher singer pilot nurse painter".split(),
    "vehicles": "car bus train bike truck tram taxi van".split(),
    "clothes": "shirt coat hat sock shoe scarf glove belt".split(),
    "drinks": "tea coffee milk juice cocoa cider soda wine".split(),
    "metals": "iron gold silver copper tin zinc lead steel".split(),
}
"""What 'list three fruits' may name. No word belongs to two categories."""

ACTIONS: Final = {
    "animals": ("runs sleeps eats".split(), "field barn forest".split()),
    "jobs": ("works talks waits".split(), "office shop market".split()),
}
"""For 'describe the dog': what members of a category do, and where."""

OPPOSITES: Final = dict(
    pair.split("-")
    for pair in "hot-cold big-small fast-slow high-low wet-dry hard-soft rich-poor old-young full-empty open-closed".split()
)
OPPOSITES.update({right: left for left, right in OPPOSITES.items()})

COLORS: Final = dict(
    pair.split("-")
    for pair in (
        "banana-yellow lemon-yellow taxi-yellow apple-red wine-red bus-red plum-purple grape-purple "
        "pear-green melon-green milk-white sheep-white coffee-brown cocoa-brown iron-gray steel-gray"
    ).split()
)
"""For 'what color is the banana'."""

OPENERS: Final = {"greet": ("hello",), "polite": ("certainly",), "formal": ("dear", "reader"), "calm": ("well",)}
"""Marker words with which an answer begins, by the add-on that asks for them."""
CLOSERS: Final = {"part": ("goodbye",), "thank": ("thanks",), "wish": ("good", "luck"), "offer": ("ask", "again")}
"""Marker words with which an answer closes, before its last mark."""
TIMES: Final = ("today", "tonight", "now")
REASONS: Final = ("nice", "useful", "common", "fun")
EMPHASES: Final = ("really", "truly", "simply", "clearly")
"""Words that 'say really' asks for."""
HEDGE: Final = "maybe"
BOAST: Final = "obviously"
FILLERS: Final = ("um", "stuff", "whatever", "blah")
FICTIONS: Final = {
    "list": ("dragon", "unicorn", "ghost", "wizard"),
    "describe": ("flies", "glows", "moon", "castle"),
    "color": ("invisible", "striped", "magic"),
    "opposite": ("nothing", "magic"),
}
"""What a careless writer invents, by kind of task: never true."""
END, SHOUT = ".", "!"
