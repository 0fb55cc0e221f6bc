"""The funnel: where the rows of one stage went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.drops import Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """read = kept + dropped, by reason. Refuses to exist if any row is unaccounted for."""

    stage: str
    unit: str
    read: int
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if missing := self.read - self.kept - sum(self.dropped.values()):
            raise ValueError(f"{self.stage}: {missing} of {self.read} {self.unit} are neither kept nor dropped")

    @classmethod
    def of(cls, stage: str, unit: str, *, read: int, kept: int, drops: Iterable[Drop] = ()) -> Funnel:
        """The funnel of a stage from its drops."""
        return cls(stage=stage, unit=unit, read=read, kept=kept, dropped=dict(Counter(drop.reason for drop in drops)))
