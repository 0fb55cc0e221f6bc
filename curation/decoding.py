"""Token by token: what a transformers model may say next, and where its reply ends.

Every row of a batch keeps its own rules and its own dice, so a reply depends on its request alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, StoppingCriteria

from curation.logprobs import spelled
from schemas.calls import Request, Sampling, Structure
from schemas.errors import UpstreamError

if TYPE_CHECKING:
    from xgrammar import GrammarMatcher

GREEDY_BELOW = 1e-5
"""Temperatures under this are 0: dividing by them would overflow."""

Decode = Callable[[Sequence[int]], str]


class BadStructure(ValueError):
    """A structure that no grammar can be made of."""


@dataclass(slots=True, kw_only=True)
class Row:
    """One reply in the making."""

    request: Request
    prompt: list[int]
    room: int
    """Tokens that the reply may have."""
    end: frozenset[int]
    """Tokens that end a reply."""
    dice: torch.Generator
    matcher: GrammarMatcher | None = None
    said: list[int] = field(default_factory=list)
    text: str = ""
    finish: str | None = None
    """stop or length, once the reply is complete."""
    logprobs: list[dict[str, float]] = field(default_factory=list)

    def scores(self, logits: Tensor, spell: Callable[[int], str]) -> Tensor:
        """`logits` [vocabulary] as scores whose maximum is the token that the dice drew."""
        sampling = self.request.sampling
        if self.matcher is not None:
            logits = logits.masked_fill(~self._allowed(self.matcher, logits), -math.inf)
        scores = penalised(logits, sampling, self.prompt, self.said)
        if sampling.temperature >= GREEDY_BELOW:
            scores = warped(scores, sampling) + gumbel(scores, self.dice)
        if self.request.top_logprobs:
            self.logprobs.append(_alternatives(logits, int(scores.argmax()), self.request.top_logprobs, spell))
        return scores

    def take(self, token: int, decode: Decode) -> None:
        """Add the drawn token, and see whether it completes the reply."""
        self.said.append(token)
        if self.matcher is not None:
            self.matcher.accept_token(token)
        stops = self.request.sampling.stop
        if token in self.end or (stops and _before(decode(self.said), stops) is not None):
            self.finish = "stop"
        elif len(self.said) >= self.room:
            self.finish = "length"
        if self.finish:
            text = decode(self.said)
            before = _before(text, stops)
            self.text = (text if before is None else before).strip()

    def _allowed(self, matcher: GrammarMatcher, logits: Tensor) -> Tensor:
        """[vocabulary] bool: the tokens that the grammar allows; the end where the vocabulary cannot spell it."""
        words = torch.zeros((1, (len(logits) + 31) // 32), dtype=torch.int32)
        matcher.fill_next_token_bitmask(words)
        bits = (words.to(logits.device).T >> torch.arange(32, device=logits.device)) & 1
        allowed = bits.flatten()[: len(logits)].bool()
        if not words.any():
            allowed[list(self.end)] = True
        return allowed


class Draws(LogitsProcessor):
    """Makes every row's draw its maximum, so that greedy decoding takes it."""

    def __init__(self, rows: Sequence[Row], spell: Callable[[int], str]) -> None:
        self.rows, self.spell = rows, spell

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Any:  # noqa: ARG002 (the protocol's names)
        drawn = [
            line if row.finish else row.scores(line, self.spell) for row, line in zip(self.rows, scores, strict=True)
        ]
        return torch.stack(drawn)


class Ends(StoppingCriteria):
    """Hands every row its drawn token; says which rows are complete."""

    def __init__(self, rows: Sequence[Row], decode: Decode) -> None:
        self.rows, self.decode = rows, decode

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Any:  # noqa: ARG002 (the protocol's names)
        for row, token in zip(self.rows, input_ids[:, -1].tolist(), strict=True):
            if not row.finish:
                row.take(token, self.decode)
        return torch.tensor([row.finish is not None for row in self.rows], device=input_ids.device)


