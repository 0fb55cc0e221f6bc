"""Majorities that fit one order of a prompt's responses; those that run in a circle do not all become pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

from curation.labels.comparison import Comparison, by_majority
from curation.labels.evidence import Evidence
from curation.pairing import PairBuilder
from schemas.ids import draw

MOST = 12
"""Responses of a circle whose nearest order is searched for exactly; of more, the order of their wins is taken."""

Beaten = Mapping[tuple[str, str], float]
"""(better, worse) and the weight of that verdict."""


class Consistent(PairBuilder):
    """One pair for each couple by majority, less the verdicts that contradict the order nearest to all of them.

    Nearest: the verdicts against it have the least votes together (Kemeny's order). Those are dropped as `cycle`, so
    they stay as evidence; between equally near orders the ids decide.
    """

    name = "consistent"

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        found = [by_majority(evidence, a, b) for a, b in evidence.couples]
        decided = {(one.better, one.worse): one for one in found if not one.dropped}
        beaten = {couple: evidence.net_wins(*couple) + _coin(evidence.prompt_id, *couple) for couple in decided}
        against = contradictions(beaten)
        for one in found:
            yield replace(one, dropped="cycle") if (one.better, one.worse) in against else one


def _coin(prompt_id: str, one: str, other: str) -> float:
    """Less than any vote, and the same whichever side won: flipped verdicts have the flipped order."""
    return draw("cycle", prompt_id, *sorted((one, other))) / 1000


def contradictions(beaten: Beaten) -> set[tuple[str, str]]:
    """The lightest verdicts without which no response is, in a circle, better than itself."""
    against: set[tuple[str, str]] = set()
    for circle in _circles(beaten):
        inside = {couple: weight for couple, weight in beaten.items() if circle.issuperset(couple)}
        order = nearest_order(sorted(circle), inside) if len(circle) <= MOST else _by_wins(circle, inside)
        place = {response_id: number for number, response_id in enumerate(order)}
        against |= {(better, worse) for better, worse in inside if place[better] > place[worse]}
    return against


def nearest_order(names: list[str], beaten: Beaten) -> list[str]:
    """Best first: the order with the least weight of verdicts against it, over all first parts of an order."""
    best: dict[frozenset[str], tuple[float, list[str]]] = {frozenset(): (0.0, [])}
    for size in range(1, len(names) + 1):
        for chosen in map(frozenset, combinations(names, size)):
            best[chosen] = min(
                (best[chosen - {last}][0] + _weight(beaten, last, chosen), [*best[chosen - {last}][1], last])
                for last in chosen
            )
    return best[frozenset(names)][1]


def _weight(beaten: Beaten, last: str, before: frozenset[str]) -> float:
    """Weight of the verdicts that call `last` better than what stands before it."""
    return sum(beaten.get((last, other), 0.0) for other in before)


def _by_wins(circle: set[str], beaten: Beaten) -> list[str]:
    def net(name: str) -> float:
        return sum(weight * ((better == name) - (worse == name)) for (better, worse), weight in beaten.items())

    return sorted(circle, key=net, reverse=True)


def _circles(beaten: Beaten) -> list[set[str]]:
    """Groups of responses each of which is, by way of others, better than all in its group."""
    names = sorted({name for couple in beaten for name in couple})
    better_than = {name: {worse for better, worse in beaten if better == name} for name in names}
    for through in names:
        for name in names:
            if through in better_than[name]:
                better_than[name] |= better_than[through]
    groups = [{other for other in better_than[name] if name in better_than[other]} for name in names]
    return [group for name, group in zip(names, groups, strict=True) if group and name == min(group)]
