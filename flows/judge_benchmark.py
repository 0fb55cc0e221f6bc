"""Measure a recipe's judges by a benchmark: they are asked about its answers, and every call is in the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from curation.asking import Group, Question
from curation.folders import record_files
from curation.judges import ComparingJudge, Judge
from curation.readers import SUFFIXES
from flows.compare import SOURCE
from flows.judging import Hearing
from flows.measure import digest_of, figure_table, kept_figures, records_of
from flows.recipe import Recipe, load
from flows.run import Run
from flows.tables import check_format, show
from schemas.calls import OUTAGES, Answered
from schemas.errors import ConfigError, InputError, UpstreamError
from schemas.ids import content_id
from schemas.prompts import Prompt
from schemas.responses import RESPONSES, Response
from schemas.scores import Score
from schemas.votes import Vote
from training.evaluate.benchmarks import BENCHMARKS, Case, Contest, Figures, Record, Wins, count, won
from training.evaluate.benchmarks.judgebench import two_games
from training.evaluate.held_out import ALL, Row
from warehouse.lake import Lake

STAGE = "benchmark"
DIGITS = 8
"""Of the digest of a judge's settings, behind its name."""


@dataclass(frozen=True, slots=True)
class Match:
    """A case of a benchmark as judges see it."""

    case: Case
    group: Group
    right: tuple[Response, ...]
    wrong: tuple[Response, ...]

    @property
    def bouts(self) -> Iterator[tuple[Response, Response]]:
        """Every right answer with every wrong one."""
        return ((one, other) for one in self.right for other in self.wrong)

    @classmethod
    def of(cls, case: Case, benchmark: str) -> Match:
        messages = case.items[0][0]
        if any(prompt != messages for prompt, _ in case.items):
            raise InputError(f"{benchmark}: the answers to {case.prompt!r} have different prompts; give them one.")
        prompt = Prompt.of(messages, source=SOURCE)
        answers = [
            Response.of(prompt.prompt_id, model=f"{benchmark}/unknown", text=text, source=SOURCE)
            for _, text in case.items
        ]
        ordered = sorted({one.response_id: one for one in answers}.values(), key=lambda one: one.response_id)
        group = Group(prompt=prompt, responses=tuple(ordered))
        return cls(case, group, tuple(answers[: case.correct]), tuple(answers[case.correct :]))


@dataclass(frozen=True, slots=True)
class Said:
    """What a judge said: votes by what was shown first and second, and ratings by response. The last try counts."""

    votes: dict[tuple[str, str], dict[int, Vote]] = field(default_factory=lambda: defaultdict(dict))
    ratings: dict[str, dict[tuple[str, int], Score]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, question: Question, _: Answered, rows: Sequence[Score | Vote]) -> None:
        """Keep the rows of a reply."""
        for row in rows:
            if isinstance(row, Vote):
                second = row.response_b if row.shown_first == row.response_a else row.response_a
                self.votes[row.shown_first, second][question.sample] = row
            else:
                self.ratings[row.response_id][row.aspect, question.sample] = row

    def verdict(self, first: Response, second: Response) -> str | None:
        """`A` for what was shown first, `B` or tie, by most samples; None where none could be read."""
        if first.response_id == second.response_id:
            return "tie"
        better = "a" if first.response_id < second.response_id else "b"
        votes = self.votes[first.response_id, second.response_id].values()
        read = [vote.verdict for vote in votes if vote.verdict]
        balance = sum(0 if said == "tie" else 1 if said == better else -1 for said in read)
        return None if not read else "A" if balance > 0 else "B" if balance < 0 else "tie"

    def rating(self, response: Response) -> float:
        """Mean over aspects and samples; NaN where none could be read."""
        read = [one.value for one in self.ratings[response.response_id].values() if one.value is not None]
        return float(np.mean(read)) if read else np.nan


def measure_judges(warehouse: Path, name: str, recipe: Path, paths: Sequence[Path], output: str) -> None:
    """Print the figures of a benchmark's files for every judge of a recipe, and keep them."""
    check_format(output)
    benchmark, files, settings = contest(name), record_files(paths, SUFFIXES), load(recipe)
    with Lake.open(warehouse) as lake:
        found = judges_figures(lake, settings, benchmark, list(records_of(files)))
    tables = []
    for judge, figured in zip(settings.judges, found, strict=True):
        rows = [Row(ALL, metric, interval) for metric, interval in figured.items()]
        subject = f"{judge.annotator}@{content_id('judge', judge.spec())[:DIGITS]}"
        kept_figures(warehouse, subject, f"{name} {digest_of(files)}", rows)
        figures = figure_table(rows).drop_columns("slice")
        tables.append(figures.add_column(0, "judge", pa.array([judge.annotator] * figures.num_rows)))
    show(pa.concat_tables(tables), output)


