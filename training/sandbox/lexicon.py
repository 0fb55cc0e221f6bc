"""The words of the simulated world and what is true in it: data only, read by the writer and by the gold checker alike."""

from typing import Final

NUMBERS: Final = {"two": 2, "three": 3, "four": 4}

CATEGORIES: Final = {
    "fruits": "apple banana plum pear grape lemon melon peach cherry mango".split(),
    "animals": "dog cat horse cow sheep lion tiger mouse rabbit goat".split(),
    "tools": "hammer saw drill axe knife shovel needle brush ladder wrench".split(),
    "jobs": "baker doctor farmer teacher singer pilot nurse judge painter tailor".split(),
    "vehicles": "car bus train bike truck tram taxi tractor van scooter".split(),
    "clothes": "shirt coat hat sock shoe scarf glove dress belt jacket".split(),
    "sports": "tennis golf rugby boxing judo hockey rowing skiing chess cricket".split(),
    "drinks": "tea coffee milk juice water cocoa cider soda wine beer".split(),
    "metals": "iron gold silver copper tin zinc lead steel nickel brass".split(),
    "countries": "france spain italy japan china india egypt kenya peru chile".split(),
}
"""What 'list three fruits' may name. No word belongs to two categories."""

ACTIONS: Final = {
    "animals": ("runs sleeps eats".split(), "field barn forest".split()),
    "jobs": ("works talks waits".split(), "office shop market".split()),
    "vehicles": ("stops turns passes".split(), "street bridge station".split()),
}
"""For 'describe the dog': what members of a category do, and where."""

OPPOSITES: Final = dict(
    pair.split("-")
    for pair in (
        "hot-cold big-small fast-slow high-low wet-dry hard-soft rich-poor old-young light-dark full-empty "
        "early-late open-closed happy-sad clean-dirty loud-quiet strong-weak near-far deep-shallow wide-narrow sharp-dull"
    ).split()
)
OPPOSITES.update({right: left for left, right in OPPOSITES.items()})

COLORS: Final = dict(
    pair.split("-")
    for pair in (
        "banana-yellow lemon-yellow cherry-red apple-red plum-purple grape-purple peach-orange mango-orange pear-green "
        "melon-green milk-white sheep-white coffee-brown cocoa-brown tractor-blue juice-orange wine-red lion-brown "
        "iron-gray steel-gray mouse-gray tea-brown taxi-yellow bus-red"
    ).split()
)
"""For 'what color is the banana'."""

OPENERS: Final = {"greet": ("hello",), "polite": ("certainly",), "formal": ("dear", "reader"), "calm": ("well",)}
"""Marker words with which an answer begins, by the add-on that asks for them."""
CLOSERS: Final = {"part": ("goodbye",), "thank": ("thanks",), "wish": ("good", "luck"), "offer": ("ask", "again")}
"""Marker words with which an answer closes, before its last mark."""
TIMES: Final = ("today", "tonight", "now")
REASONS: Final = ("nice", "useful", "common", "fun")
EMPHASES: Final = ("really", "truly", "simply", "clearly", "surely", "plainly")
"""Words that 'say really' asks for."""
HEDGE: Final = "maybe"
FILLERS: Final = ("um", "stuff", "things", "whatever")
END, SHOUT = ".", "!"
