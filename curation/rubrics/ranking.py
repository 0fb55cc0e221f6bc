"""Which answers to a prompt are known to be better: from votes, or from scores of one or several annotators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from statistics import fmean, pstdev

Pair = tuple[str, str]
"""Response ids, the better one first."""

Beats = Callable[[str, str], bool]
"""Whether one response is known to be better than another."""


def by_votes(net_wins: Mapping[Pair, int], most: int) -> list[str]:
    """Response ids, best first, of which every two were voted on, the earlier one with more wins; at most `most`.

    `net_wins` counts, for two responses in either order, votes for the first minus votes for the second.
    """
    net = dict(net_wins) | {(worse, better): -wins for (better, worse), wins in net_wins.items()}
    total: defaultdict[str, int] = defaultdict(int)
    for (response, _), wins in net.items():
        total[response] += (wins > 0) - (wins < 0)
    strongest = sorted(total, key=lambda response: (-total[response], response))
    return spread(chain(strongest, lambda one, other: net.get((one, other), 0) > 0), most)


def by_scores(scores: Mapping[str, float], most: int) -> list[str]:
    """Response ids, best first, no two with the same score; at most `most`."""
    strongest = sorted(scores, key=lambda response: (-scores[response], response))
    return spread(chain(strongest, lambda one, other: scores[one] > scores[other]), most)


def chain(candidates: Iterable[str], beats: Beats) -> list[str]:
    """The candidates, in their order, without those that some earlier one is not known to beat."""
    found: list[str] = []
    for candidate in candidates:
        if all(beats(earlier, candidate) for earlier in found):
            found.append(candidate)
    return found


def spread(ranked: Sequence[str], most: int) -> list[str]:
    """At most `most` of them, two or more: the first, the last, and some evenly between."""
    if len(ranked) <= most:
        return list(ranked)
    return [ranked[round(place * (len(ranked) - 1) / (most - 1))] for place in range(most)]


def induced(best_first: Sequence[str]) -> list[Pair]:
    """Every pair that an order decides."""
    return list(combinations(best_first, 2))


def ensemble(ratings: Iterable[tuple[str, str, float]]) -> dict[str, float]:
    """Mean z-score of each response over annotators, from (annotator, response id, rating).

    Each annotator's ratings are standardised over all that it rated, so that scales do not matter. A response that an
    annotator left out has no mean: it cannot be compared. This labels answers without votes: OpenRubrics (arXiv
    2510.07743) keeps the first and the last by two reward models.
    """
    by_annotator: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for annotator, response, rating in ratings:
        by_annotator[annotator][response] = rating
    standard = [_standardised(rated) for rated in by_annotator.values()]
    everywhere = set.intersection(*map(set, standard)) if standard else set()
    return {response: fmean(rated[response] for rated in standard) for response in sorted(everywhere)}


def _standardised(rated: Mapping[str, float]) -> dict[str, float]:
    middle, width = fmean(rated.values()), pstdev(rated.values()) or 1.0
    return {response: (rating - middle) / width for response, rating in rated.items()}
