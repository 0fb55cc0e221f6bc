"""Which of two labels, by the log-odds of the token in which they part: a pairwise judge's margin from one reply."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import field_validator

from curation.contracts import LogprobsContract, Position, Sides


class LabelLogprobs(LogprobsContract):
    """r = log p(first label) - log p(second label) at the first token that tells them apart.

    Labels may be several tokens long and begin alike. Up to where they part, the reply is taken to say the likeliest
    token at each place, as greedy decoding does; a reply that says something else has no verdict. Case and the white
    space around a label do not count.

    Reads `[{"Output": -0.1, "The": -2.4}, {" (": -0.0, ":": -7.0}, {"a": -0.5, "b": -1.0}]` with
    `{"labels": ["Output (a)", "Output (b)"]}` as `0.5`.
    """

    name = "label_logprobs"

    labels: tuple[str, str] = ("A", "B")
    """The two labels."""

    @field_validator("labels")
    @classmethod
    def _part(cls, labels: tuple[str, str]) -> tuple[str, str]:
        one, other = map(_plain, labels)
        if one.startswith(other) or other.startswith(one):
            raise ValueError(f"{labels[0]!r} and {labels[1]!r} cannot be told apart: one begins with the other")
        return labels

    def sides(self, positions: Sequence[Position]) -> Sides | None:
        one, other = map(_plain, self.labels)
        said = ""
        for listed in positions:
            first, second = (_towards(listed, said, label, against) for label, against in ((one, other), (other, one)))
            if first or second:
                return Sides(first=first, second=second, listed=list(listed.values()))
            if not listed:
                return None
            said += max(listed, key=lambda token: listed[token])
        return None


def _towards(listed: Position, said: str, label: str, against: str) -> list[float]:
    """Log-probabilities of the tokens that lead to this label and not to the other one."""
    after = ((_plain(said + token), logprob) for token, logprob in listed.items())
    return [p for text, p in after if text and label.startswith(text) and not against.startswith(text)]


def _plain(text: str) -> str:
    return text.strip().casefold()
