"""How many requests a server is given at once: one more while it keeps up, half as many when it does not."""

from __future__ import annotations

from dataclasses import dataclass, field

BACK_OFF = 0.5
"""What is left of the limit after a refusal: additive increase, multiplicative decrease, as in TCP (RFC 5681)."""
SLOW = 4.0
"""A reply that takes so many times the usual counts as a refusal: the server is queueing, not answering."""


@dataclass(kw_only=True)
class Pace:
    """Limit on the requests under way at one server."""

    limit: float
    least: int
    most: int
    under_way: int = 0
    begun: int = 0
    _cut_at: int = 0
    """Requests begun when the limit was last cut: older ones tell nothing of the new limit."""
    _usual_s: float | None = field(default=None)

    @property
    def room(self) -> int:
        """How many more requests may begin now."""
        return int(self.limit) - self.under_way

    def begin(self) -> int:
        """Begin a request; returns its number."""
        self.under_way += 1
        self.begun += 1
        return self.begun

    def end(self, number: int, *, refused: bool, seconds: float | None = None) -> None:
        """End a request: answered in `seconds`, or refused (429, 5xx, a broken connection, no reply in time)."""
        self.under_way -= 1
        slow = not refused and seconds is not None and self._is_slow(seconds)
        if refused or slow:
            if number > self._cut_at:
                self.limit = max(self.least, self.limit * BACK_OFF)
                self._cut_at = self.begun
        else:
            self.limit = min(self.most, self.limit + 1 / self.limit)

    def _is_slow(self, seconds: float) -> bool:
        """Whether a reply took far longer than the usual, a moving average that slow replies raise only slowly."""
        usual = self._usual_s
        if usual is None:
            self._usual_s = seconds
            return False
        slow = seconds > SLOW * usual
        self._usual_s = usual + (seconds - usual) * (0.002 if slow else 0.05)
        return slow
