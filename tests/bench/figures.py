"""How a benchmark ends: one line a bar, and the exit status that goes with them."""

import sys
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Bars:
    """The bars of one benchmark."""

    short: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def add(self, name: str, figure: float, bound: float, *, most: bool = True, unit: str = "") -> None:
        """A figure and its bound: the most that it may be, or the least."""
        met = figure <= bound if most else figure >= bound
        verdict: Literal["met", "short"] = "met" if met else "short"
        self.lines.append(f"bar {name}: {figure:.3g}{unit} (bound {bound:g}{unit}) {verdict}")
        if not met:
            self.short.append(name)

    def end(self) -> None:
        """Print the bars; exit with status 1 when one is short."""
        sys.stdout.write("\n".join(self.lines) + "\n")
        raise SystemExit(bool(self.short))


def say(text: str) -> None:
    """A line about what is being measured."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
