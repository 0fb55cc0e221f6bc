"""Pairs whose better side is a linear utility, and linear Bradley-Terry voters: section 3(g) of the methods."""

from typing import NamedTuple

import numpy as np

from curation.voting.strength import Rewards

WIDTH, COUNT, VOTERS = 20, 6000, 10
RATE, BATCH = 0.05, 32


class Fixture(NamedTuple):
    """P pairs: what the sides differ in, [P, WIDTH] oriented by true utility, and which labels were turned round."""

    differences: np.ndarray
    flips: np.ndarray
    utility: np.ndarray

    @property
    def labelled(self):
        """[P, WIDTH] as labelled: chosen minus rejected."""
        return np.where(self.flips[:, None], -self.differences, self.differences)


def fixture(seed, share=0.25, count=COUNT):
    """Pairs with `share` of the labels turned round."""
    chance = np.random.default_rng(seed)
    utility = chance.normal(size=WIDTH)
    utility *= 2 / np.linalg.norm(utility)
    differences = chance.normal(size=(count, WIDTH)) - chance.normal(size=(count, WIDTH))
    differences *= np.sign(differences @ utility)[:, None]
    flips = np.zeros(count, dtype=bool)
    flips[chance.permutation(count)[: round(share * count)]] = True
    return Fixture(differences, flips, utility)


def trained(differences, seed, voters=VOTERS, soft_labels=None, margins=None):
    """[voters, WIDTH] weights of linear models after one epoch, each in an order of its own."""
    chance = np.random.default_rng([seed, 1])
    count = len(differences)
    soft = np.ones(count) if soft_labels is None else soft_labels
    margin = np.zeros(count) if margins is None else margins
    weights = chance.normal(size=(voters, WIDTH)) * 1e-3
    orders = np.stack([chance.permutation(count) for _ in range(voters)])
    for start in range(0, count - BATCH + 1, BATCH):
        rows = orders[:, start : start + BATCH]
        seen = differences[rows]
        gaps = np.einsum("mbw,mw->mb", seen, weights) - margin[rows]
        # -q log s(gap) - (1 - q) log s(-gap) has the slope s(gap) - q.
        slopes = 1 / (1 + np.exp(-gaps)) - soft[rows]
        weights -= RATE * np.einsum("mb,mbw->mw", slopes, seen) / BATCH
    return weights


def votes(differences, weights):
    """What linear models say of pairs whose chosen side has the features `differences`, and the rejected one none."""
    chosen = weights @ differences.T
    return Rewards(
        voters=tuple(f"linear {n}" for n in range(len(weights))), chosen=chosen, rejected=np.zeros_like(chosen)
    )


def accuracy(weights, seed):
    """Mean share of 5,000 new pairs that the models put in their true order."""
    chance = np.random.default_rng([seed, 2])
    utility = np.random.default_rng(seed).normal(size=WIDTH)
    new = chance.normal(size=(5000, WIDTH)) - chance.normal(size=(5000, WIDTH))
    return float(((weights @ new.T > 0) == (new @ utility > 0)).mean())


def auc(scores, wanted):
    """Share of (wanted, other) couples in which the wanted one scores higher."""
    ranks = np.argsort(np.argsort(scores))
    count = wanted.sum()
    return float((ranks[wanted].sum() - count * (count - 1) / 2) / (count * (len(scores) - count)))
