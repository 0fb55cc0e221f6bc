"""Fuzzy consensus: a principle is kept where every other annotator names one like it (arXiv 2509.21319, 5(c)4)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from schemas.principles import Principle

Vectors = Mapping[str, NDArray[np.floating]]
"""The embedding of every name, each [d]."""

DIGITS = 6
"""Of a cosine: the digits behind these differ between machines, and 0.8 must be 0.8 on all of them."""

TARGET_SHARE = 1 / 12
"""Share of the principles that consensus keeps in RLBFF: 100 thousand of 1.2 million."""


def cosines(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine of every two rows of [n, d], as [n, n]. Raises ValueError when a row has no direction."""
    wide = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise ValueError("an embedding is zero or not finite; use another embedder")
    unit = wide / lengths
    return np.round(unit @ unit.T, DIGITS)


def support(cosine: NDArray[np.floating], annotators: NDArray[np.integer], n_annotators: int) -> NDArray[np.float64]:
    """How surely every other annotator names a principle like this one: the least over the others of the best cosine.

    cosine: [n, n] of the principles of one response; annotators: [n], who said each, from 0; n_annotators: all who gave
    feedback on the response, those without a principle included. Returns [n]; -inf where somebody names nothing, or
    where there is no other annotator, for nobody agrees with oneself.
    """
    if n_annotators < 2:
        return np.full(len(annotators), -np.inf)
    best = np.full((len(annotators), n_annotators), -np.inf)
    for annotator in np.unique(annotators):
        best[:, annotator] = cosine[:, annotators == annotator].max(axis=1)
    best[np.arange(len(annotators)), annotators] = np.inf
    return best.min(axis=1)


def contradicted(cosine: NDArray[np.floating], labels: NDArray[np.str_], theta: float) -> NDArray[np.bool_]:
    """[n], where a principle of the same response that matches this one has another label."""
    return ((cosine > theta) & (labels[:, None] != labels)).any(axis=1)


def theta_for(supports: NDArray[np.floating], share: float = TARGET_SHARE) -> float:
    """The least threshold that keeps no more than `share` (between 0 and 1) of the principles, by their support [n].

    Cosines of two embedders are on two scales: .8 of Qwen3-8B is not .8 of another. Where all annotators use the same
    name, it is kept whatever the share: the threshold stays below 1. Raises ValueError when no principle has a
    counterpart.
    """
    ranked = np.sort(np.asarray(supports, np.float64))[::-1]
    if not ranked.size or not np.isfinite(ranked[0]):
        raise ValueError("no principle has a counterpart; a threshold needs responses with feedback by several people")
    return float(np.clip(ranked[int(share * len(ranked))], -1.0, 1.0 - 10.0**-DIGITS))


def by_consensus(
    principles: Sequence[Principle], annotators: Mapping[str, Collection[str]], vectors: Vectors, theta: float
) -> list[Principle]:
    """The principles, each dropped with a reason unless the other annotators of its response agree.

    annotators: all who gave feedback, by response id. Only what is kept so far counts as said.
    """
    return [
        one
        for response_id, said in by_response(principles)
        for one in _judged(said, sorted(annotators[response_id]), vectors, theta)
    ]


def by_response(principles: Sequence[Principle]) -> Iterator[tuple[str, list[Principle]]]:
    """Principles by response, both in id order."""
    ordered = sorted(principles, key=lambda one: (one.response_id, one.principle_id))
    for response_id, said in groupby(ordered, key=lambda one: one.response_id):
        yield response_id, list(said)


def supports(
    principles: Sequence[Principle], annotators: Mapping[str, Collection[str]], vectors: Vectors
) -> NDArray[np.float64]:
    """The support of all principles kept so far, as `theta_for` wants it."""
    found = [
        support(*_compared(kept, sorted(annotators[response_id]), vectors))
        for response_id, said in by_response(principles)
        if (kept := [one for one in said if one.kept])
    ]
    return np.concatenate([np.zeros(0), *found])


def _compared(
    said: Sequence[Principle], annotators: Sequence[str], vectors: Vectors
) -> tuple[NDArray[np.float64], NDArray[np.integer], int]:
    """What `support` wants to know about the principles of one response."""
    cosine = cosines(np.stack([vectors[one.principle] for one in said]))
    return cosine, np.array([annotators.index(one.annotator) for one in said]), len(annotators)


def _judged(said: Sequence[Principle], annotators: Sequence[str], vectors: Vectors, theta: float) -> list[Principle]:
    """The principles of one response."""
    kept = [one for one in said if one.kept]
    dropped = [one for one in said if not one.kept]
    if not kept:
        return dropped
    cosine, who, count = _compared(kept, annotators, vectors)
    agreed = support(cosine, who, count) > theta
    disputed = contradicted(cosine, np.array([one.label for one in kept]), theta)
    alone = "single_annotator" if count < 2 else "no_consensus"
    reasons = np.where(~agreed, alone, np.where(disputed, "label_conflict", ""))
    return dropped + [
        replace(one, kept=False, reason=str(reason)) if reason else one
        for one, reason in zip(kept, reasons, strict=True)
    ]
