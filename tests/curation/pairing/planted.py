"""Votes and scores on made-up responses of which the truth is known. Response a of a prompt is `a`, and so on."""

import random
from math import exp

import numpy as np

from curation.labels.evidence import Ballot, Evidence
from curation.pairing import build_pairs


def crowd(count, annotators, *, votes=3, ties=0.0, seed=0):
    """Evidence on `count` couples, and the better side of each. `annotators`: (accuracy, pull) by name.

    An annotator is right with the accuracy, but takes the response shown first in `pull` of all cases, and says tie in
    a share `ties` of them, without looking.
    """
    chance = random.Random(seed)
    truths, evidence = {}, []
    for number in range(count):
        prompt_id = f"p{number:05}"
        better = truths[prompt_id] = chance.choice("ab")
        ballots = [
            vote(said(better, first, *annotators[name], ties, chance), name, first)
            for name in chance.sample(sorted(annotators), votes)
            for first in [chance.choice("ab")]
        ]
        evidence.append(Evidence(prompt_id=prompt_id, ballots=ballots, label_sources=["planted"]))
    return evidence, truths


def said(better, first, accuracy, pull, ties, chance):
    if chance.random() < ties:
        return "tie"
    if chance.random() < pull:
        return first
    return better if chance.random() < accuracy else "ab".replace(better, "")


def vote(verdict, annotator="x", first=None, strength=None):
    return Ballot(a="a", b="b", verdict=verdict, annotator=annotator, shown_first=first, strength=strength)


def both_orders(count, *, sharpness, pull, seed=0):
    """A judge who says a with log odds sharpness * gap + pull for the first place, gap ~ N(0, 1), in both orders."""
    chance = random.Random(seed)
    gaps, evidence = {}, []
    for number in range(count):
        gap = gaps[f"p{number:05}"] = chance.gauss(0, 1)
        ballots = []
        for first, sign in (("a", 1), ("b", -1)):
            odds = sharpness * gap + sign * pull
            wins = odds > 0 if sharpness == 1 else chance.random() < 1 / (1 + exp(-odds))
            ballots.append(vote("a" if wins else "b", first=first, strength=abs(odds)))
        evidence.append(Evidence(prompt_id=f"p{number:05}", ballots=ballots))
    return evidence, {prompt_id: "a" if gap > 0 else "b" for prompt_id, gap in gaps.items()}


def accuracy(builder, evidence, truths):
    """(share of couples that become pairs, share of these that go the right way)."""
    pairs = build_pairs(builder, evidence).pairs
    return len(pairs) / len(truths), sum(truths[pair.prompt_id] == pair.chosen_id for pair in pairs) / len(pairs)


def single_order(evidence, truths):
    """How often the first vote of each couple is right."""
    return sum(found.ballots[0].verdict == truths[found.prompt_id] for found in evidence) / len(truths)


def rated(count, seed=0):
    """UltraFeedback's scores of four responses of quality N(0, 1) (`methods/data.md` 33.2): three lists of Evidence.

    Mean of four aspects, overall score, and overall score with every 1 read as 10; and the qualities by response id.
    """
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(count, 4))
    aspects = np.clip(np.round(3 + quality[..., None] + rng.normal(0, 0.8, (count, 4, 4))), 1, 5).mean(axis=-1)
    overall = np.clip(np.round(5.5 + 2 * quality + rng.normal(0, 1.6, (count, 4))), 1, 10)
    names = [[f"{number} {side}" for side in "abcd"] for number in range(count)]
    of = {
        name: float(q) for row, values in zip(names, quality, strict=True) for name, q in zip(row, values, strict=True)
    }
    kinds = {"aspects": aspects, "overall": overall, "inverted": np.where(overall == 1, 10, overall)}
    return {
        kind: [
            Evidence(prompt_id=f"p{number:05}", scores=dict(zip(row, map(float, scores), strict=True)))
            for number, (row, scores) in enumerate(zip(names, table, strict=True))
        ]
        for kind, table in kinds.items()
    }, of


def right(pairs, quality):
    """Share of pairs whose chosen response is better."""
    return sum(quality[pair.chosen_id] > quality[pair.rejected_id] for pair in pairs) / len(pairs)