def contest(name: str) -> Contest:
    """The benchmark of this name. Raises ConfigError where it needs rewards."""
    benchmark = BENCHMARKS.build(name)
    if not isinstance(benchmark, Contest):
        known = sorted(key for key, cls in BENCHMARKS.classes.items() if issubclass(cls, Contest))
        raise ConfigError(f"{name} needs rewards, which judges do not give; take one of {', '.join(known)}.")
    return benchmark


def judges_figures(lake: Lake, recipe: Recipe, benchmark: Contest, records: Sequence[Record | None]) -> list[Figures]:
    """Of each judge: the benchmark's figures, and what could not be read. Raises UpstreamError after an outage."""
    if not recipe.judges:
        raise ConfigError("The recipe has no judge; add one to `judges`.")
    cases, unreadable = benchmark.cases(records)
    matches = [Match.of(case, benchmark.name) for case in cases]
    lake.append((RESPONSES, RESPONSES.rows({r.response_id: r for m in matches for r in m.group.responses}.values())))
    hearing = Hearing(run=Run(lake=lake, recipe=recipe), stage=STAGE)
    heard = [_heard(hearing, judge, matches, recipe.seed) for judge in recipe.judges]
    hearing.end()
    if missing := sum(n for reason, n in hearing.dropped.items() if reason in OUTAGES):
        raise UpstreamError(f"{missing:,} calls got no reply, so there are no figures; run it again to ask for them.")
    figures: list[Figures] = []
    for judge, said in zip(recipe.judges, heard, strict=True):
        wins, counts = (_compared if isinstance(judge, ComparingJudge) else _rated)(said, matches)
        figures.append(benchmark.outcome(cases, wins) | {"unreadable": unreadable} | counts)
    return figures


def _heard(hearing: Hearing, judge: Judge, matches: Sequence[Match], seed: int) -> Said:
    said = Said()
    if matches and next(judge.questions(matches[0].group, seed), None) is None:
        raise ConfigError(f"{judge.annotator} judges by what a benchmark does not have, such as rubrics; leave it out.")
    hearing.ask(judge.model, partial(_questions, judge, matches, seed), said.note)
    return said


def _questions(judge: Judge, matches: Sequence[Match], seed: int) -> Iterator[Question]:
    """A comparing judge sees every right answer with every wrong one in both orders; another one, what it asks for."""
    for match in matches:
        if not isinstance(judge, ComparingJudge):
            yield from judge.asked(match.group, seed)
            continue
        for one, other in match.bouts:
            if one.response_id != other.response_id:
                for order in ((one, other), (other, one)):
                    question = judge.compare(match.group, order, seed)
                    yield from (replace(question, sample=sample) for sample in range(judge.samples))


def _compared(said: Said, matches: Sequence[Match]) -> tuple[list[Wins], Figures]:
    """A right answer wins with more right than wrong verdicts over both orders (JudgeBench)."""
    bouts = [(one, other) for match in matches for one, other in match.bouts]
    prompts = [match.case.prompt for match in matches for _ in match.bouts]
    first = [said.verdict(one, other) for one, other in bouts]
    second = [said.verdict(other, one) for one, other in bouts]
    games = two_games(first, second, ["A"] * len(bouts), prompts)
    ends = np.cumsum([len(match.right) * len(match.wrong) for match in matches])
    parts = np.split(games.won.astype(np.float64), ends[:-1]) if matches else []
    wins = [part.reshape(len(match.right), -1) for match, part in zip(matches, parts, strict=True)]
    counts = {"pairs": games.accuracy, "inconsistency": games.inconsistency}
    return wins, counts | {"unread": count(games.unread, 2 * len(bouts))}


def _rated(said: Said, matches: Sequence[Match]) -> tuple[list[Wins], Figures]:
    """A right answer wins with the higher rating; what could not be read wins nothing, and is not lost to."""
    wins, unread, ties = [], 0, 0
    for match in matches:
        right, wrong = (np.array([said.rating(one) for one in side]) for side in (match.right, match.wrong))
        wins.append(won(right, wrong))
        unread += int(np.isnan(right).sum() + np.isnan(wrong).sum())
        ties += int((right[:, None] == wrong[None, :]).sum())
    bouts = sum(one.size for one in wins)
    answers = sum(len(match.right) + len(match.wrong) for match in matches)
    return wins, {"unread": count(unread, answers), "ties": count(ties, bouts)}