class Grammars:
    """Structures compiled for one model's vocabulary; compiled again only when they change."""

    def __init__(self, tokenizer: Any, vocabulary: int, end: frozenset[int]) -> None:
        try:
            import xgrammar
        except ImportError as error:
            raise UpstreamError("xgrammar is not installed; `pip install xgrammar` to ask for structures.") from error
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary)
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        self.match, self.end = xgrammar.GrammarMatcher, sorted(end)

    def matcher(self, structure: Structure) -> GrammarMatcher:
        """A reader of one reply. Raises BadStructure with the compiler's reason."""
        try:
            return self.match(self._compiled(structure), override_stop_tokens=self.end)
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0].rpartition(": ")[2]
            raise BadStructure(f"The {structure.kind} cannot be enforced: {reason}") from error

    def _compiled(self, structure: Structure) -> Any:
        if structure.kind == "json":
            return self.compiler.compile_json_schema(structure.text)
        if structure.kind == "regex":
            return self.compiler.compile_regex(structure.text)
        choices = json.loads(structure.text)
        if not (isinstance(choices, list) and choices and all(isinstance(one, str) for one in choices)):
            raise ValueError("it must be a JSON list of texts")
        return self.compiler.compile_grammar(
            "root ::= " + " | ".join(json.dumps(one, ensure_ascii=False) for one in choices)
        )


def penalised(logits: Tensor, sampling: Sampling, prompt: Sequence[int], said: Sequence[int]) -> Tensor:
    """Repetition counts the prompt's tokens and the reply's; presence and frequency only the reply's."""
    if sampling.repetition_penalty != 1:
        seen = torch.tensor(sorted({*prompt, *said}), device=logits.device)
        met = logits[seen]
        factor = torch.where(met > 0, 1 / sampling.repetition_penalty, sampling.repetition_penalty)
        logits = logits.index_copy(0, seen, met * factor)
    if said and (sampling.presence_penalty or sampling.frequency_penalty):
        counts = torch.tensor(said, device=logits.device).bincount(minlength=len(logits))
        logits = logits - sampling.frequency_penalty * counts - sampling.presence_penalty * (counts > 0)
    return logits


def warped(logits: Tensor, sampling: Sampling) -> Tensor:
    """Temperature, then min-p, top-k and top-p, in vLLM's order. The likeliest token always stays."""
    logits = logits / sampling.temperature
    if sampling.min_p > 0:
        logits = logits.masked_fill(logits < logits.max() + math.log(sampling.min_p), -math.inf)
    if 0 < sampling.top_k < len(logits):
        logits = logits.masked_fill(logits < logits.topk(sampling.top_k).values[-1], -math.inf)
    if sampling.top_p < 1:
        chances, order = logits.softmax(0).sort(descending=True, stable=True)
        beyond = chances.cumsum(0) - chances >= sampling.top_p
        beyond[0] = False
        logits = logits.masked_fill(torch.zeros_like(beyond).scatter(0, order, beyond), -math.inf)
    return logits


def gumbel(like: Tensor, dice: torch.Generator) -> Tensor:
    """Noise whose sum with log-probabilities has its maximum at a token with just that token's probability."""
    waits = torch.empty_like(like).exponential_(generator=dice)
    return -waits.clamp_min(torch.finfo(like.dtype).tiny).log()


def _alternatives(logits: Tensor, chosen: int, top: int, spell: Callable[[int], str]) -> dict[str, float]:
    """The chosen token and the likeliest ones, before penalties and temperature; what is impossible is left out."""
    logprobs = logits.log_softmax(0)
    tokens = dict.fromkeys([chosen, *logprobs.topk(min(top, len(logits))).indices.tolist()])
    values = {token: float(logprobs[token]) for token in tokens}
    return spelled((spell(token), value) for token, value in values.items() if value > -math.inf)


def _before(text: str, stops: Sequence[str]) -> str | None:
    """What stands before the first of the stop strings; None without one."""
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else None
